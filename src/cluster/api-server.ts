import { createHttpClient } from "../http/index.ts";
import { accountOf, type PodAccountOptions, textAt } from "../kubernetes/index.ts";
import type { KubernetesSettings } from "./arguments.ts";
import { type Answer, type AskOptions, ask, foreignAnswer, type Question } from "./ask.ts";

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

const whose = "that of a Kubernetes API server";
const advice = "correct api_server or kubeconfig_file in [cluster.kubernetes]";

/** The API server that is configured, that of a kubeconfig, or that of the pod which the agent is. Rejects with KubernetesError. */
export async function openApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { settings, clientOptions, pod, timeoutMs, userAgent } = options;
  const { server: endpoint, http: args, namespace = "default" } = await accountOf(settings, pod);
  const client = createHttpClient({ ...clientOptions, args });
  return {
    async ask(question) {
      const answer = await ask(question, { client, endpoint, timeoutMs, userAgent });
      // Whatever Kubernetes answers says what it is: another server may answer everything with a success.
      if (answer.status === 200 && textAt(answer.json, "kind") === "") throw foreignAnswer(answer, whose, advice);
      return answer;
    },
    namespace: settings.namespace ?? namespace,
    close: () => client.close(),
  };
}
