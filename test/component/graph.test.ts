import { beforeEach, describe, expect, test } from "bun:test";
import { type ComponentConfig, type ComponentContext, Graph, Reference } from "../../src/component/index.ts";
import { labelsOf, type Profile } from "../../src/model/index.ts";
import { createMetrics } from "../../src/observability/index.ts";
import { testContext } from "../support/context.ts";
import { FakeClock, settle } from "../support/fake-clock.ts";
import { createMemoryLog } from "../support/memory-log.ts";
import { component, contexts, events, from, happened, release, startAnew, to } from "./fake-kinds.ts";

let onSourcesEnded: () => Promise<void>;

function profile(id: string): Profile {
  const info = { sampleTypes: [], samples: 0, timeMs: 0, durationMs: 0, rawBytes: 0 };
  return { id, labels: labelsOf({}), data: new Uint8Array(), info, scrapedAtMs: 0 };
}

function setUp(...components: ComponentConfig[]) {
  const log = createMemoryLog();
  const metrics = createMetrics();
  const graph = new Graph({ clock: new FakeClock(), log, metrics, storage: testContext().storage, userAgent: "test" });
  graph.applyConfig(components);
  const controller = new AbortController();
  const ended = graph
    .run(controller.signal, { onSourcesEnded: () => onSourcesEnded() })
    .then(() => events.push("graph ended"));
  return { graph, log, metrics, stop: () => controller.abort(), ended };
}

function health(graph: Graph): Record<string, string> {
  return Object.fromEntries(graph.snapshot().map(({ id, health: { state } }) => [id, state]));
}

beforeEach(() => {
  startAnew();
  onSourcesEnded = async () => {};
});

describe("Graph.run()", () => {
  test("starts consumers before those that hand to them, whatever the order in the file", async () => {
    const { stop, ended } = setUp(
      component("scrape.a", { to: to("write.a"), from: from("find.a") }),
      component("find.a"),
      component("write.a"),
    );
    await settle();
    expect(happened().slice(3)).toEqual(["run write.a", "run scrape.a", "run find.a"]);
    stop();
    await ended;
  });

  test("stops producers first and consumers only when those have ended", async () => {
    const { stop } = setUp(component("write.a"), component("scrape.a", { to: to("write.a"), slowStop: true }));
    await settle();
    happened();
    stop();
    await settle();
    expect(happened()).toEqual(["stop scrape.a"]);
    release.get("scrape.a")?.();
    await settle();
    expect(happened()).toEqual(["end scrape.a", "stop write.a", "end write.a", "graph ended"]);
  });

  test("stops what does not depend on each other at once", async () => {
    const { stop, ended } = setUp(component("write.a", { slowStop: true }), component("write.b", { slowStop: true }));
    await settle();
    happened();
    stop();
    await settle();
    expect(happened()).toEqual(["stop write.b", "stop write.a"]);
    for (const done of release.values()) done();
    await ended;
  });

  test("says when nothing new comes any more, and waits for what is done then", async () => {
    const saved = Promise.withResolvers<void>();
    onSourcesEnded = () => {
      events.push("sources ended");
      return saved.promise;
    };
    const { stop, ended } = setUp(
      component("write.a", { slowStop: true }),
      component("scrape.a", { to: to("write.a"), slowStop: true }),
      component("scrape.b", { to: to("write.a") }),
      component("find.a"),
    );
    await settle();
    stop();
    await settle();
    expect(happened()).not.toContain("sources ended");
    release.get("scrape.a")?.();
    await settle();
    expect(happened()).toEqual(["end scrape.a", "stop write.a", "sources ended"]);
    release.get("write.a")?.();
    await settle();
    expect(happened()).toEqual(["end write.a"]);
    saved.resolve();
    await ended;
  });

  test("keeps a crashed component from taking down its neighbours", async () => {
    const { graph, log, stop, ended } = setUp(
      component("write.bad", { failAfterStart: "Bug" }),
      component("write.good"),
      component("scrape.a", { to: to("write.bad", "write.good") }),
    );
    await settle();
    expect(health(graph)).toEqual({ "write.bad": "unhealthy", "write.good": "healthy", "scrape.a": "healthy" });
    expect(graph.component("write.bad")?.health.message).toBe("Ended unasked: Bug");
    expect(graph.snapshot().map(({ running }) => running)).toEqual([false, true, true]);
    expect(log.messages("error")).toEqual(["Component ended unasked"]);
    const context = contexts.get("scrape.a") as ComponentContext;
    expect(context.receiver(new Reference("write.bad", "receiver")).append(profile("p"))).rejects.toThrow("write.bad");
    await context.receiver(new Reference("write.good", "receiver")).append(profile("q"));
    expect(happened()).toContain("write.good got q");
    stop();
    await ended;
  });

  test("ends without waiting where nothing was configured", async () => {
    const { stop, ended } = setUp();
    stop();
    await ended;
    expect(happened()).toEqual(["graph ended"]);
  });
});

describe("Graph.applyConfig()", () => {
  test("leaves a component alone whose table did not change, though its arguments are new objects", async () => {
    const { graph, stop, ended } = setUp(component("write.a", { tag: "1" }));
    await settle();
    happened();
    graph.applyConfig([component("write.a", { tag: "1" })]);
    await settle();
    expect(happened()).toEqual([]);
    stop();
    await ended;
  });

  test("applies changes to what runs, starts what is new and stops what is gone", async () => {
    const { graph, stop, ended } = setUp(component("write.a", { tag: "1" }), component("write.gone"));
    await settle();
    happened();
    graph.applyConfig([component("write.a", { tag: "2" }), component("write.new")]);
    await settle();
    expect(happened().sort()).toEqual([
      "apply write.a 2",
      "create write.new",
      "end write.gone",
      "run write.new",
      "stop write.gone",
    ]);
    expect(graph.snapshot().map(({ id }) => id)).toEqual(["write.a", "write.new"]);
    stop();
    await ended;
  });

  test("carries the rest out where something fails once nothing can be refused any more, and says so", async () => {
    const { graph, log, stop, ended } = setUp(component("scrape.a", { from: from("find.a") }));
    const [reference] = from("find.a") as [Reference];
    contexts
      .get("scrape.a")
      ?.targets(reference)
      .subscribe(() => {
        throw new Error("boom");
      });
    graph.applyConfig([component("scrape.a", { from: from("find.a") }), component("find.a"), component("write.new")]);
    await settle();
    expect(happened()).toEqual(expect.arrayContaining(["run find.a", "run write.new"]));
    expect(health(graph)).toEqual({ "scrape.a": "healthy", "find.a": "unhealthy", "write.new": "healthy" });
    expect(graph.component("find.a")?.health.message).toBe(
      "Not all who take from it could go on with what it has now: boom",
    );
    expect(log.messages("error")).toEqual([
      "An error inside the agent: not all who take from a component could go on with what it has now",
    ]);
    graph.applyConfig([component("scrape.a"), component("write.new")]);
    await settle();
    expect(happened()).toContain("end find.a");
    stop();
    await ended;
  });

  test("tries all at once although one fails at it, and says so", async () => {
    const { graph, log, stop, ended } = setUp(component("scrape.a", { failNow: "boom" }), component("write.a"));
    expect(health(graph)).toEqual({ "scrape.a": "unhealthy", "write.a": "healthy" });
    graph.applyConfig([component("scrape.a", { failNow: "boom" }), component("write.b")]);
    expect(health(graph)).toEqual({ "scrape.a": "unhealthy", "write.b": "healthy" });
    expect(graph.component("scrape.a")?.health.message).toBe("It could not try at once what it would try later: boom");
    expect(log.messages("error")).toHaveLength(2);
    stop();
    await ended;
  });

  test("changes nothing where a component refuses, and says which and why", async () => {
    const { graph, metrics, stop, ended } = setUp(
      component("write.a", { tag: "1" }),
      component("write.b", { tag: "1" }),
      component("write.kept"),
    );
    await settle();
    happened();
    const next = [component("write.a", { tag: "2" }), component("write.b", { refuse: "No" }), component("write.new")];
    expect(() => graph.applyConfig(next)).toThrow(
      'Could not apply the configuration, nothing was changed: "write.b": No',
    );
    await settle();
    expect(happened()).toEqual(["create write.new", "apply write.a 2", "apply write.a 1"]);
    expect(health(graph)).toEqual({ "write.a": "healthy", "write.b": "unhealthy", "write.kept": "healthy" });
    expect(await metrics.text()).toContain("agent_config_last_load_successful 0");
    graph.applyConfig([component("write.a", { tag: "1" }), component("write.b", { tag: "1" })]);
    expect(health(graph)).toEqual({ "write.a": "healthy", "write.b": "healthy" });
    stop();
    await ended;
  });

  test("names every component that cannot be made", () => {
    const graph = new Graph({
      clock: new FakeClock(),
      log: createMemoryLog(),
      metrics: createMetrics(),
      storage: testContext().storage,
      userAgent: "test",
    });
    const refusing = [component("write.a", { refuse: "No" }), component("write.b", { refuse: "Never" })];
    expect(() => graph.applyConfig(refusing)).toThrow('"write.a": No; "write.b": Never');
    expect(graph.snapshot()).toEqual([]);
  });

  test("makes a crashed component anew, changed or not", async () => {
    const { graph, stop, ended } = setUp(component("write.a", { failAfterStart: "Bug" }));
    await settle();
    happened();
    graph.applyConfig([component("write.a")]);
    await settle();
    expect(happened()).toEqual(["create write.a", "run write.a"]);
    expect(health(graph)).toEqual({ "write.a": "healthy" });
    stop();
    await ended;
  });

  test("starts a component that came back only when its predecessor has ended", async () => {
    const { graph, stop, ended } = setUp(component("write.a", { slowStop: true }));
    await settle();
    graph.applyConfig([]);
    await settle();
    happened();
    graph.applyConfig([component("write.a")]);
    await settle();
    expect(happened()).toEqual(["create write.a"]);
    release.get("write.a")?.();
    await settle();
    expect(happened()).toEqual(["end write.a", "run write.a"]);
    stop();
    await ended;
  });

  test("lets a component that came back end what it took, although it is stopped before its predecessor has ended", async () => {
    const { graph, stop } = setUp(component("write.a", { slowStop: true }));
    await settle();
    graph.applyConfig([]);
    await settle();
    graph.applyConfig([component("write.a")]);
    stop();
    await settle();
    happened();
    release.get("write.a")?.();
    await settle();
    expect(happened()).toEqual(["end write.a", "run write.a", "stop write.a", "end write.a", "graph ended"]);
  });
});

describe("Graph.refuseConfig()", () => {
  test("shows components at fault as unhealthy, undisturbed, until a configuration is applied or another is at fault", async () => {
    const { graph, metrics, stop, ended } = setUp(component("write.a"), component("write.b"));
    await settle();
    happened();
    graph.refuseConfig(new Map([["write.a", "Wrong"]]));
    expect(health(graph)).toEqual({ "write.a": "unhealthy", "write.b": "healthy" });
    expect(graph.component("write.a")?.health.message).toBe("Wrong");
    expect(await metrics.text()).toContain("agent_config_last_load_successful 0");
    graph.refuseConfig(new Map([["write.b", "Wrong"]]));
    expect(health(graph)).toEqual({ "write.a": "healthy", "write.b": "unhealthy" });
    graph.applyConfig([component("write.a"), component("write.b")]);
    expect(health(graph)).toEqual({ "write.a": "healthy", "write.b": "healthy" });
    expect(await metrics.text()).toContain("agent_config_last_load_successful 1");
    expect(happened()).toEqual([]);
    stop();
    await ended;
  });

  test("leaves what a crashed component says of itself", async () => {
    const { graph, stop, ended } = setUp(component("write.a", { failAfterStart: "Bug" }));
    await settle();
    graph.refuseConfig(new Map([["write.a", "Wrong"]]));
    expect(graph.component("write.a")?.health.message).toBe("Ended unasked: Bug");
    stop();
    await ended;
  });
});

describe("A receiver handed out by the graph", () => {
  test("stays valid while the component behind it comes, goes and comes back", async () => {
    const { graph, stop, ended } = setUp(component("scrape.a", { tag: "1" }));
    await settle();
    const receiver = contexts.get("scrape.a")?.receiver(new Reference("write.a", "receiver"));
    const failure = await receiver?.append(profile("1")).catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject({ reason: "no_receiver" });
    const forwarding = component("scrape.a", { tag: "1" });
    graph.applyConfig([forwarding, component("write.a")]);
    await receiver?.append(profile("2"));
    graph.applyConfig([forwarding]);
    await settle();
    expect(receiver?.append(profile("3"))).rejects.toThrow('no running component "write.a" receives profiles');
    graph.applyConfig([forwarding, component("write.a")]);
    await receiver?.append(profile("4"));
    expect(happened().filter((event) => event.includes("got"))).toEqual(["write.a got 2", "write.a got 4"]);
    stop();
    await ended;
  });
});

describe("Targets handed out by the graph", () => {
  test("are empty while nothing is behind them, and tell of every change", async () => {
    const one = [labelsOf({ __address__: "a:1" })];
    const { graph, stop, ended } = setUp(component("scrape.a"));
    const targets = contexts.get("scrape.a")?.targets(new Reference("find.a", "targets"));
    let changes = 0;
    const unsubscribe = targets?.subscribe(() => changes++);
    expect(targets?.current()).toEqual([]);
    graph.applyConfig([component("scrape.a"), component("find.a", { targets: one })]);
    expect([targets?.current(), changes]).toEqual([one, 1]);
    graph.applyConfig([component("scrape.a"), component("find.a", { targets: [] })]);
    expect([targets?.current(), changes]).toEqual([[], 2]);
    graph.applyConfig([component("scrape.a")]);
    await settle();
    expect(changes).toBe(3);
    unsubscribe?.();
    graph.applyConfig([component("scrape.a"), component("find.a", { targets: one })]);
    expect(changes).toBe(3);
    stop();
    await ended;
  });
});

describe("Graph.snapshot()", () => {
  test("shows references both ways, arguments and debug information", () => {
    const args = { to: to("write.a", "write.a"), tag: "x" };
    const { graph, stop } = setUp(component("scrape.a", args), component("write.a"));
    expect(graph.component("scrape.a")).toMatchObject({
      kind: "scrape",
      arguments: args,
      referencesTo: ["write.a"],
      referencedBy: [],
      debugInfo: { tag: "x" },
    });
    expect(graph.component("write.a")).toMatchObject({ referencesTo: [], referencedBy: ["scrape.a"] });
    expect(graph.component("write.b")).toBeUndefined();
    stop();
  });

  test("is counted by health in the metrics, beside the load", async () => {
    const { metrics, stop } = setUp(component("write.a"), component("write.b", { failAfterStart: "Bug" }));
    await settle();
    const text = await metrics.text();
    expect(text).toContain('agent_component_controller_running_components{health_type="healthy"} 1');
    expect(text).toContain('agent_component_controller_running_components{health_type="unhealthy"} 1');
    expect(text).toContain("agent_config_last_load_successful 1");
    expect(text).toContain("agent_config_last_load_success_timestamp_seconds 1893456000");
    stop();
  });
});
