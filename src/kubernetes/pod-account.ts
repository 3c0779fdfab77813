import { readFile } from "node:fs/promises";
import process from "node:process";
import { errorMessage, hostPort } from "../base/index.ts";
import type { HttpArguments } from "../http/index.ts";
import { KubernetesError } from "./kubernetes-error.ts";

/** Where the API server is, and how the agent authenticates to it. */
export interface KubernetesAccount {
  /** Of the API server, without a slash at its end. */
  readonly server: string;
  readonly http: HttpArguments;
  /** That of the pod or of the context. */
  readonly namespace?: string | undefined;
  /** `the service account of this pod`, for messages. */
  readonly origin: string;
  /** Where the certificate authorities to trust come from, for messages. */
  readonly authorities?: string | undefined;
  /** Reads it once more, where it may have been replaced as a whole. Rejects with KubernetesError. */
  readonly renew?: () => Promise<KubernetesAccount>;
}

export interface PodAccountOptions {
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly directory?: string;
}

/** Where Kubernetes mounts the service account of a pod (kubernetes.io, "Accessing the Kubernetes API from a Pod"). */
export const podAccountDirectory = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * The service account of the pod that the agent runs in. Its token is read again whenever it changes: Kubernetes replaces it every hour.
 * Rejects with the KubernetesError `no_account`.
 */
export async function podAccount(options: PodAccountOptions = {}): Promise<KubernetesAccount> {
  const { environment = process.env, directory = podAccountDirectory } = options;
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = "443" } = environment;
  if (!host)
    throw noAccount("$KUBERNETES_SERVICE_HOST is not set, so it runs in no pod; set kubeconfig_file or api_server");
  const tokenFile = `${directory}/token`;
  const authorityFile = `${directory}/ca.crt`;
  await readFile(tokenFile).catch((thrown: unknown) => {
    throw noAccount(`${errorMessage(thrown)}; does the pod set automountServiceAccountToken: false?`);
  });
  const namespace = await readFile(`${directory}/namespace`, "utf8").catch(() => "");
  return {
    server: `https://${hostPort(host, port)}`,
    http: {
      bearer_token_file: tokenFile,
      tls_config: { ca_file: authorityFile, insecure_skip_verify: false, min_version: "TLS12" },
    },
    namespace: namespace.trim() || undefined,
    origin: "the service account of this pod",
    authorities: `"${authorityFile}"`,
  };
}

function noAccount(why: string): KubernetesError {
  return new KubernetesError("no_account", `Cannot use the service account of this agent's pod: ${why}`);
}
