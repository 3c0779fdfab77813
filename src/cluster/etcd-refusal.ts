import { valueAt } from "../base/index.ts";
import { type Answer, foreignAnswer, statusError } from "./ask.ts";
import type { ClusterError } from "./engine.ts";

/** What etcd says, in its own words, and what to do then; the first that fits counts. */
const advice: readonly (readonly [said: RegExp, advice: string])[] = [
  [/user name is empty/, "it authenticates its users: set cluster.etcd.basic_auth"],
  [
    /authentication failed|invalid auth token/,
    "correct cluster.etcd.basic_auth: the user name or the password is wrong",
  ],
  [/authentication is not enabled/, "it does not authenticate: remove cluster.etcd.basic_auth"],
  [
    /permission denied/,
    "check cluster.etcd.prefix, and let the user read and write below it: etcdctl role grant-permission ROLE --prefix=true readwrite PREFIX/",
  ],
];

const noGateway =
  "this is no etcd that serves its JSON gateway: correct cluster.etcd.endpoints, or start etcd 3.4 or later with --enable-grpc-gateway";

/** As a web server answers who does not know the path, or that it can be posted to. */
const unknownPath: ReadonlySet<number> = new Set([404, 405, 501]);

/** The error that a refusal of etcd is; `said` are its own words. */
export function etcdRefusal(answer: Answer, said: string): ClusterError {
  const known = advice.find(([words]) => words.test(said))?.[1];
  return statusError(answer, said, known ?? (unknownPath.has(answer.status) ? noGateway : undefined));
}

/** Throws where a success is not etcd's, whose answers all have a header: another server may answer everything so. */
export function checkIsEtcd(answer: Answer): void {
  const header = valueAt(answer.json, "header") ?? valueAt(answer.json, "result", "header");
  if (header === undefined) throw foreignAnswer(answer, "etcd's", noGateway);
}
