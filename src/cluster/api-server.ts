import { textAt } from "../base/index.ts";
import { createHttpClient } from "../http/index.ts";
import { accountOf, type PodAccountOptions } from "../kubernetes/index.ts";
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
  const { settings, timeoutMs, userAgent } = options;
  let account = await openAccount(options);
  const askOnce = (question: Question): Promise<Answer> => ask(question, { ...account, timeoutMs, userAgent });
  return {
    async ask(question) {
      let answer = await askOnce(question);
      if (answer.status === 401 && settings.kubeconfig_file !== undefined) {
        // What stands in a kubeconfig is read once, and a token there is replaced now and then.
        const { client } = account;
        account = await openAccount(options);
        client.close();
        answer = await askOnce(question);
      }
      // Whatever Kubernetes answers says what it is: another server may answer everything with a success.
      if (answer.status === 200 && textAt(answer.json, "kind") === "") throw foreignAnswer(answer, whose, advice);
      return answer;
    },
    namespace: settings.namespace ?? account.namespace,
    close: () => account.client.close(),
  };
}

interface OpenAccount extends Pick<AskOptions, "client" | "endpoint"> {
  readonly namespace: string;
}

async function openAccount({ settings, clientOptions, pod }: ApiServerOptions): Promise<OpenAccount> {
  const { server: endpoint, http: args, namespace = "default" } = await accountOf(settings, pod);
  return { client: createHttpClient({ ...clientOptions, args }), endpoint, namespace };
}
