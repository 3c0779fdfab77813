/**
 * What `work` makes of every item, in their order, at most `limit` at a time. Rejects with the first error, after which no more is begun, once
 * what was under way has ended.
 */
export async function mapLimited<Item, Result>(
  items: readonly Item[],
  limit: number,
  work: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  const queue = items.entries();
  let isFailing = false;
  const worker = async (): Promise<void> => {
    for (const [at, item] of queue) {
      if (isFailing) return;
      try {
        results[at] = await work(item);
      } catch (thrown) {
        isFailing = true;
        throw thrown;
      }
    }
  };
  const workers = Array.from({ length: Math.min(limit, items.length) }, worker);
  try {
    await Promise.all(workers);
  } finally {
    await Promise.allSettled(workers);
  }
  return results;
}
