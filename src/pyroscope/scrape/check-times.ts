import { type Duration, preview } from "../../base/index.ts";
import type { Report } from "../../schema/index.ts";
import type { CustomProfileArguments, ProfilingConfig } from "./profile-arguments.ts";

interface Timed {
  readonly scrape_interval: Duration;
  readonly delta_profiling_duration?: Duration | undefined;
  readonly profiling_config: ProfilingConfig;
}

/** The checks on times (DESIGN, Decisions). There is none between timeout and interval. */
export function checkTimes(args: Timed, report: Report): void {
  const { scrape_interval: interval, delta_profiling_duration: duration } = args;
  const timed = timedTypes(args.profiling_config);
  const [first] = timed;
  if (interval.ms < 2000 && first !== undefined)
    report(
      ["scrape_interval"],
      `must be at least 2s, found "${interval}": ${timed.join(" and ")} ${timed.length > 1 ? "take" : "takes"} a profile over scrape_interval - 1s; ` +
        `raise it, or set profiling_config.profile.${first}.enabled = false`,
    );
  if (!duration) return;
  const longest = interval.ms - 1000;
  if (duration.ms % 1000 !== 0 || duration.ms < 1000)
    report(["delta_profiling_duration"], `must be whole seconds, at least 1s, found "${duration}"`);
  else if (duration.ms > longest)
    report(
      ["delta_profiling_duration"],
      `must be at least 1s shorter than scrape_interval (${interval}), found "${duration}"`,
    );
}

/** `params.seconds` is a profiling time as well, and goes to every type. */
export function checkSeconds(
  { params }: { readonly params: Readonly<Record<string, readonly string[]>> },
  report: Report,
): void {
  const wrong = params["seconds"]?.find((seconds) => !/^[1-9]\d*$/.test(seconds));
  if (wrong !== undefined)
    report(["params", "seconds"], `must be whole seconds, at least 1, found "${preview(wrong)}"`);
}

/** The enabled types whose requests carry `seconds`. */
function timedTypes({ profile }: ProfilingConfig): readonly string[] {
  const { custom, ...builtIn } = profile;
  return [...timedNames(builtIn), ...timedNames(custom).map((name) => `custom.${name}`)];
}

function timedNames(blocks: Readonly<Record<string, CustomProfileArguments>>): readonly string[] {
  return Object.entries(blocks)
    .filter(([, { enabled, delta }]) => enabled && delta)
    .map(([name]) => name);
}
