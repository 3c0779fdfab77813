import { describe, expect, test } from "bun:test";
import * as v from "valibot";
import { clusterArguments } from "../../src/cluster/index.ts";
import { kubernetesKind } from "../../src/discovery/kubernetes/kubernetes-kind.ts";
import { accountOf } from "../../src/kubernetes/index.ts";

const server = "https://10.0.0.1:6443";
const config = "/etc/kubeconfig";

/** What is wrong with the access to Kubernetes, for whoever asks for targets and for the cluster of agents. */
const askers: readonly [who: string, problems: (access: object) => readonly string[]][] = [
  ["discovery.kubernetes", (access) => problemsOf(v.safeParse(kubernetesKind.schema, { role: "pod", ...access }), 0)],
  ["[cluster.kubernetes]", (access) => problemsOf(v.safeParse(clusterArguments, { kubernetes: access }), 1)],
];

function problemsOf({ issues = [] }: { readonly issues?: readonly v.BaseIssue<unknown>[] | undefined }, depth: number) {
  return issues.map(({ path, message }) => `${String(path?.[depth]?.key)} ${message}`);
}

describe.each(askers)("access to Kubernetes in %s", (_who, problems) => {
  test.each<{ access: object; says: readonly string[] }>([
    { access: {}, says: [] },
    { access: { kubeconfig_file: config }, says: [] },
    { access: { api_server: server, bearer_token: "t", enable_http2: false, follow_redirects: false }, says: [] },
    {
      access: { api_server: server, kubeconfig_file: config },
      says: ["kubeconfig_file cannot be set together with api_server; keep one of them"],
    },
    { access: { bearer_token: "t" }, says: ["bearer_token is for api_server, which is not set"] },
    {
      access: { kubeconfig_file: config, tls_config: {}, follow_redirects: false },
      says: [
        "follow_redirects cannot be set together with kubeconfig_file, which has its own",
        "tls_config cannot be set together with kubeconfig_file, which has its own",
      ],
    },
    { access: { api_server: "10.0.0.1" }, says: [expect.stringContaining("expected a URL that begins with")] },
    {
      access: { api_server: "https://u:p@host" },
      says: ["api_server must not hold a user name or password: use basic_auth"],
    },
  ])("comes from one place: $access", ({ access, says }) => {
    expect(problems(access).toSorted((a, b) => (a < b ? -1 : 1))).toEqual([...says]);
  });
});

test("an API server that is configured is asked with the client arguments beside it, without the slash at its end", async () => {
  expect(await accountOf({ api_server: `${server}/`, follow_redirects: false })).toEqual({
    server,
    http: { follow_redirects: false },
    origin: "the configuration",
  });
});
