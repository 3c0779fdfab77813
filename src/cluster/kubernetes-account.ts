import { readFile } from "node:fs/promises";
import { authenticationOf, createHttpClient, type HttpArguments, httpArgumentsOf } from "../http/index.ts";
import { type AskOptions, ask } from "./ask.ts";
import { ClusterError } from "./engine.ts";
import type { AskApiServer } from "./kubernetes.ts";

/** Where Kubernetes puts the service account of a pod (https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/). */
export const accountDirectory = "/var/run/secrets/kubernetes.io/serviceaccount";

export interface ApiServerOptions extends Pick<AskOptions, "timeoutMs" | "userAgent"> {
  readonly args: HttpArguments & { readonly api_server?: string | undefined; readonly namespace?: string | undefined };
  readonly clientOptions: Omit<NonNullable<Parameters<typeof createHttpClient>[0]>, "args">;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly directory?: string;
}

export interface ApiServer {
  readonly ask: AskApiServer;
  readonly namespace: string;
  close(): void;
}

/** The API server that is configured, or that of the cluster in which the agent is a pod. Rejects with ClusterError `no_account`. */
export async function openApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { args, clientOptions, environment, timeoutMs, userAgent, directory = accountDirectory } = options;
  const endpoint = args.api_server?.replace(/\/+$/, "") ?? ownApiServer(environment);
  const inPod = args.api_server === undefined;
  const client = createHttpClient({ ...clientOptions, args: inPod ? withAccount(args, directory) : httpArgumentsOf(args) });
  return {
    ask: (question) => ask(question, { client, endpoint, timeoutMs, userAgent }),
    namespace: args.namespace ?? (await ownNamespace(directory)),
    close: () => client.close(),
  };
}

function ownApiServer(environment: ApiServerOptions["environment"]): string {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = "443" } = environment;
  if (host) return `https://${host.includes(":") ? `[${host}]` : host}:${port}`;
  throw new ClusterError(
    "no_account",
    "Cannot join the cluster: the agent is no pod of Kubernetes, for $KUBERNETES_SERVICE_HOST is not set; set api_server below [cluster.kubernetes]",
  );
}

/** The pod's own token and authority, each where nothing else is configured. The token is read again when it changes. */
function withAccount(args: HttpArguments, directory: string): HttpArguments {
  const own = httpArgumentsOf(args);
  const authenticates = authenticationOf(own).length > 0;
  const token: HttpArguments = authenticates ? {} : { bearer_token_file: `${directory}/token` };
  const authority = own.tls_config ? {} : { tls_config: { ca_file: `${directory}/ca.crt` } };
  return { ...own, ...token, ...(authority as HttpArguments) };
}

async function ownNamespace(directory: string): Promise<string> {
  const text = await readFile(`${directory}/namespace`, "utf8").catch(() => "");
  return text.trim() || "default";
}
