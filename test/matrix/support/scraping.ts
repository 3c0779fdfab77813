import { networkInterfaces } from "node:os";
import type { Agent, TargetView } from "../../e2e/agent.ts";
import { eventually } from "../../support/child.ts";

/** The state of a target, once it has been scraped; by its `service_name`, which is its component's name too. */
export function scraped(agent: Agent, name: string): Promise<TargetView> {
  return eventually(`"${name}" was scraped`, async () =>
    (await agent.targets()).find(({ labels, health }) => labels.service_name === name && health !== "unknown"),
  );
}

/** The state of a target, once it is this. */
export function untilHealth(agent: Agent, name: string, wanted: TargetView["health"]): Promise<TargetView> {
  return eventually(`"${name}" is ${wanted}`, async () =>
    (await agent.targets()).find(({ labels, health }) => labels.service_name === name && health === wanted),
  );
}

export interface ScrapeCounts {
  /** Scrapes that gave a profile. */
  readonly good: number;
  readonly failed: number;
}

/** What a `pyroscope.scrape` component has counted so far. */
export async function scrapeCounts(agent: Agent, name: string): Promise<ScrapeCounts> {
  const labels = { component_id: `pyroscope.scrape.${name}` };
  const [good, failed] = await Promise.all([
    agent.metric("pyroscope_scrape_scrapes_total", labels),
    agent.metric("pyroscope_scrape_failures_total", labels),
  ]);
  return { good, failed };
}

/** Resolves when `times` more scrapes of the component have given a profile. */
export async function moreProfiles(agent: Agent, name: string, times: number): Promise<void> {
  const { good: before } = await scrapeCounts(agent, name);
  await eventually(
    `${times} more profiles of "${name}"`,
    async () => (await scrapeCounts(agent, name)).good >= before + times || undefined,
  );
}

/** An address of this machine that is not loopback, which no proxy rule exempts; `undefined` where there is none. */
export const ownAddress = Object.values(networkInterfaces())
  .flat()
  .find((address) => address?.family === "IPv4" && !address.internal)?.address;
