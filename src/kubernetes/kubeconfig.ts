import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { errorMessage, flagAt, formatSize, limits, listAt, preview, Secret, textAt, valueAt } from "../base/index.ts";
import type { HttpArguments } from "../http/index.ts";
import { httpUrlProblem, isTable, shownUrl } from "../schema/index.ts";
import { KubernetesError } from "./kubernetes-error.ts";
import type { KubernetesAccount } from "./pod-account.ts";

/**
 * What the current context of a kubeconfig says (kubernetes.io, "Organizing Cluster Access Using kubeconfig Files"). Files that it names are
 * relative to it. Credentials that a program would have to fetch are refused. Rejects with the KubernetesError `kubeconfig`.
 */
export async function readKubeconfig(path: string): Promise<KubernetesAccount> {
  const refuse: Refuse = (problem) => {
    throw new KubernetesError("kubeconfig", `Cannot use the kubeconfig "${path}": ${problem}`);
  };
  const config = await parse(await readBounded(path, refuse), refuse);
  const name = textAt(config, "current-context");
  const context = named(config, { list: "contexts", kind: "context", name, refuse });
  const cluster = named(config, { list: "clusters", kind: "cluster", name: textAt(context, "cluster"), refuse });
  const userName = textAt(context, "user");
  const user = userName === "" ? {} : named(config, { list: "users", kind: "user", name: userName, refuse });
  const place: Place = { directory: dirname(resolve(path)), userName, refuse };
  const server = textAt(cluster, "server").replace(/\/+$/, "");
  const problem = httpUrlProblem(server);
  if (problem !== undefined) refuse(`the server of the cluster "${preview(textAt(context, "cluster"))}": ${problem}`);
  return {
    server,
    http: { ...authentication(user, place), ...tls(cluster, user, place), ...proxy(cluster, refuse) },
    namespace: textAt(context, "namespace") || undefined,
    origin: `the context "${preview(name)}" of "${path}"`,
    authorities: `the certificate-authority of "${path}"`,
    renew: () => readKubeconfig(path),
  };
}

type Refuse = (problem: string) => never;

interface Place {
  readonly directory: string;
  readonly userName: string;
  readonly refuse: Refuse;
}

async function readBounded(path: string, refuse: Refuse): Promise<string> {
  try {
    // A pipe would be waited for without end. Windows has no such flag.
    await using file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    if (!(await file.stat()).isFile()) throw new Error("it is not a regular file");
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(limits.kubeconfigBytes + 1) });
    if (bytesRead <= limits.kubeconfigBytes) return buffer.toString("utf8", 0, bytesRead);
  } catch (thrown) {
    return refuse(errorMessage(thrown));
  }
  return refuse(`it is larger than ${formatSize(limits.kubeconfigBytes)}`);
}

async function parse(text: string, refuse: Refuse): Promise<unknown> {
  const { load } = await import("js-yaml");
  let config: unknown;
  try {
    config = load(text);
  } catch {
    // Not js-yaml's words: they quote the lines around, and those may hold a token.
    return refuse("it is no YAML; see what kubectl --kubeconfig says of it");
  }
  return isTable(config) ? config : refuse("it holds no table of clusters, users and contexts");
}

interface Named {
  readonly list: string;
  readonly kind: string;
  readonly name: string;
  readonly refuse: Refuse;
}

function named(config: unknown, { list, kind, name, refuse }: Named): unknown {
  const all = listAt(config, list);
  const found = all.find((entry) => textAt(entry, "name") === name && name !== "");
  if (found !== undefined) return valueAt(found, kind);
  const there = all.map((entry) => `"${preview(textAt(entry, "name"))}"`).join(", ") || "none";
  const advice =
    kind === "context" ? `; choose one with kubectl config use-context, there are: ${there}` : `; there are: ${there}`;
  if (name === "")
    return refuse(kind === "context" ? `it has no current-context${advice}` : `its context names no ${kind}`);
  return refuse(`it has no ${kind} "${preview(name)}"${advice}`);
}

/** What only a program, or a change of person, could give. */
const refused: Readonly<Record<string, string>> = {
  exec: "gets its credentials from a program (exec), and the agent runs none",
  "auth-provider": "gets its credentials from an auth-provider, which Kubernetes has removed",
  as: "acts as somebody else (as), which the agent does not do",
};

function authentication(user: unknown, { directory, userName, refuse }: Place): HttpArguments {
  const tokenFile = textAt(user, "tokenFile");
  const token = textAt(user, "token");
  const username = textAt(user, "username");
  if (tokenFile !== "") return { bearer_token_file: resolve(directory, tokenFile) };
  if (token !== "") return { bearer_token: new Secret(token) };
  if (username !== "") return { basic_auth: { username, password: new Secret(textAt(user, "password")) } };
  for (const [key, why] of Object.entries(refused))
    if (valueAt(user, key) !== undefined)
      refuse(
        `its user "${preview(userName)}" ${why}; give it the token of a service account: kubectl create token NAME, or use api_server with bearer_token_file`,
      );
  return {};
}

function tls(cluster: unknown, user: unknown, place: Place): HttpArguments {
  const authority = pemOrFile(cluster, "certificate-authority", place);
  const certificate = pemOrFile(user, "client-certificate", place);
  const key = pemOrFile(user, "client-key", place);
  const serverName = textAt(cluster, "tls-server-name");
  return {
    tls_config: {
      ...(authority.pem !== undefined && { ca_pem: authority.pem }),
      ...(authority.file !== undefined && { ca_file: authority.file }),
      ...(certificate.pem !== undefined && { cert_pem: certificate.pem }),
      ...(certificate.file !== undefined && { cert_file: certificate.file }),
      ...(key.pem !== undefined && { key_pem: new Secret(key.pem) }),
      ...(key.file !== undefined && { key_file: key.file }),
      ...(serverName !== "" && { server_name: serverName }),
      insecure_skip_verify: flagAt(cluster, "insecure-skip-tls-verify") ?? false,
      min_version: "TLS12",
    },
  };
}

/** PEM text in base64, which wins, or the path of a file. */
function pemOrFile(at: unknown, key: string, { directory, refuse }: Place): { pem?: string; file?: string } {
  const data = textAt(at, `${key}-data`);
  const file = textAt(at, key);
  if (data === "") return file === "" ? {} : { file: resolve(directory, file) };
  const pem = Buffer.from(data, "base64").toString();
  return pem.includes("-----BEGIN ") ? { pem } : refuse(`its ${key}-data is no PEM text in base64`);
}

function proxy(cluster: unknown, refuse: Refuse): HttpArguments {
  const url = textAt(cluster, "proxy-url");
  if (url === "") return {};
  const problem = httpUrlProblem(url, ["http", "https", "socks5"]);
  return problem === undefined
    ? { proxy_url: new Secret(url) }
    : refuse(`its proxy-url "${shownUrl(url)}": ${problem}`);
}
