import { escaped, formatDuration, roundedMs, splitHint } from "../base/index.ts";
import type { StepReport } from "../http/index.ts";
import type { Judgement, JudgedProfile, TestResult } from "./test-result.ts";
import type { Subject } from "./test-subjects.ts";

const marks: Readonly<Record<Judgement["state"], string>> = { ok: "ok  ", absent: "-   ", failed: "FAIL" };
const nameWidth = 12;
const indent = " ".repeat(2 + 4 + 2 + nameWidth);

/** What a test begins with, for people. */
export function formatTitle({ title, component }: Subject): string {
  return `${component === undefined ? "" : `${component}: `}${title}\n\n`;
}

/** A step, with how long it took where that is worth a word. */
export function formatStep({ step, ok, ms, text, details }: StepReport): string {
  const took = ms >= 1 ? ` (${formatDuration(roundedMs(ms))})` : "";
  return formatRow(step, { state: ok ? "ok" : "failed", text, details, took });
}

/** What stands behind the steps, down to the verdict. */
export function formatResult({ profiles, push, verdict, next }: TestResult): string {
  // Of several, what each holds is enough; --json has the rest.
  const isList = profiles.length > 1;
  const rows = profiles.map((one) => formatRow(one.type, isList ? { ...one, details: [] } : one));
  const pushRow = push ? formatRow("push", push) : "";
  return `${rows.join("")}${pushRow}\n${escaped(verdict)}\n${next === undefined ? "" : `Next: ${escaped(next)}\n`}`;
}

type Row = Pick<Judgement, "state" | "text" | "details"> & { readonly took?: string };

function formatRow(name: string, { state, text, details, took = "" }: Row): string {
  // What to do stands at the end, as the next thing to try.
  const shown = state === "failed" ? splitHint(text).what : text;
  const [first, ...rest] = [`  ${marks[state]}  ${name.padEnd(nameWidth)}${shown}${took}`, ...details];
  return `${[first, ...rest.map((line) => indent + line)].map(escaped).join("\n")}\n`;
}

/** A test for machines. */
export function resultToJson(
  { title, component }: Subject,
  { ok, steps, profiles, push, verdict, next }: TestResult,
): unknown {
  return {
    title,
    component,
    ok,
    steps: steps.map(({ step, ok: stepOk, ms, text, details }) => ({
      step,
      ok: stepOk,
      ms: Math.round(ms * 1000) / 1000,
      text,
      details,
    })),
    profiles: profiles.map(profileToJson),
    push: push && { state: push.state, text: push.text },
    verdict,
    next,
  };
}

function profileToJson({ type, url, state, text, details, info }: JudgedProfile): unknown {
  return {
    type,
    url,
    state,
    text,
    details,
    samples: info?.samples,
    sample_types: info?.sampleTypes.map((column) => `${column.type}/${column.unit}`),
    raw_bytes: info?.rawBytes,
    time_ms: info?.timeMs,
    duration_ms: info?.durationMs,
  };
}
