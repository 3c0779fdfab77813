import type { LeftEndpointStatus } from "../../model/index.ts";
import type { Metrics } from "../../observability/index.ts";
import { spoolGauges } from "./metrics.ts";

export interface ShowLeftOptions {
  /** Of the component. */
  readonly id: string;
  readonly read: () => readonly LeftEndpointStatus[];
}

/** Shows what is on disk for endpoints that left the configuration, asked for whenever metrics are; until the returned function is called. */
export function showLeft(metrics: Metrics, { id, read }: ShowLeftOptions): () => void {
  const { records, bytes } = spoolGauges(metrics);
  const labelsOf = (endpoint: string) => ({ component_id: id, endpoint });
  let shown: readonly string[] = [];
  const show = (left: readonly LeftEndpointStatus[]): void => {
    const names = left.map(({ endpoint }) => endpoint);
    for (const name of shown)
      if (!names.includes(name)) for (const gauge of [records, bytes]) gauge.remove(labelsOf(name));
    shown = names;
    for (const one of left) {
      records.set(labelsOf(one.endpoint), one.profiles);
      bytes.set(labelsOf(one.endpoint), one.bytes);
    }
  };
  const unregister = metrics.onCollect(() => show(read()));
  return () => {
    unregister();
    show([]);
  };
}
