import { expect, test } from "bun:test";
import * as v from "valibot";
import { kubernetesKind } from "../../src/discovery/kubernetes/kubernetes-kind.ts";
import { fieldSelectorProblem, labelSelectorProblem } from "../../src/discovery/kubernetes/selector-problem.ts";
import { parseIn } from "./running-discovery.ts";

function problems(written: object): readonly string[] {
  const { issues = [] } = v.safeParse(kubernetesKind.schema, written);
  return issues.map(({ path, message }) => `${path?.map(({ key }) => String(key)).join(".") ?? ""}: ${message}`);
}

test.each<{ what: string; written: object; found: readonly string[] }>([
  { what: "a role alone", written: { role: "pod" }, found: [] },
  { what: "no role", written: {}, found: ['role: required, but missing; for example role = "pod"'] },
  {
    what: "an unknown role",
    written: { role: "pods" },
    found: [
      'role: expected one of "pod", "service", "endpoints", "endpointslice", "node", "ingress", found "pods"; did you mean "pod"?',
    ],
  },
  {
    what: "client arguments without api_server",
    written: { role: "pod", bearer_token: "x", enable_http2: false, follow_redirects: true },
    found: ["bearer_token: is for api_server, which is not set", "enable_http2: is for api_server, which is not set"],
  },
  {
    what: "client arguments with a kubeconfig",
    written: { role: "pod", kubeconfig_file: "k", basic_auth: { username: "a" } },
    found: ["basic_auth: cannot be set together with kubeconfig_file, which has its own"],
  },
  {
    what: "both places",
    written: { role: "pod", kubeconfig_file: "k", api_server: "https://k:6443" },
    found: ["kubeconfig_file: cannot be set together with api_server; keep one of them"],
  },
  {
    what: "its own namespace elsewhere",
    written: { role: "pod", api_server: "https://k:6443", namespaces: { own_namespace: true } },
    found: [
      "namespaces.own_namespace: means the namespace of the agent's own pod, which has no say with api_server; set names",
    ],
  },
  {
    what: "an API server with a password",
    written: { role: "pod", api_server: "https://a:b@k:6443" },
    found: ["api_server: must not hold a user name or password: use basic_auth"],
  },
  {
    what: "selectors that a role has",
    written: {
      role: "endpointslice",
      selectors: [
        { role: "pod", label: "app=shop" },
        { role: "service", field: "metadata.name=shop" },
        { role: "endpointslice", label: "a in (b, c),!d" },
      ],
    },
    found: [],
  },
  {
    what: "selectors that a role does not have, twice, and without nodes",
    written: {
      role: "pod",
      selectors: [{ role: "service" }, { role: "pod" }, { role: "pod", label: "a=b" }, { role: "node", label: "a=b" }],
    },
    found: [
      'selectors.0.role: with role "pod" there are selectors for "pod", "node", found "service"',
      'selectors.2.role: a second selector for "pod"; join them, with commas between the conditions',
      "selectors.3.role: needs attach_metadata.node = true, for without it no nodes are read",
    ],
  },
  {
    what: "selectors that cannot be read",
    written: { role: "pod", selectors: { role: "pod", label: "app=a b", field: "status.phase" } },
    found: [
      'selectors.label: expected a label selector such as "app=shop,tier in (web, api),!canary", found "app=a b"',
      'selectors.field: expected a field selector such as "status.phase=Running,spec.nodeName=edge-7", found "status.phase"',
    ],
  },
  {
    what: "a node for what has none",
    written: { role: "service", node_name: "n1" },
    found: ['node_name: goes with role "pod" or "node": the API server cannot tell of "service" by node'],
  },
  {
    what: "two nodes",
    written: { role: "pod", node_name: "n1", selectors: [{ role: "pod", field: "spec.nodeName=n2" }] },
    found: ["node_name: cannot be set together with a selector that names a node; keep one of them"],
  },
])("the schema says of $what what is wrong", ({ written, found }) => {
  expect(problems(written)).toEqual([...found]);
});

test.each<[selector: string, isLegal: boolean]>([
  ["", true],
  ["app=shop", true],
  ["app==shop , tier!=db", true],
  ["app.kubernetes.io/name in (a,b), !canary", true],
  ["environment notin ( )", true],
  ["partition", true],
  ["weight>3", true],
  ["app=", true],
  ["app=shop,", false],
  ["app in a,b", false],
  ["app=-shop", false],
  ["app = shop cart", false],
  ["=shop", false],
])("the label selector %p is judged", (selector, isLegal) => {
  expect(labelSelectorProblem(selector) === undefined).toBe(isLegal);
});

test.each<[selector: string, isLegal: boolean]>([
  ["", true],
  ["spec.nodeName=n1,status.phase!=Failed", true],
  ["metadata.name==a\\,b", true],
  ["metadata.name", false],
  ["=a", false],
])("the field selector %p is judged", (selector, isLegal) => {
  expect(fieldSelectorProblem(selector) === undefined).toBe(isLegal);
});

test("what has no effect, or asks without credentials, is a warning", async () => {
  const warnings = async (written: object) => kubernetesKind.warnings?.("id", parseIn("/", kubernetesKind, written));
  expect(await warnings({ role: "pod" })).toEqual([]);
  expect(await warnings({ role: "ingress", attach_metadata: { node: true, namespace: true } })).toEqual([
    'id: attach_metadata.node has no effect with role "ingress"',
  ]);
  expect(await warnings({ role: "pod", api_server: "https://k:6443" })).toEqual([
    "id: asks the API server without credentials, which most refuse: set bearer_token_file or a client certificate",
  ]);
});

test.each<{ written: object; isLocal: boolean }>([
  { written: { role: "pod" }, isLocal: false },
  { written: { role: "pod", node_name: "n1" }, isLocal: true },
  {
    written: { role: "pod", selectors: { role: "pod", field: "status.phase=Running,spec.nodeName=n1" } },
    isLocal: true,
  },
  { written: { role: "pod", selectors: { role: "pod", field: "metadata.name=n1" } }, isLocal: false },
  { written: { role: "node", selectors: { role: "node", field: "metadata.name=n1" } }, isLocal: true },
  { written: { role: "service", selectors: { role: "service", field: "metadata.name=shop" } }, isLocal: false },
])(
  "whether $written is about one node is known, for clustering would leave the others alone",
  ({ written, isLocal }) => {
    expect(kubernetesKind.nodeLocal?.(parseIn("/", kubernetesKind, written)) !== undefined).toBe(isLocal);
  },
);
