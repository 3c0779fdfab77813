import * as v from "valibot";
import { authenticationOf, httpArguments, httpChecks } from "../../http/index.ts";
import { accessArguments, checkAccess, type KubernetesAccess } from "../../kubernetes/index.ts";
import {
  argument,
  choice,
  crossCheck,
  flag,
  oneOrMany,
  optional,
  type Report,
  table,
  text,
  word,
} from "../../schema/index.ts";
import { fieldSelectorProblem, labelSelectorProblem } from "./selector-problem.ts";

export const roleNames = ["pod", "service", "endpoints", "endpointslice", "node", "ingress"] as const;
export type RoleName = (typeof roleNames)[number];

/** The arguments of `discovery.kubernetes` (reference 6.7), and `node_name`, which is ours. */
export const kubernetesArguments = v.pipe(
  table({
    role: argument(choice(roleNames), {
      description: "What becomes targets: `pod`, `service`, `endpoints`, `endpointslice`, `node` or `ingress`",
      example: "pod",
    }),
    ...accessArguments(),
    namespaces: optional(
      table({
        own_namespace: optional(flag(), {
          default: false,
          description: "Looks in the namespace of the agent's own pod",
          example: true,
        }),
        names: optional(oneOrMany(word()), { description: "Looks in these namespaces", example: ["shop"] }),
      }),
      { description: "The namespaces to look in", defaultText: "all" },
    ),
    node_name: optional(word(), {
      description: "Only the pods of this node, or only this node; for one agent on every node",
      example: "${NODE_NAME}",
    }),
    selectors: optional(oneOrMany(selector()), {
      description: "Which objects the API server tells of; at most one for each role",
    }),
    attach_metadata: optional(
      table({
        node: optional(flag(), {
          default: false,
          description:
            "Adds the labels and annotations of the node, with the roles `pod`, `endpoints` and `endpointslice`",
          example: true,
        }),
        namespace: optional(flag(), {
          default: false,
          description: "Adds the labels and annotations of the namespace",
          example: true,
        }),
      }),
      { description: "What else is added to targets" },
    ),
    ...httpArguments(),
  }),
  httpChecks(),
  crossCheck([], (args, report) => {
    checkAccess(args, report);
    checkOwnNamespace(args, report);
  }),
  crossCheck(["role", "selectors"], (args, report) => checkSelectors(args, report)),
  crossCheck(["role", "node_name", "selectors"], (args, report) => checkNodeName(args, report)),
);

export type KubernetesArguments = v.InferOutput<typeof kubernetesArguments>;

function selector() {
  return table({
    role: argument(choice(roleNames), { description: "The objects that it is for", example: "pod" }),
    label: optional(checkedText(labelSelectorProblem), { description: "A label selector", example: "app=shop" }),
    field: optional(checkedText(fieldSelectorProblem), {
      description: "A field selector",
      example: "status.phase=Running",
    }),
  });
}

function checkedText(problemOf: (written: string) => string | undefined) {
  return v.pipe(
    text(),
    v.rawCheck(({ dataset, addIssue }) => {
      const message = dataset.typed ? problemOf(dataset.value) : undefined;
      if (message !== undefined) addIssue({ message });
    }),
  );
}

interface OwnNamespace extends Pick<KubernetesAccess, "api_server" | "kubeconfig_file"> {
  readonly namespaces?: { readonly own_namespace?: boolean } | undefined;
}

function checkOwnNamespace({ api_server, kubeconfig_file, namespaces }: OwnNamespace, report: Report): void {
  const place = api_server === undefined ? kubeconfig_file && "kubeconfig_file" : "api_server";
  if (place && namespaces?.own_namespace)
    report(
      ["namespaces", "own_namespace"],
      `means the namespace of the agent's own pod, which has no say with ${place}; set names`,
    );
}

const selectable: Readonly<Record<RoleName, readonly RoleName[]>> = {
  pod: ["pod", "node"],
  service: ["service"],
  endpoints: ["pod", "service", "endpoints"],
  endpointslice: ["pod", "service", "endpointslice"],
  node: ["node"],
  ingress: ["ingress"],
};

interface Selectors {
  readonly role: RoleName;
  readonly selectors?: readonly { readonly role: RoleName; readonly field?: string | undefined }[] | undefined;
  readonly attach_metadata?: { readonly node?: boolean } | undefined;
  readonly node_name?: string | undefined;
}

function checkSelectors({ role, selectors = [], attach_metadata }: Selectors, report: Report): void {
  const known = selectable[role];
  for (const [at, selected] of selectors.entries()) {
    const path = ["selectors", at, "role"];
    if (!known.includes(selected.role))
      report(
        path,
        `with role "${role}" there are selectors for ${known.map((name) => `"${name}"`).join(", ")}, found "${selected.role}"`,
      );
    else if (selectors.findIndex((other) => other.role === selected.role) < at)
      report(path, `a second selector for "${selected.role}"; join them, with commas between the conditions`);
    else if (role === "pod" && selected.role === "node" && !attach_metadata?.node)
      report(path, "needs attach_metadata.node = true, for without it no nodes are read");
  }
}

function checkNodeName({ role, node_name, selectors = [] }: Selectors, report: Report): void {
  if (node_name === undefined) return;
  if (role !== "pod" && role !== "node")
    report(["node_name"], `goes with role "pod" or "node": the API server cannot tell of "${role}" by node`);
  const field = selectors.find((selected) => selected.role === role)?.field ?? "";
  if (nodeOfFields(role, field) !== undefined)
    report(["node_name"], "cannot be set together with a selector that names a node; keep one of them");
}

const nodeFields: Partial<Readonly<Record<RoleName, RegExp>>> = {
  pod: /(?:^|,)\s*spec\.nodeName\s*==?\s*([^,\s]+)/,
  node: /(?:^|,)\s*metadata\.name\s*==?\s*([^,\s]+)/,
};

/** The node that a field selector for objects of this role names. */
export function nodeOfFields(role: RoleName, field: string): string | undefined {
  return nodeFields[role]?.exec(field)?.[1];
}

/** What is probably not meant. */
export function kubernetesWarnings(args: KubernetesArguments): readonly string[] {
  const { role, attach_metadata } = args;
  const warnings: string[] = [];
  if (attach_metadata?.node && (role === "service" || role === "ingress" || role === "node"))
    warnings.push(`attach_metadata.node has no effect with role "${role}"`);
  if (isAnonymous(args))
    warnings.push(
      "asks the API server without credentials, which most refuse: set bearer_token_file or a client certificate",
    );
  return warnings;
}

/** Over plain http it is a proxy on this machine, which authenticates in the agent's place. */
function isAnonymous(args: KubernetesArguments): boolean {
  const { api_server = "", tls_config, http_headers } = args;
  const hasCertificate = tls_config?.cert_file !== undefined || tls_config?.cert_pem !== undefined;
  const authenticates = authenticationOf(args).length > 0 || hasCertificate || http_headers !== undefined;
  return api_server.startsWith("https:") && !authenticates;
}
