import { Reference } from "../../component/index.ts";
import type { Target } from "../../model/index.ts";
import type { ScrapeArguments } from "./arguments.ts";

/** The targets that are written in the configuration itself. */
export function literalTargets(args: ScrapeArguments): readonly Target[] {
  return args.targets.filter((target): target is Target => !(target instanceof Reference));
}
