import type { StepReport } from "../http/index.ts";
import type { ProfileInfo } from "../model/index.ts";

/** What a test is judged by: one answer. */
export interface Judgement {
  /** `absent`: nothing is served there, and nothing has to be. */
  readonly state: "ok" | "absent" | "failed";
  /** What came, in a line. */
  readonly text: string;
  /** More of it, a line each. */
  readonly details: readonly string[];
  /** A sentence for people. */
  readonly verdict: string;
  /** What to try next. */
  readonly next?: string | undefined;
}

export interface JudgedProfile extends Judgement {
  readonly type: string;
  /** As it is shown. */
  readonly url: string;
  /** Of a valid profile. */
  readonly info?: ProfileInfo;
}

/** What `agent test` found out about one target or endpoint. */
export interface TestResult {
  readonly ok: boolean;
  readonly steps: readonly StepReport[];
  readonly profiles: readonly JudgedProfile[];
  /** Of an endpoint: what its Push API answered. */
  readonly push?: Judgement;
  readonly verdict: string;
  readonly next?: string | undefined;
}
