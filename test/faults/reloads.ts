import type { Accepted } from "./agent-log.ts";
import type { Fault } from "./fault-server.ts";
import type { Scenario } from "./scenario.ts";
import { durable, second, staged, wait } from "./staging.ts";
import type { ConfigureOptions, EndpointSpec, World } from "./world.ts";

/** The endpoint that stays as it is, beside the one that changes. */
const steady: EndpointSpec = { server: 0 };

interface Turn {
  /** What the configuration has beside the steady endpoint; `undefined` where the file is a bad one. */
  readonly endpoint: EndpointSpec | "removed" | undefined;
  /** Of the server of the endpoint that changes. */
  readonly fault: Fault | undefined;
  readonly labels?: string;
}

const edge = (path: string, durability: string): EndpointSpec => ({
  server: 1,
  name: "edge",
  path,
  lines: durable(durability),
});
const other: EndpointSpec = { server: 1, name: "other", path: "/b", lines: durable("outage") };
const unnamed: EndpointSpec = { server: 1, path: "/b", lines: durable("always") };

/**
 * One change a turn, each in another state of the server. What waits in memory with `durability = "memory"` goes with an endpoint that leaves
 * or gets a name, as docs/queue.md says: so that it is none of these that follows it.
 */
const turns: readonly Turn[] = [
  { endpoint: edge("", "outage"), fault: "refuse" },
  { endpoint: edge("/a", "outage"), fault: undefined },
  { endpoint: edge("/a", "always"), fault: "refuse" },
  { endpoint: edge("/a", "memory"), fault: "stall" },
  { endpoint: undefined, fault: "refuse" },
  { endpoint: edge("/b", "outage"), fault: "refuse" },
  { endpoint: "removed", fault: "refuse" },
  { endpoint: edge("/b", "outage"), fault: undefined, labels: `turn = "odd"` },
  { endpoint: edge("/b", "always"), fault: "refuse" },
  { endpoint: other, fault: "stall" },
  { endpoint: unnamed, fault: "refuse" },
  { endpoint: other, fault: undefined },
  { endpoint: edge("/b", "always"), fault: "refuse" },
  { endpoint: "removed", fault: undefined },
  { endpoint: edge("/a", "outage"), fault: "reset", labels: `turn = "even"` },
];

/** How long after a reload a profile may be handed on that was queued before it. */
const handOnMs = 1 * second;

/** When the endpoint was in the configuration for sure. */
class Presence {
  readonly #spans: { fromMs: number; toMs: number }[] = [];

  begin(): void {
    if (this.#spans.at(-1)?.toMs !== Infinity) this.#spans.push({ fromMs: Date.now() + handOnMs, toMs: Infinity });
  }

  end(): void {
    const last = this.#spans.at(-1);
    if (last?.toMs === Infinity) last.toMs = Date.now();
  }

  has({ atMs }: Accepted): boolean {
    return this.#spans.some(({ fromMs, toMs }) => atMs >= fromMs && atMs < toMs);
  }
}

export const reloads: Scenario = {
  name: "reloads",
  promise:
    "an endpoint that gets another URL, name and durability, leaves and comes back, and a bad file, cost nothing while the server comes and goes",
  run: ({ pick }) => {
    const presence = new Presence();
    let [keptMost, reloaded] = [0, 0];
    return staged(
      { endpoint: durable("outage"), servers: 2 },
      async (world, broken) => {
        const { agent, servers, configure } = world;
        presence.begin();
        for (let turn = 0; turn < pick(turns.length, 12 * turns.length); turn++) {
          const { endpoint, fault, labels = "" } = turns[turn % turns.length] as Turn;
          await servers[1]?.fail(fault);
          const next: ConfigureOptions = { endpoints: endpointsOf(endpoint), externalLabels: labels };
          if (endpoint === undefined) agent.configure("[pyroscope.write.server]\nendpoint = 7\n");
          else configure(next);
          if (endpoint === "removed") presence.end();
          const outcome = await agent.reload();
          reloaded += 1;
          const expected = endpoint === undefined ? "refused" : "applied";
          if (outcome !== expected) broken.push(`turn ${turn}: the configuration was ${outcome}, not ${expected}`);
          if (endpoint !== "removed") presence.begin();
          await wait(1.2 * second);
          if (endpoint === "removed") keptMost = Math.max(keptMost, await kept(world));
        }
        await servers[1]?.fail(undefined);
        // Each endpoint that there was comes back for what was kept for it.
        for (const endpoint of [unnamed, other, edge("/b", "outage")]) {
          configure({ endpoints: [steady, endpoint] });
          await agent.reload();
          await wait(second);
          await agent.untilDelivered(20 * second, endpoint.name ?? `${servers[1]?.url}${endpoint.path ?? ""}`);
        }
        if (keptMost === 0) broken.push("nothing was kept for the endpoint while it was away");
        const delay = world.ledger(world.server).delaySeconds.max;
        if (delay > 2) broken.push(`the endpoint that stayed got a profile ${delay.toFixed(1)} s late`);
      },
      {
        owed: (server, accepted) => server === 0 || presence.has(accepted),
        notes: () => ({ reloads: reloaded, kept_while_removed: keptMost }),
      },
    );
  },
};

function endpointsOf(endpoint: Turn["endpoint"]): readonly EndpointSpec[] {
  return endpoint === "removed" || endpoint === undefined ? [steady] : [steady, endpoint];
}

/** What is on disk for the endpoint that is away. */
function kept({ agent }: World): Promise<number> {
  return agent.metric("pyroscope_write_spool_records", { endpoint: "edge" });
}
