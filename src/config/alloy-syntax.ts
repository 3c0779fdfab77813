/**
 * What to say of a line of TOML that is half Alloy's language, or JSON or YAML; `undefined` for any other. Of the line only names are
 * quoted: values may be secrets.
 */
export function alloySyntax(source: string, column: number): string | undefined {
  const rest = source.slice(column - 1);
  if (rest.startsWith("//")) return "a comment begins with #";
  const [, kind, headerLabel] = /^\s*\[+\s*(\w+\.\w+)\s+"([^"]*)"\s*\]/.exec(source) ?? [];
  if (kind !== undefined) return `write [${kind}.${labelOf(headerLabel)}]`;
  const [, name, label] = /^\s*([a-z]\w*(?:\.\w+)*)\s+(?:"([^"]*)"\s*)?\{/.exec(source) ?? [];
  if (name !== undefined) return blockSyntax(label === undefined ? name : `${name}.${labelOf(label)}`);
  const isKey = /(?:^|[{,[])\s*(?:"[^"]*"|[\w-]+)\s*$/.test(source.slice(0, column - 1));
  if (isKey && rest.startsWith(":")) return 'between a key and its value stands "="';
  return expressionSyntax(rest);
}

function labelOf(written = ""): string {
  return /^\w+$/.test(written) ? written : "LABEL";
}

function blockSyntax(name: string): string {
  const list = /^(?:rule|endpoint|selectors)$/.test(name) ? `; of several, each is a table [[….${name}]]` : "";
  return `a block is a table, ${name} = { … }, with commas between its arguments${list}`;
}

function expressionSyntax(text: string): string | undefined {
  const [, id] = /^((?:discovery|pyroscope|phlare)\.\w+\.\w+)(?:\.\w+)?/.exec(text) ?? [];
  if (id !== undefined) return `the id of a component needs quotes: "${id}"`;
  const [, called] = /^([a-z]\w*(?:\.\w+)?)\(/.exec(text) ?? [];
  if (called === undefined) return undefined;
  if (/^(?:array\.)?concat$/.test(called))
    return 'in place of concat(), one list holds all: ["discovery.http.LABEL", { __address__ = "host:port" }]';
  if (/^(?:sys\.)?env$/.test(called)) return 'in place of a function, "${NAME}" is an environment variable';
  return "there are no functions";
}
