import { afterAll, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { limits } from "../../src/base/index.ts";
import { podAccount, readKubeconfig } from "../../src/kubernetes/index.ts";

const directory = mkdtempSync(join(tmpdir(), "kubeconfig-"));
afterAll(() => rmSync(directory, { recursive: true }));

function write(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

interface Parts {
  readonly cluster?: object;
  readonly user?: object;
  readonly context?: object;
  readonly current?: string;
}

/** JSON is YAML too. */
function kubeconfig({ cluster, user, context, current = "edge" }: Parts = {}): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": current,
    contexts: [
      { name: "other", context: { cluster: "none", user: "none" } },
      { name: "edge", context: { cluster: "plant", user: "agent", ...context } },
    ],
    clusters: [{ name: "plant", cluster: { server: "https://10.0.0.1:6443/", ...cluster } }],
    users: [{ name: "agent", user: { ...user } }],
  });
}

const pem = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n";
const base64 = (text: string): string => Buffer.from(text).toString("base64");

test("the current context says where the API server is and in which namespace", async () => {
  const path = write(
    "yaml",
    `apiVersion: v1
kind: Config
current-context: edge
contexts:
- name: edge
  context: {cluster: plant, user: agent, namespace: shop}
clusters:
- name: plant
  cluster:
    server: https://10.0.0.1:6443
users:
- name: agent
  user: {token: abc}
`,
  );
  const { server, namespace, http, origin } = await readKubeconfig(path);
  expect({ server, namespace, origin }).toEqual({
    server: "https://10.0.0.1:6443",
    namespace: "shop",
    origin: `the context "edge" of "${path}"`,
  });
  expect(http.bearer_token?.reveal()).toBe("abc");
});

test("certificates come inline or from files beside it, inline ones first", async () => {
  const inline = await readKubeconfig(
    write(
      "inline",
      kubeconfig({
        cluster: { "certificate-authority-data": base64(pem), "certificate-authority": "x", "tls-server-name": "api" },
        user: { "client-certificate-data": base64(pem), "client-key-data": base64("-----BEGIN PRIVATE KEY-----") },
      }),
    ),
  );
  const { key_pem, ...rest } = inline.http.tls_config ?? {};
  expect(rest).toEqual({
    ca_pem: pem,
    cert_pem: pem,
    server_name: "api",
    insecure_skip_verify: false,
    min_version: "TLS12",
  } as object);
  expect(key_pem?.reveal()).toBe("-----BEGIN PRIVATE KEY-----");
  const files = await readKubeconfig(
    write(
      "files",
      kubeconfig({
        cluster: { "certificate-authority": "ca.crt", "insecure-skip-tls-verify": true },
        user: { "client-certificate": "/etc/c.crt", "client-key": "keys/c.key", tokenFile: "token" },
      }),
    ),
  );
  expect(files.http).toEqual({
    bearer_token_file: join(directory, "token"),
    tls_config: {
      ca_file: join(directory, "ca.crt"),
      cert_file: "/etc/c.crt",
      key_file: join(directory, "keys", "c.key"),
      insecure_skip_verify: true,
      min_version: "TLS12",
    },
  });
});

test("a password and a proxy are taken over", async () => {
  const { http } = await readKubeconfig(
    write(
      "basic",
      kubeconfig({ user: { username: "edge", password: "p" }, cluster: { "proxy-url": "http://proxy:3128" } }),
    ),
  );
  expect(http.basic_auth?.username).toBe("edge");
  expect(http.basic_auth?.password?.reveal()).toBe("p");
  expect(http.proxy_url?.reveal()).toBe("http://proxy:3128");
});

const advice =
  "; give it the token of a service account: kubectl create token NAME, or use api_server with bearer_token_file";

test.each<{ what: string; text: string; problem: string }>([
  { what: "no YAML", text: "a: b: {token: secret", problem: "it is no YAML; see what kubectl --kubeconfig says of it" },
  { what: "a text", text: "kubeconfig", problem: "it holds no table of clusters, users and contexts" },
  {
    what: "no current context",
    text: kubeconfig({ current: "" }),
    problem: 'it has no current-context; choose one with kubectl config use-context, there are: "other", "edge"',
  },
  {
    what: "an unknown context",
    text: kubeconfig({ current: "prod" }),
    problem: 'it has no context "prod"; choose one with kubectl config use-context, there are: "other", "edge"',
  },
  {
    what: "an unknown cluster",
    text: kubeconfig({ current: "other" }),
    problem: 'it has no cluster "none"; there are: "plant"',
  },
  {
    what: "a server that is no URL",
    text: kubeconfig({ cluster: { server: "10.0.0.1:6443" } }),
    problem:
      'the server of the cluster "plant": expected a URL that begins with http:// or https://, found "10.0.0.1:6443"; write "http://10.0.0.1:6443"',
  },
  {
    what: "an exec plugin",
    text: kubeconfig({ user: { exec: { command: "aws" } } }),
    problem: `its user "agent" gets its credentials from a program (exec), and the agent runs none${advice}`,
  },
  {
    what: "an auth provider",
    text: kubeconfig({ user: { "auth-provider": { name: "gcp" } } }),
    problem: `its user "agent" gets its credentials from an auth-provider, which Kubernetes has removed${advice}`,
  },
  {
    what: "an impersonation",
    text: kubeconfig({ user: { as: "root" } }),
    problem: `its user "agent" acts as somebody else (as), which the agent does not do${advice}`,
  },
  {
    what: "an authority that is no PEM",
    text: kubeconfig({ cluster: { "certificate-authority-data": "AAAA" } }),
    problem: "its certificate-authority-data is no PEM text in base64",
  },
  { what: "too much", text: "#".repeat(limits.kubeconfigBytes + 1), problem: "it is larger than 1MiB" },
])("a kubeconfig with $what is refused with words", async ({ text, problem }) => {
  const path = write("bad", text);
  expect(await readKubeconfig(path).catch(String)).toBe(
    `KubernetesError: Cannot use the kubeconfig "${path}": ${problem}`,
  );
});

test.skipIf(process.platform === "win32")("a kubeconfig that is a pipe is refused and not waited for", async () => {
  const path = join(directory, "pipe");
  execFileSync("mkfifo", [path]);
  expect(await readKubeconfig(path).catch(String)).toBe(
    `KubernetesError: Cannot use the kubeconfig "${path}": it is not a regular file`,
  );
});

test("a kubeconfig that is not there is refused with its path", async () => {
  expect(await readKubeconfig("/nonexistent/config").then(() => "", String)).toStartWith(
    'KubernetesError: Cannot use the kubeconfig "/nonexistent/config": ENOENT',
  );
});

test("a pod's account is a token, an authority and a namespace", async () => {
  write("token", "abc");
  write("namespace", "shop\n");
  const environment = { KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "6443" };
  expect(await podAccount({ environment, directory })).toEqual({
    server: "https://[fd00::1]:6443",
    http: {
      bearer_token_file: join(directory, "token"),
      tls_config: { ca_file: join(directory, "ca.crt"), insecure_skip_verify: false, min_version: "TLS12" },
    },
    namespace: "shop",
    origin: "the service account of this pod",
    authorities: `"${join(directory, "ca.crt")}"`,
  });
});

test("what is no pod, or a pod without an account, is told so", async () => {
  const cannot = "KubernetesError: Cannot use the service account of this agent's pod: ";
  expect(await podAccount({ environment: {}, directory }).catch(String)).toBe(
    `${cannot}$KUBERNETES_SERVICE_HOST is not set, so it runs in no pod; set kubeconfig_file or api_server`,
  );
  const environment = { KUBERNETES_SERVICE_HOST: "10.0.0.1" };
  const refused = await podAccount({ environment, directory: "/nonexistent" }).then(() => "", String);
  expect(refused).toStartWith(`${cannot}ENOENT`);
  expect(refused).toEndWith("; does the pod set automountServiceAccountToken: false?");
});
