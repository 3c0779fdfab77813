import { type HttpArguments, httpArguments, httpArgumentsOf } from "../http/index.ts";
import { filePath, optional, type Report, serverUrl } from "../schema/index.ts";
import { readKubeconfig } from "./kubeconfig.ts";
import { type KubernetesAccount, podAccount, type PodAccountOptions } from "./pod-account.ts";

/** Arguments that say where the API server is and who the agent is to it, beside those of the HTTP client. */
export interface KubernetesAccess extends HttpArguments {
  readonly api_server?: string | undefined;
  /** Absolute. */
  readonly kubeconfig_file?: string | undefined;
}

export function accessArguments() {
  return {
    api_server: optional(serverUrl(), {
      description: "The API server, to be asked with the client arguments below",
      defaultText: "that of the cluster in which the agent is a pod, with its service account",
      example: "https://10.0.0.1:6443",
    }),
    kubeconfig_file: optional(filePath(), {
      description: "A kubeconfig; its current context says where the API server is and how to authenticate",
      example: "kubeconfig",
    }),
  };
}

/** Arguments of the client that have a default are there whether they are written or not. */
const clientDefaults: Readonly<Record<string, unknown>> = Object.fromEntries(
  Object.entries(httpArguments()).map(([name, schema]) => [name, (schema as { readonly default?: unknown }).default]),
);

/** Reports what does not come from the one place that is chosen. */
export function checkAccess(args: { readonly [Name in keyof KubernetesAccess]?: unknown }, report: Report): void {
  const { api_server, kubeconfig_file } = args;
  if (api_server !== undefined) {
    if (kubeconfig_file !== undefined)
      report(["kubeconfig_file"], "cannot be set together with api_server; keep one of them");
    return;
  }
  const why =
    kubeconfig_file === undefined
      ? "is for api_server, which is not set"
      : "cannot be set together with kubeconfig_file, which has its own";
  for (const [name, byDefault] of Object.entries(clientDefaults))
    if (name in args && (args as Readonly<Record<string, unknown>>)[name] !== byDefault) report([name], why);
}

/** The account at the API server that is configured, that of a kubeconfig, or that of the agent's pod. Rejects with KubernetesError. */
export async function accountOf(args: KubernetesAccess, pod?: PodAccountOptions): Promise<KubernetesAccount> {
  const { api_server: server, kubeconfig_file: kubeconfig } = args;
  if (server !== undefined)
    return { server: server.replace(/\/+$/, ""), http: httpArgumentsOf(args), origin: "the configuration" };
  return kubeconfig === undefined ? podAccount(pod) : readKubeconfig(kubeconfig);
}
