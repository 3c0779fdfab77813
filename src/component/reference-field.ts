import * as v from "valibot";
import { preview } from "../base/index.ts";
import { found, shownUrl, typeName, written } from "../schema/index.ts";
import { type ExportKind, Reference } from "./reference.ts";
import { renamedKinds } from "./renamed-kinds.ts";

/** What the suffixes of the original syntax name. */
const suffixes: Readonly<Record<string, ExportKind>> = { targets: "targets", output: "targets", receiver: "receiver" };

/** An example for each kind of export; only its form matters. */
const examples: Readonly<Record<ExportKind, string>> = {
  receiver: "pyroscope.write.default",
  targets: "discovery.http.default",
};

const pattern = /^([A-Za-z_]\w*)\.([A-Za-z_]\w*)\.([A-Za-z_]\w*)(?:\.([A-Za-z_]\w*))?$/;

/**
 * The mention of a component that exports `needs`: exactly kind.kind.label, with an optional suffix. That the component is there
 * is checked once all of the file is read.
 */
export function reference(needs: ExportKind) {
  const example = `"${examples[needs]}"`;
  return v.pipe(
    v.string(({ input }) => `expected the id of a component such as ${example}, found ${found(input)}`),
    v.rawTransform(({ dataset, addIssue, NEVER }): Reference => {
      const refuse = (message: string): Reference => {
        addIssue({ message });
        return NEVER;
      };
      const [, group = "", name = "", label = "", suffix] = pattern.exec(dataset.value) ?? [];
      if (label === "")
        return refuse(
          `expected the id of a component such as ${example}, found ${found(dataset.value)}${hint(dataset.value, needs)}`,
        );
      const kind = `${group}.${name}`;
      const id = `${renamedKinds[kind] ?? kind}.${label}`;
      if (suffix !== undefined && suffixes[suffix] !== needs)
        return refuse(
          `".${suffix}" is not what is needed here, a ${needs === "receiver" ? "receiver" : "list of targets"}; write "${id}"`,
        );
      return new Reference(id, needs);
    }),
    typeName("component id"),
  );
}

function hint(text: string, needs: ExportKind): string {
  const [, scheme, host = ""] = /^(?:(https?):\/\/)?([^/\s]+)/i.exec(shownUrl(text)) ?? [];
  if (scheme !== undefined || /:\d+$/.test(host)) return addressHint(preview(host), { scheme, needs });
  if (/^unix:\/\/\//i.test(text)) return addressHint(preview(shownUrl(text)), { scheme, needs });
  if (/^\w+\.\w+$/.test(text)) return "; the label is missing";
  if (needs === "targets" && /^\s*\[?\s*\{/.test(text))
    return '; a target is a table, without quotes around it: { __address__ = "host:port" }';
  if (needs === "targets" && /^(?:array\.)?concat\(/.test(text))
    return '; a list holds both: ["discovery.http.default", { __address__ = "host:port" }]';
  if (/^\[.*\]$/.test(text)) return "; write the id without brackets";
  return "";
}

function addressHint(host: string, { scheme, needs }: { scheme: string | undefined; needs: ExportKind }): string {
  if (needs === "receiver") return "; a server is the url of an endpoint: [[pyroscope.write.LABEL.endpoint]]";
  const target = { __address__: host, ...(scheme?.toLowerCase() === "https" && { __scheme__: "https" }) };
  return `; an address is written as a target, ${written(target)}`;
}
