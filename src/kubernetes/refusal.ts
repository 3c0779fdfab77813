import { AgentError, preview, textAt } from "../base/index.ts";
import { answererOf, authenticationOf, type HttpResponse, responseHint } from "../http/index.ts";
import { KubernetesError, type KubernetesReason } from "./kubernetes-error.ts";
import type { KubernetesAccount } from "./pod-account.ts";
import { describeResource, type Resource } from "./resources.ts";

/** Who asked for what. */
export interface Asked {
  readonly account: KubernetesAccount;
  readonly selection: { readonly resource: Resource; readonly namespace?: string | undefined };
  /** Of what can be listed. */
  readonly isWatch: boolean;
}

/** The error for an answer that is no success: what the API server says, and what to do. */
export function refusal(response: HttpResponse, asked: Asked): KubernetesError {
  const { reason, advice } = judged(response, asked);
  const said = preview(saidBy(response), 200);
  const whose = answererOf(response, "the server");
  const { status } = response;
  const answer = `${whose} "${asked.account.server}" answered HTTP status ${status}${said && ` with "${said}"`}`;
  return new KubernetesError(reason, `${cannot(asked)}: ${answer}${advice && `; ${advice}`}`, { status });
}

/** The error of a request without an answer, with what was asked; and where TLS failed, whose authorities are at fault. */
export function withAdvice(thrown: unknown, asked: Asked): unknown {
  if (!(thrown instanceof AgentError) || thrown instanceof KubernetesError || thrown.reason === "canceled")
    return thrown;
  const { authorities } = asked.account;
  const advice = thrown.reason === "tls" && authorities ? `; the authorities trusted are those of ${authorities}` : "";
  return new AgentError(thrown.reason, `${cannot(asked)}: ${thrown.message}${advice}`, { cause: thrown });
}

function cannot({ selection: { resource, namespace } }: Asked): string {
  return `Cannot watch ${resource.plural}${namespace === undefined ? "" : ` in namespace "${preview(namespace)}"`}`;
}

/** The words of the API server: the message of its Status, or whatever else came. */
function saidBy({ body }: HttpResponse): string {
  const text = Buffer.from(body).toString();
  try {
    return textAt(JSON.parse(text), "message");
  } catch {
    return text;
  }
}

interface Judgement {
  readonly reason: KubernetesReason;
  readonly advice: string;
}

function judged(response: HttpResponse, { account, selection, isWatch }: Asked): Judgement {
  const { resource } = selection;
  const { status } = response;
  const hint = responseHint(response) ?? "";
  switch (status) {
    case 401:
      return {
        reason: "unauthorized",
        advice: hint || credentialsAdvice(account),
      };
    case 403:
      return { reason: "forbidden", advice: hint || rightsAdvice(selection, isWatch) };
    case 404:
      return { reason: "status", advice: hint || missingAdvice(resource) };
    case 410:
      return { reason: "gone", advice: hint };
    default:
      return { reason: "status", advice: hint || (status === 429 || status >= 500 ? serverAdvice : "") };
  }
}

const serverAdvice = "look at the API server: until it answers, what it told before is used";

function credentialsAdvice({ http, origin }: KubernetesAccount): string {
  const { tls_config: tls, http_headers: headers = {} } = http;
  const hasCertificate = tls?.cert_pem !== undefined || tls?.cert_file !== undefined;
  return authenticationOf(http).length > 0 || hasCertificate || Object.keys(headers).length > 0
    ? `renew the credentials of ${origin}, which it does not take: they may have expired`
    : `give the agent credentials, for example a bearer token: ${origin} has none`;
}

function rightsAdvice({ resource, namespace }: Asked["selection"], isWatch: boolean): string {
  const what = describeResource(resource);
  if (isWatch)
    return `give the account the verb watch on ${what}, which it lacks beside list; until then they are listed every half a minute`;
  const rights = `the verbs list and watch on ${what}`;
  if (namespace !== undefined) return `give the account ${rights}: a Role in this namespace and a RoleBinding`;
  const orNarrow = resource.namespaced ? ", or set namespaces to those that it may read" : "";
  return `give the account ${rights}: a ClusterRole and a ClusterRoleBinding${orNarrow}`;
}

function missingAdvice({ plural, group }: Resource): string {
  return group === ""
    ? "is this the address of a Kubernetes API server?"
    : `this API server has no ${plural} of ${group}/v1, which Kubernetes has since 1.21`;
}
