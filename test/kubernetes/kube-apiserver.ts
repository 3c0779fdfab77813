import { generateKeyPairSync } from "node:crypto";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { EtcdServer, etcdProgram } from "../cluster/etcd-server.ts";
import { createAuthority } from "../support/certificates.ts";
import { type Child, eventually, startChild } from "../support/child.ts";
import { freePort } from "../support/free-port.ts";
import { type KubernetesApi, kubernetesApi } from "./kubernetes-api.ts";

const candidates = [process.env.KUBE_APISERVER, "/usr/local/bin/kube-apiserver", "/tmp/pprof-agent/kube-apiserver"];
const program = candidates.find((path) => path !== undefined && existsSync(path));

/** Whether there is a real kube-apiserver here, which no distribution packages: `bash .ci/kube-apiserver.sh` builds one. */
export const hasKubeApiserver = program !== undefined && etcdProgram !== undefined;

if (!hasKubeApiserver)
  console.warn(
    'Tests against a real kube-apiserver are skipped: none here; "bash .ci/kube-apiserver.sh" builds it with Go and sets nothing up',
  );

/** Who may do everything, and who may do only what a test allows. */
const tokens = {
  admin: "test-admin-token",
  agent: "test-agent-token",
  nobody: "test-nobody-token",
  lister: "test-lister-token",
} as const;

/** A real kube-apiserver on a real etcd: no kubelets and no controllers, so that objects are what a test says they are. */
export class KubeApiserver implements AsyncDisposable {
  readonly url: string;
  /** Of a directory like that of a pod's service account: token, ca.crt and namespace. */
  readonly accountDirectory: string;
  /** Certificate and key of a client that the server knows as the administrator. */
  readonly client: { readonly cert: string; readonly key: string };
  readonly ca: string;
  readonly api: KubernetesApi;
  readonly #etcd: EtcdServer;
  readonly #directory: string;
  readonly #flags: readonly string[];
  #child: Child | undefined;

  private constructor(etcd: EtcdServer, port: number) {
    const directory = mkdtempSync(join(tmpdir(), "kube-apiserver-"));
    const file = (name: string, text: string): string => {
      const path = join(directory, name);
      writeFileSync(path, text);
      return path;
    };
    const authority = createAuthority("kube-ca");
    const server = authority.issue({ name: "kube-apiserver", hosts: ["127.0.0.1", "localhost"] });
    const keys = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const accountKey = keys.privateKey.export({ type: "pkcs8", format: "pem" });
    const accountPublicKey = keys.publicKey.export({ type: "spki", format: "pem" });
    const people = `${tokens.admin},admin,1,"system:masters"\n${tokens.agent},agent,2,\n${tokens.nobody},nobody,3,\n${tokens.lister},lister,4,\n`;
    this.#etcd = etcd;
    this.#directory = directory;
    this.url = `https://127.0.0.1:${port}`;
    this.accountDirectory = directory;
    this.ca = authority.cert;
    this.client = authority.issue({ name: "someone" });
    file("ca.crt", authority.cert);
    file("token", tokens.agent);
    file("namespace", "default");
    this.#flags = [
      `--etcd-servers=${etcd.url}`,
      "--bind-address=127.0.0.1",
      "--advertise-address=127.0.0.1",
      `--secure-port=${port}`,
      `--tls-cert-file=${file("server.crt", server.cert)}`,
      `--tls-private-key-file=${file("server.key", server.key)}`,
      `--client-ca-file=${join(directory, "ca.crt")}`,
      `--token-auth-file=${file("people.csv", people)}`,
      "--authorization-mode=RBAC",
      "--service-account-issuer=https://kubernetes.default.svc",
      `--service-account-key-file=${file("account.pub", accountPublicKey)}`,
      `--service-account-signing-key-file=${file("account.key", accountKey)}`,
      "--service-cluster-ip-range=10.96.0.0/16",
      "--disable-admission-plugins=ServiceAccount",
      "--endpoint-reconciler-type=none",
    ];
    this.api = kubernetesApi({ url: this.url, token: tokens.admin, ca: authority.cert });
  }

  static async start(): Promise<KubeApiserver> {
    const server = new KubeApiserver(await EtcdServer.start(), await freePort());
    await server.start();
    return server;
  }

  async start(): Promise<void> {
    this.#child = startChild([program as string, ...this.#flags]);
    await eventually("kube-apiserver is ready", async () => (await this.api.isReady()) || undefined, 90_000);
  }

  async stop(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    await this.#child?.stop(signal);
    this.#child = undefined;
  }

  /** Deletes what etcd has under this key, and with it all that happened before. */
  async forget(key: string): Promise<void> {
    const ask = async (path: string, body: unknown): Promise<{ header: { revision: string } }> => {
      const answer = await fetch(`${this.#etcd.url}/v3/kv/${path}`, { method: "POST", body: JSON.stringify(body) });
      if (!answer.ok) throw new Error(`etcd answers ${path} with ${answer.status}: ${await answer.text()}`);
      return (await answer.json()) as { header: { revision: string } };
    };
    const { header } = await ask("deleterange", { key: Buffer.from(key).toString("base64") });
    await ask("compaction", { revision: header.revision });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#etcd[Symbol.asyncDispose]();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
