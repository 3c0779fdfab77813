import { preview } from "../base/index.ts";
import { labelNamePattern, type Labels, labelsFrom, type ProfileQuery } from "../model/index.ts";
import { badParameter, type Parameters } from "./parameters.ts";
import { parseTime } from "./parse-time.ts";

/** The parameters that choose stored profiles. */
export const profileParameters = ["component", "label", "type", "from", "until"] as const;

/** Which stored profiles a request asks for: `type` is the label `__name__`, `label` is `NAME=VALUE` and may be repeated. */
export function profileQuery(parameters: Parameters, nowMs: number): ProfileQuery {
  const labels = labelFilters(parameters);
  const fromMs = time(parameters, "from", nowMs);
  const untilMs = time(parameters, "until", nowMs);
  if (fromMs !== undefined && untilMs !== undefined && fromMs > untilMs)
    throw badParameter(`Parameter "from" is later than "until": nothing can match`);
  return {
    ...(labels.length > 0 && { labels }),
    ...(fromMs !== undefined && { fromMs }),
    ...(untilMs !== undefined && { untilMs }),
  };
}

function labelFilters(parameters: Parameters): Labels {
  const pairs = new Map<string, string>();
  const type = parameters.one("type");
  if (type !== undefined) pairs.set("__name__", type);
  for (const filter of parameters.all("label")) {
    const split = filter.indexOf("=");
    const name = filter.slice(0, Math.max(split, 0));
    const value = filter.slice(split + 1);
    if (!labelNamePattern.test(name) || value === "")
      throw badParameter(
        `Parameter "label" is NAME=VALUE, as in label=service_name=checkout, not "${preview(filter)}"`,
      );
    if (pairs.has(name) && pairs.get(name) !== value)
      throw badParameter(
        `Label "${name}" cannot have two values at once: "${preview(pairs.get(name) ?? "")}" and "${preview(value)}"`,
      );
    pairs.set(name, value);
  }
  return labelsFrom(pairs);
}

function time(parameters: Parameters, name: "from" | "until", nowMs: number): number | undefined {
  const text = parameters.one(name);
  if (text === undefined) return undefined;
  const timeMs = parseTime(text, nowMs);
  if (timeMs !== undefined) return timeMs;
  throw badParameter(
    `Parameter "${name}" is a time: 2026-01-31T12:00:00Z, seconds since 1970, now, or now-5m; not "${preview(text)}"`,
  );
}
