import { describe, expect, test } from "bun:test";
import { labelsOf, labelsToJson, labelValue } from "../../../src/model/index.ts";
import { explainTarget } from "../../../src/pyroscope/scrape/explain-target.ts";
import { planScrapes } from "../../../src/pyroscope/scrape/plan.ts";
import { prepareRules } from "../../../src/relabel/index.ts";
import { parseScrapeArguments } from "./scrape-arguments.ts";

type Written = Readonly<Record<string, string>>;

await prepareRules({ rule: { regex: "needs[the]engine" } });

const id = "pyroscope.scrape.local";

function plan(targets: readonly Written[], config: Record<string, unknown>) {
  const args = parseScrapeArguments(config);
  return planScrapes(targets.map(labelsOf), { id, args, infersServiceName: true });
}

/** Type and URL of everything that is scraped. */
function requests(targets: readonly Written[], config: Record<string, unknown>): readonly string[] {
  return plan(targets, config)
    .scrapes.map(({ type, url }) => `${type} ${url}`)
    .sort();
}

const onlyGoroutine = {
  profiling_config: {
    profile: Object.fromEntries(["memory", "block", "mutex", "process_cpu"].map((type) => [type, { enabled: false }])),
  },
};

describe("rules of a scrape component", () => {
  test("steer the URL and the labels of what is scraped", () => {
    const config = {
      ...onlyGoroutine,
      rule: [
        { source_labels: "__meta_pod_ip", target_label: "__address__", replacement: "$1:6060" },
        { target_label: "__scheme__", replacement: "https" },
        { target_label: "__profile_path__", replacement: "/debug/mine" },
        { target_label: "__param_debug", replacement: "0" },
        { target_label: "zone", replacement: "eu" },
      ],
    };
    const { scrapes } = plan([{ __meta_pod_ip: "10.0.0.1" }], config);
    expect(scrapes.map(({ url }) => url)).toEqual(["https://10.0.0.1:6060/debug/mine?debug=0"]);
    expect(labelsToJson(scrapes[0]?.labels ?? [])).toMatchObject({ zone: "eu", instance: "10.0.0.1:6060" });
  });

  test("drop targets, which is counted and no error", () => {
    const config = { rule: { action: "keep", source_labels: "team", regex: "shop" } };
    const { scrapes, errors, dropped } = plan([{ __address__: "a", team: "shop" }, { __address__: "b" }], config);
    expect([scrapes.length, errors.length, dropped]).toEqual([5, 0, 1]);
  });

  test("cost a target of which they make too much only this one", () => {
    const rule = Array.from({ length: 20 }, () => ({ source_labels: "a", target_label: "a", replacement: "$1$1" }));
    const { scrapes, errors } = plan([{ __address__: "a", a: "x" }, { __address__: "b" }], { rule });
    expect(scrapes).toHaveLength(5);
    expect(errors.map(({ reason }) => reason)).toEqual(["label_too_long"]);
  });

  test("may make a name that is made legal where it is sent", () => {
    const rule = { source_labels: "a", regex: "(.*)", target_label: "${1}", replacement: "1" };
    const [scrape] = plan([{ __address__: "a", a: "x-y" }], { rule }).scrapes;
    expect(labelValue(scrape?.labels ?? [], "x_y")).toBe("1");
  });

  test("are explained with what would be requested", () => {
    const args = parseScrapeArguments({ ...onlyGoroutine, rule: { action: "drop", source_labels: "a", regex: "1" } });
    const options = { id, args, infersServiceName: true };
    expect(explainTarget(labelsOf({ __address__: "h", a: "1" }), options)).toMatchObject({
      steps: [{ rule: 'drop where a matches "1"', action: "drop" }],
      scrapes: [],
    });
    expect(explainTarget(labelsOf({ __address__: "h" }), options).scrapes?.map(({ url }) => url)).toEqual([
      "http://h:80/debug/pprof/goroutine",
    ]);
    expect(explainTarget(labelsOf({ a: "2" }), options).problem).toBe(
      'Cannot scrape a target without the label "__address__"',
    );
  });
});

describe("labels that say what is scraped from a target", () => {
  const types = (listed: string, config: Record<string, unknown> = {}): readonly string[] =>
    plan([{ __address__: "h", __profile_types__: listed }], config).scrapes.map(({ type }) => type);

  test("choose types, also those that are off by default", () => {
    expect(types("mutex,fgprof,memory")).toEqual(["memory", "mutex", "fgprof"]);
  });

  test("do not switch on what the configuration switches off", () => {
    expect(types("mutex,memory", { profiling_config: { profile: { mutex: { enabled: false } } } })).toEqual(["memory"]);
  });

  test("put a godeltaprof type in the place of its plain one", () => {
    expect(types("memory,godeltaprof_memory,block")).toEqual(["block", "godeltaprof_memory"]);
  });

  test("choose custom types by their names, and leave unknown ones to others", () => {
    const custom = { mine: { enabled: true, path: "/mine" }, other: { enabled: true, path: "/other" } };
    expect(types("mine,ebpf", { profiling_config: { profile: { custom } } })).toEqual(["mine"]);
  });

  const places: readonly (readonly [title: string, target: Written, url: string])[] = [
    ["port", { __profile_goroutine_port__: "6061" }, "http://h:6061/debug/pprof/goroutine"],
    ["scheme", { __profile_goroutine_scheme__: "https" }, "https://h:80/debug/pprof/goroutine"],
    ["path", { __profile_goroutine_path__: "/own", __profile_path__: "/all" }, "http://h:80/own"],
  ];
  for (const [title, target, url] of places)
    test(`give one type its own ${title}`, () => {
      const [scrape] = plan([{ __address__: "h:80", ...target }], onlyGoroutine).scrapes;
      expect(scrape?.url).toBe(url);
    });

  test("name a port that is none, which is an error", () => {
    const { errors } = plan([{ __address__: "h", __profile_mutex_port__: "http" }], {});
    expect(errors.map(({ message }) => message)).toEqual([
      'Cannot scrape "h": the port "http" that is asked for is no number',
    ]);
  });
});

const preset = { rules_preset: "kubernetes-annotations" };
const asked = (type: string, setting: string, value: string): Written => ({
  [`__meta_kubernetes_pod_annotation_profiles_grafana_com_${type}_${setting}`]: value,
});

/** A pod of two containers and three ports, as discovery.kubernetes gives it: a target for each port. */
function pod(annotations: Written): readonly Written[] {
  const target = (container: string, port: string, name: string): Written => ({
    __address__: `10.0.0.1:${port}`,
    __meta_kubernetes_namespace: "shop",
    __meta_kubernetes_pod_name: "cart-1",
    __meta_kubernetes_pod_phase: "Running",
    __meta_kubernetes_pod_container_name: container,
    __meta_kubernetes_pod_container_port_number: port,
    __meta_kubernetes_pod_container_port_name: name,
    ...annotations,
  });
  return [target("proxy", "9090", "metrics"), target("cart", "8080", "http"), target("cart", "6060", "pprof")];
}

describe("whose a target is", () => {
  const owners = (targets: readonly Written[], config: Record<string, unknown>): readonly string[] => [
    ...new Set(plan(targets, config).scrapes.map(({ owner }) => owner)),
  ];

  test("is decided by its own address, with the port of its scheme, for all its types", () => {
    const target = { __address__: "h", __scheme__: "https", __profile_memory_port__: "6060" };
    expect(plan([target], {}).scrapes.length).toBe(5);
    expect(owners([target], {})).toEqual(["h:443"]);
    expect(owners([{ __address__: "unix:///run/a.sock" }], {})).toEqual(["unix:///run/a.sock"]);
  });

  test("is decided by the lowest port where it says itself what is scraped, so that all its types are one agent's", () => {
    const target = {
      __address__: "h:80",
      __profile_types__: "memory,process_cpu,mutex",
      __profile_memory_port__: "16061",
      __profile_process_cpu_port__: "6062",
      __profile_block_port__: "70",
    };
    expect(owners([target], {})).toEqual(["h:6062"]);
    expect(owners([{ ...target, __address__: "::1" }], {})).toEqual(["[::1]:6062"]);
  });

  test("is decided alike for every port of a pod", () => {
    const annotations = {
      ...asked("cpu", "scrape", "true"),
      ...asked("cpu", "port", "8080"),
      ...asked("memory", "scrape", "true"),
      ...asked("memory", "port", "6060"),
      ...asked("mutex", "scrape", "true"),
    };
    for (const target of pod(annotations)) expect(owners([target], preset)).toEqual(["10.0.0.1:6060"]);
    expect(owners(pod(annotations), preset)).toEqual(["10.0.0.1:6060"]);
  });

  test("does not depend on the order of targets that ask for the same", () => {
    const targets = ["b", "a"].map((host) => ({ host, __address__: `${host}:1` }));
    const rule = [
      { target_label: "__profile_goroutine_port__", replacement: "6060" },
      { target_label: "__address__", source_labels: "host", regex: "a", replacement: "h:1" },
      { target_label: "__address__", source_labels: "host", regex: "b", replacement: "h:2" },
      { action: "labeldrop", regex: "host" },
    ];
    for (const order of [targets, targets.toReversed()])
      expect(owners(order, { ...onlyGoroutine, rule })).toEqual(["h:1"]);
  });
});

describe('the preset "kubernetes-annotations"', () => {
  test("scrapes only the types that are asked for, each once although the pod has three ports", () => {
    const targets = pod({
      ...asked("cpu", "scrape", "true"),
      ...asked("cpu", "port", "6060"),
      ...asked("memory", "scrape", "true"),
      ...asked("memory", "port", "6060"),
      ...asked("memory", "path", "/debug/pprof/heap"),
      ...asked("goroutine", "scrape", "false"),
      ...asked("goroutine", "port", "6060"),
    });
    expect(requests(targets, preset)).toEqual([
      "memory http://10.0.0.1:6060/debug/pprof/heap",
      "process_cpu http://10.0.0.1:6060/debug/pprof/profile?seconds=14",
    ]);
  });

  test("takes the labels of the container whose port it is", () => {
    const targets = pod({ ...asked("cpu", "scrape", "true"), ...asked("cpu", "port", "6060") });
    expect(labelsToJson(plan(targets, preset).scrapes[0]?.labels ?? [])).toEqual({
      __name__: "process_cpu",
      container: "cart",
      instance: "10.0.0.1:6060",
      job: id,
      namespace: "shop",
      pod: "cart-1",
      service_name: "shop/cart",
    });
  });

  test("takes a port that no container declares", () => {
    const targets = pod({ ...asked("mutex", "scrape", "true"), ...asked("mutex", "port", "7777") });
    expect(requests(targets, preset)).toEqual(["mutex http://10.0.0.1:7777/debug/pprof/mutex"]);
  });

  test("finds a port by its name", () => {
    const targets = pod({ ...asked("block", "scrape", "true"), ...asked("block", "port_name", "pprof") });
    expect(requests(targets, preset)).toEqual(["block http://10.0.0.1:6060/debug/pprof/block"]);
  });

  test("gives each type its own port and scheme", () => {
    const targets = pod({
      ...asked("godeltaprof_memory", "scrape", "true"),
      ...asked("godeltaprof_memory", "port", "6060"),
      ...asked("godeltaprof_memory", "scheme", "https"),
      ...asked("fgprof", "scrape", "true"),
      ...asked("fgprof", "port", "8080"),
    });
    expect(requests(targets, preset)).toEqual([
      "fgprof http://10.0.0.1:8080/debug/fgprof?seconds=14",
      "godeltaprof_memory https://10.0.0.1:6060/debug/pprof/delta_heap",
    ]);
  });

  test("leaves out pods that do not run, init containers, and whatever asks for nothing", () => {
    const annotations = { ...asked("cpu", "scrape", "true"), ...asked("cpu", "port", "6060") };
    const pending = pod(annotations).map((target) => ({ ...target, __meta_kubernetes_pod_phase: "Pending" }));
    const init = pod(annotations).map((target) => ({ ...target, __meta_kubernetes_pod_container_init: "true" }));
    expect(plan([...pending, ...init, ...pod({})], preset)).toMatchObject({ scrapes: [], errors: [], dropped: 9 });
  });

  test("reads the same names as labels of Docker and Swarm containers", () => {
    const target = (source: string): Written => ({
      __address__: "172.17.0.2:80",
      [`__meta_${source}_profiles_grafana_com_cpu_scrape`]: "true",
      [`__meta_${source}_profiles_grafana_com_cpu_port`]: "6060",
    });
    for (const source of ["docker_container_label", "dockerswarm_container_label", "dockerswarm_service_label"])
      expect(requests([target(source)], preset)).toEqual([
        "process_cpu http://172.17.0.2:6060/debug/pprof/profile?seconds=14",
      ]);
  });

  test("comes before the component's own rules", () => {
    const rule = { action: "drop", source_labels: "namespace", regex: "shop" };
    const targets = pod({ ...asked("cpu", "scrape", "true") });
    expect(plan(targets, { ...preset, rule })).toMatchObject({ scrapes: [], dropped: 3 });
  });
});
