import type { Report } from "../schema/index.ts";

/** Reports two arguments that say the same thing, where both are set. */
export function reportBoth(
  args: Readonly<Record<string, unknown>>,
  [one, other]: readonly [string, string],
  report: Report,
): void {
  if (args[one] !== undefined && args[other] !== undefined)
    report([other], `${one} and ${other} cannot both be set; keep one of them`);
}
