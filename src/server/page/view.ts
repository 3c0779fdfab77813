/** What the reader of the page chose, by its URL. */
export interface Choices {
  /** Which targets: a bounded number of them, all, or those with a failing type. */
  readonly targets: "some" | "all" | "down";
  /** Reload every so many seconds. */
  readonly refreshS?: number | undefined;
}

/** What every part of the page needs. */
export interface View {
  readonly nowMs: number;
  readonly choices: Choices;
  /** `http://127.0.0.1:12345`, as the reader reached the agent. */
  readonly origin: string;
}

/** How often a page may reload itself, in seconds. */
const refreshBounds = { least: 2, most: 3600 } as const;

/** Reads the page's parameters. What is not understood is left out: a page is better than an error. */
export function choicesOf(query: Readonly<Record<string, string>>): Choices {
  const targets = query["targets"] === "all" || query["targets"] === "down" ? query["targets"] : "some";
  const refreshS = Number(query["refresh"]);
  const refreshes = Number.isInteger(refreshS) && refreshS >= refreshBounds.least && refreshS <= refreshBounds.most;
  return { targets, refreshS: refreshes ? refreshS : undefined };
}

/** The page's address with some choices made otherwise. */
export function linkTo({ choices }: View, changes: Partial<Choices>): string {
  const { targets, refreshS } = { ...choices, ...changes };
  const query = new URLSearchParams();
  if (targets !== "some") query.set("targets", targets);
  if (refreshS !== undefined) query.set("refresh", String(refreshS));
  return query.size > 0 ? `/?${query.toString()}` : "/";
}
