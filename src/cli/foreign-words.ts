type Words = readonly (readonly [pattern: RegExp, hint: string])[];

const flags: Words = [
  [/^(?:server\.http|web)\.listen-addr(?:ess)?$/, 'did you mean "--listen"?'],
  [/^config[.-]file$/, 'did you mean "--config"?'],
  [/^log\.level$/, 'did you mean "--log-level"?'],
  [/^storage\.path$/, "it stands in the file: path in [storage]"],
  [/^cluster\./, "it stands in the file: the table [cluster], with etcd or Kubernetes"],
  [
    /^(?:(?:server\.http|config|stability|feature)\.|disable-reporting$)/,
    "it is Alloy's and sets nothing here; leave it out",
  ],
];

const commandHints: Words = [
  [/^validate$/, 'did you mean "check"?'],
  [/^(?:convert|fmt)$/, 'files are TOML or JSON; "agent help alloy" shows how one of Alloy\'s is written so'],
  [/^version$/, 'write "agent --version"'],
];

/** What to say of a flag that Alloy and its relatives have; `undefined` of any other. */
export function foreignFlag(name: string): string | undefined {
  return hintFor(name, flags);
}

/** The same of a command. */
export function foreignCommand(name: string): string | undefined {
  return hintFor(name, commandHints);
}

function hintFor(name: string, words: Words): string | undefined {
  return words.find(([pattern]) => pattern.test(name))?.[1];
}
