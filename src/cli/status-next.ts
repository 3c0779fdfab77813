import { oneLine } from "../base/index.ts";
import type { Problem } from "./status-judgement.ts";

const messageLength = 400;
/** Of those that want the same, so many are named. */
const shownNames = 3;

/** What to do: a line for all things of a kind that want the same. */
export function nextLines(problems: readonly Problem[]): readonly string[] {
  const alike = Map.groupBy(problems, ({ kind, next }) => JSON.stringify([kind, next]));
  return [...alike.values()].map((group) => `  ${namesOf(group)}: ${oneLine(group[0]?.next ?? "", messageLength)}`);
}

/** Parted by semicolons, because a target's name has commas in it. Types of one target that fail in several ways are one name. */
function namesOf(alike: readonly Problem[]): string {
  const things = Map.groupBy(alike, ({ about, target = about }) => target);
  const names = [...things].map(([target, [first, ...others]]) =>
    others.length > 0 && first?.target ? `${target}, several types` : (first?.about ?? target),
  );
  const more = names.length - shownNames;
  const rest = more > 0 ? [`and ${more} more ${alike[0]?.kind}${more === 1 ? "" : "s"}`] : [];
  return [...names.slice(0, shownNames), ...rest].join("; ");
}
