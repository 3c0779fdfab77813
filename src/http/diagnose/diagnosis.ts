import { AgentError } from "../../base/index.ts";
import type { HttpError, HttpReason, HttpResponse } from "../client.ts";

/** The steps of a request, in their order. Not every request takes each of them. */
export type DiagnosisStep =
  | "address"
  | "proxy"
  | "dns"
  | "connect"
  | "tunnel"
  | "tls"
  | "auth"
  | "request"
  | "redirect";

/** What became of one step. */
export interface StepReport {
  readonly step: DiagnosisStep;
  readonly ok: boolean;
  readonly ms: number;
  /** What was found, or why it failed; never a secret. */
  readonly text: string;
  /** More of it, a line each. */
  readonly details: readonly string[];
}

/** A request that was taken apart: its steps up to the one that failed, and what it came to. */
export interface Diagnosis {
  readonly steps: readonly StepReport[];
  readonly result: { readonly response: HttpResponse } | { readonly error: HttpError };
}

/** What the work of a step found. */
export interface Finding<Value> {
  readonly text: string;
  readonly details?: readonly string[];
  readonly value: Value;
}

/** Does the work of a step and reports it; `to` is whom it leads to, for a message. Rejects with an HttpError. */
export type RunStep = <Value>(step: DiagnosisStep, work: () => Promise<Finding<Value>>, to?: string) => Promise<Value>;

/** A step that failed, with more lines than its message. */
export class StepFailure extends AgentError<HttpReason> {
  readonly details: readonly string[];

  constructor(reason: HttpReason, message: string, { details, cause }: { details: readonly string[]; cause: unknown }) {
    super(reason, message, { cause });
    this.details = details;
  }
}
