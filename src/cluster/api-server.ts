import { createHttpClient } from "../http/index.ts";
import { accountOf, type PodAccountOptions } from "../kubernetes/index.ts";
import type { KubernetesSettings } from "./arguments.ts";
import { type Answer, type AskOptions, ask, type Question } from "./ask.ts";

export interface ApiServerOptions extends Pick<AskOptions, "timeoutMs" | "userAgent"> {
  readonly settings: Omit<KubernetesSettings, "group">;
  readonly clientOptions: Omit<NonNullable<Parameters<typeof createHttpClient>[0]>, "args">;
  readonly pod?: PodAccountOptions;
}

export interface ApiServer {
  /** Rejects with HttpError or ClusterError where there is no answer. */
  ask(question: Question): Promise<Answer>;
  readonly namespace: string;
  close(): void;
}

/** The API server that is configured, that of a kubeconfig, or that of the pod which the agent is. Rejects with KubernetesError. */
export async function openApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { settings, clientOptions, pod, timeoutMs, userAgent } = options;
  const { server: endpoint, http: args, namespace = "default" } = await accountOf(settings, pod);
  const client = createHttpClient({ ...clientOptions, args });
  return {
    ask: (question) => ask(question, { client, endpoint, timeoutMs, userAgent }),
    namespace: settings.namespace ?? namespace,
    close: () => client.close(),
  };
}
