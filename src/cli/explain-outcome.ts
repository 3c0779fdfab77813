import type { RelabelStep } from "../model/index.ts";
import type { ExplainedScrape, ExplainedTarget, Passage } from "./explain-targets.ts";

/** What it comes to for one target. */
export interface Outcome {
  /**
   * `duplicate`: scraped as another target of the same process; `unsent`: scraped, and no receiver sends anything of it; `skipped`: no rule
   * drops it, and nothing can be scraped or made of it; `unused`: no component that scrapes takes it.
   */
  readonly is: "scraped" | "duplicate" | "unsent" | "skipped" | "dropped" | "unused";
  /** Where and by what, the same for all targets that it befalls. */
  readonly words: string;
  /** What is wrong with this target. */
  readonly problem?: string | undefined;
}

/** The best comes first. */
const order: readonly Outcome["is"][] = ["scraped", "duplicate", "unsent", "skipped", "dropped", "unused"];

const unused: Outcome = { is: "unused", words: "not scraped, because no component that scrapes takes it" };

/** The best that becomes of it: it may go to several components. */
export function outcomeOf({ passages }: ExplainedTarget): Outcome {
  const outcomes = passages.flatMap((passage) => outcomeOfPassage(passage) ?? []);
  return outcomes.toSorted(byOrder)[0] ?? unused;
}

/** The rule that dropped the target, or its labels, there. */
export function droppingStep({ steps }: { readonly steps: readonly RelabelStep[] }): RelabelStep | undefined {
  const last = steps.at(-1);
  return last && !last.after ? last : undefined;
}

/** `undefined` where it is handed on. */
function outcomeOfPassage(passage: Passage): Outcome | undefined {
  const { component, target, scrapes = [], problem } = passage;
  const step = droppingStep(passage);
  if (step) return { is: "dropped", words: `dropped by ${step.name} of ${component}: ${step.rule}` };
  const own = scrapes.filter(({ isDuplicate }) => !isDuplicate);
  if (own.length > 0) return outcomeOfScrapes(own, component);
  if (scrapes.length > 0)
    return { is: "duplicate", words: `scraped by ${component} as another target of the same process` };
  return target ? undefined : { is: "skipped", words: `skipped by ${component}`, problem };
}

function outcomeOfScrapes(scrapes: readonly ExplainedScrape[], component: string): Outcome {
  const sendings = scrapes.flatMap(({ sentAs }) => sentAs);
  if (sendings.length === 0)
    return { is: "unsent", words: `scraped, but sent nowhere: forward_to of ${component} is empty` };
  if (sendings.some(({ labels }) => labels)) return { is: "scraped", words: "scraped" };
  const drops = sendings.flatMap((sending) => {
    const step = droppingStep(sending);
    return step ? [`${step.name} of ${sending.receiver}: ${step.rule}`] : [];
  });
  const [first, ...others] = new Set(drops);
  if (first !== undefined) {
    const more = others.length > 0 ? `, and by ${others.length} more` : "";
    return { is: "unsent", words: `scraped, but not sent: dropped by ${first}${more}` };
  }
  const [{ receiver, problem } = { receiver: component, problem: undefined }] = sendings;
  return { is: "unsent", words: `scraped, but not sent by ${receiver}`, problem };
}

function byOrder(a: Outcome, b: Outcome): number {
  return order.indexOf(a.is) - order.indexOf(b.is);
}

/** How many targets come to what, a line each: what is scraped first, then what befalls most. */
export function countOutcomes(outcomes: readonly Outcome[]): readonly string[] {
  const byWords = Map.groupBy(outcomes, ({ words }) => words);
  const rank = ([{ is } = unused]: readonly Outcome[]): number => Number(is !== "scraped");
  return [...byWords]
    .toSorted(([, a], [, b]) => rank(a) - rank(b) || b.length - a.length)
    .map(([words, those]) => `${those.length} ${words}${problemOf(those)}`);
}

function problemOf([{ problem } = unused, ...others]: readonly Outcome[]): string {
  if (problem === undefined) return "";
  return others.length > 0 ? `, the first of them because: ${problem}` : `: ${problem}`;
}
