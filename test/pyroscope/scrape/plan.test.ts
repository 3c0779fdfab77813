import { describe, expect, test } from "bun:test";
import { labelsOf, labelsToJson, type Target } from "../../../src/model/index.ts";
import { atOnce } from "../../../src/pyroscope/scrape/in-turns.ts";
import { createPlanner, planScrapes } from "../../../src/pyroscope/scrape/plan.ts";
import { parseScrapeArguments } from "./scrape-arguments.ts";

const id = "pyroscope.scrape.local";

function plan(target: Record<string, string>, config: Record<string, unknown> = {}, infersServiceName = true) {
  return planScrapes([labelsOf(target)], { id, args: parseScrapeArguments(config), infersServiceName });
}

function urls(target: Record<string, string>, config?: Record<string, unknown>): string[] {
  return plan(target, config).scrapes.map((scrape) => scrape.url);
}

/** The scrape of one type. */
function planned(type: string, target: Record<string, string>, config: Record<string, unknown> = {}) {
  const found = plan(target, config).scrapes.find((scrape) => scrape.type === type);
  if (!found) throw new Error(`No scrape of type ${type}`);
  return found;
}

const profile = (blocks: Record<string, unknown>) => ({ profiling_config: { profile: blocks } });

describe("planScrapes() URLs", () => {
  test("are the five default ones of the seeds", () => {
    expect(urls({ __address__: "localhost:4100" }).sort()).toEqual([
      "http://localhost:4100/debug/pprof/allocs",
      "http://localhost:4100/debug/pprof/block",
      "http://localhost:4100/debug/pprof/goroutine",
      "http://localhost:4100/debug/pprof/mutex",
      "http://localhost:4100/debug/pprof/profile?seconds=14",
    ]);
  });

  test("follow enabled and disabled types", () => {
    const config = profile({ fgprof: { enabled: true }, block: { enabled: false }, mutex: { enabled: false } });
    expect(urls({ __address__: "localhost:12345" }, config).sort()).toEqual([
      "http://localhost:12345/debug/fgprof?seconds=14",
      "http://localhost:12345/debug/pprof/allocs",
      "http://localhost:12345/debug/pprof/goroutine",
      "http://localhost:12345/debug/pprof/profile?seconds=14",
    ]);
  });

  const cases: [name: string, target: Record<string, string>, config: Record<string, unknown>, url: string][] = [
    ["add port 80 for http", { __address__: "host" }, {}, "http://host:80/debug/pprof/goroutine"],
    ["add port 443 for https", { __address__: "host" }, { scheme: "https" }, "https://host:443/debug/pprof/goroutine"],
    [
      "take the target's scheme",
      { __address__: "host", __scheme__: "https" },
      {},
      "https://host:443/debug/pprof/goroutine",
    ],
    ["put a bare IPv6 address in brackets", { __address__: "::1" }, {}, "http://[::1]:80/debug/pprof/goroutine"],
    ["add a port to IPv6 in brackets", { __address__: "[fe80::1]" }, {}, "http://[fe80::1]:80/debug/pprof/goroutine"],
    ["keep the port of IPv6", { __address__: "[::1]:6060" }, {}, "http://[::1]:6060/debug/pprof/goroutine"],
    [
      "join the path prefix with one slash",
      { __address__: "h:1" },
      { profiling_config: { path_prefix: "/mimir-prometheus/" } },
      "http://h:1/mimir-prometheus/debug/pprof/goroutine",
    ],
    [
      "prefer the target's prefix and path",
      { __address__: "h:1", __profile_path_prefix__: "p", __profile_path__: "x//../own/" },
      { profiling_config: { path_prefix: "/component" } },
      "http://h:1/p/own/",
    ],
    [
      "keep all values of params, sorted by name",
      { __address__: "h:1" },
      { params: { b: ["2", "1"], a: "x y" } },
      "http://h:1/debug/pprof/goroutine?a=x+y&b=2&b=1",
    ],
    [
      "let a target's __param_ replace the first value",
      { __address__: "h:1", __param_b: "9", __param_c: "3" },
      { params: { b: ["2", "1"] } },
      "http://h:1/debug/pprof/goroutine?b=9&b=1&c=3",
    ],
    [
      "accept a query in a path, which params replace",
      { __address__: "h:1" },
      { params: { gc: ["1"] }, ...profile({ goroutine: { path: "/g?debug=0&gc=0" } }) },
      "http://h:1/g?debug=0&gc=1",
    ],
    [
      "give the user's seconds to every type",
      { __address__: "h:1" },
      { params: { seconds: ["5"] } },
      "http://h:1/debug/pprof/goroutine?seconds=5",
    ],
  ];
  test.each(cases)("%s", (_, target, config, url) => {
    expect(planned("goroutine", target, config).url).toBe(url);
  });

  test("of types without delta never carry seconds, however many targets are planned from the same params", () => {
    const args = parseScrapeArguments({ params: { x: ["1"] } });
    for (let round = 0; round < 3; round++) {
      const { scrapes } = planScrapes(
        Array.from({ length: 20 }, (_, i) => labelsOf({ __address__: `h:${i + 1}` })),
        { id, args, infersServiceName: true },
      );
      for (const { type, url } of scrapes)
        expect(url.match(/seconds=/g)?.length ?? 0).toBe(type === "process_cpu" ? 1 : 0);
    }
  });
});

describe("planScrapes() of a target on a unix socket", () => {
  const goroutine = "debug/pprof/goroutine";
  const socket = { __address__: "unix:///run/app.sock" };
  const cases: [name: string, target: Record<string, string>, config: Record<string, unknown>, url: string][] = [
    ["puts the path behind a colon", socket, {}, `unix:///run/app.sock:/${goroutine}`],
    ["ignores the component's scheme", socket, { scheme: "https" }, `unix:///run/app.sock:/${goroutine}`],
    ["takes http in so many words", { ...socket, __scheme__: "http" }, {}, `unix:///run/app.sock:/${goroutine}`],
    ["begins with a path of the address", { __address__: "unix:///s:/a/" }, {}, `unix:///s:/a/${goroutine}`],
    [
      "puts the prefix behind the path of the address",
      { __address__: "unix:///s:/a%20b" },
      { profiling_config: { path_prefix: "/p/" } },
      `unix:///s:/a%20b/p/${goroutine}`,
    ],
    [
      "takes the target's own prefix, path and parameters",
      { ...socket, __profile_path_prefix__: "p", __profile_path__: "/x", __param_b: "2", __param_a: "1" },
      {},
      "unix:///run/app.sock:/p/x?a=1&b=2",
    ],
    [
      "escapes no more of the socket than it must",
      { __address__: "unix:///a%20%62" },
      {},
      `unix:///a%20b:/${goroutine}`,
    ],
  ];
  test.each(cases)("%s", (_, target, config, url) => {
    expect(planned("goroutine", target, config).url).toBe(url);
  });

  test("adds and shortens seconds as anywhere", () => {
    const scrape = planned("process_cpu", socket);
    expect(scrape.url).toBe("unix:///run/app.sock:/debug/pprof/profile?seconds=14");
    expect(scrape.urlWithSeconds(3)).toBe("unix:///run/app.sock:/debug/pprof/profile?seconds=3");
    expect(scrape).toMatchObject({ exclusive: true, ownSeconds: true, timeoutMs: 18_000 });
  });

  test("is one process and one instance whatever path and spelling its address has", () => {
    const spellings = ["unix:///run/app.sock", "UNIX:///run/app.sock:/", "unix:///run/%61pp.sock:/prefix"];
    for (const address of spellings) {
      const { address: process, labels } = planned("goroutine", { __address__: address });
      expect(process).toBe("unix:///run/app.sock");
      expect(labelsToJson(labels)).toMatchObject({ instance: "unix:///run/app.sock", service_name: "unspecified" });
    }
    const identities = spellings.map((address) => planned("goroutine", { __address__: address }).identity);
    expect(new Set(identities).size).toBe(2);
  });
});

describe("planScrapes() seconds and deadlines", () => {
  const cases: [config: Record<string, unknown>, seconds: number, timeoutMs: number][] = [
    [{}, 14, 18_000],
    [{ scrape_interval: "10s" }, 9, 13_000],
    [{ scrape_interval: "60s" }, 59, 63_000],
    [{ scrape_interval: "60s", delta_profiling_duration: "14s" }, 14, 63_000],
    [{ scrape_interval: "2s" }, 1, 5000],
    [{ scrape_interval: "2500ms" }, 1, 5500],
    [{ scrape_timeout: "5s" }, 14, 17_000],
    [{ scrape_timeout: "15s" }, 14, 17_000],
    [{ scrape_timeout: "1m" }, 14, 60_000],
    [{ params: { seconds: ["20"] } }, 20, 23_000],
  ];
  test.each(cases)("%j: %d s, deadline %d ms", (config, seconds, timeoutMs) => {
    expect(planned("process_cpu", { __address__: "h:1" }, config)).toMatchObject({ seconds, timeoutMs });
  });

  test("a type without delta has the plain deadline", () => {
    const scrape = planned("memory", { __address__: "h:1" }, { scrape_timeout: "5s" });
    expect(scrape.timeoutMs).toBe(5000);
    expect(scrape.seconds).toBeUndefined();
  });

  test("a target's __param_seconds wins, once, and lengthens the deadline", () => {
    const scrape = planned("process_cpu", { __address__: "h:1", __param_seconds: "25" });
    expect(scrape).toMatchObject({
      url: "http://h:1/debug/pprof/profile?seconds=25",
      timeoutMs: 28_000,
      ownSeconds: false,
    });
  });

  test("a shortened request carries its seconds once", () => {
    const scrape = planned("process_cpu", { __address__: "h:1" });
    expect(scrape.urlWithSeconds(3)).toBe("http://h:1/debug/pprof/profile?seconds=3");
  });
});

describe("planScrapes() labels", () => {
  const cases: [
    name: string,
    target: Record<string, string>,
    config: Record<string, unknown>,
    labels: Record<string, string>,
  ][] = [
    ["infer what is missing", { __address__: "h" }, {}, { instance: "h:80", job: id, service_name: "unspecified" }],
    ["take job_name over the target's job", { job: "own" }, { job_name: "configured" }, { job: "configured" }],
    ["keep the target's job", { job: "own" }, {}, { job: "own" }],
    [
      "keep the target's instance and service_name",
      { instance: "i", service_name: "s" },
      {},
      { instance: "i", service_name: "s" },
    ],
    ["drop internal labels", { __meta_x: "1", __param_y: "2", __scheme__: "http", env: "dev" }, {}, { env: "dev" }],
    ["sanitise discovered names", { "a-b": "1", "9x": "2" }, {}, { a_b: "1", _9x: "2" }],
    ["take the target's __name__", { __name__: "mine" }, {}, { __name__: "mine" }],
  ];
  test.each(cases)("%s", (_, target, config, expected) => {
    const labels = labelsToJson(planned("goroutine", { __address__: "h:80", ...target }, config).labels);
    const base = { __name__: "goroutine", instance: "h:80", job: id, service_name: "unspecified" };
    expect(labels).toEqual({ ...base, ...expected });
  });

  const inferred: [meta: Record<string, string>, serviceName: string][] = [
    [{ kubernetes_pod_annotation_pyroscope_io_service_name: "annotated", kubernetes_namespace: "n" }, "annotated"],
    [{ kubernetes_namespace: "n", kubernetes_pod_container_name: "c", docker_container_name: "/d" }, "n/c"],
    [{ kubernetes_namespace: "n", docker_container_name: "/d" }, "d"],
    [{ dockerswarm_container_label_service_name: "l", dockerswarm_service_name: "s" }, "l"],
    [{ dockerswarm_service_name: "s", process_name: "p" }, "s"],
    [{ process_name: "p" }, "p"],
  ];
  test.each(inferred)("infer service_name from %j as %s", (meta, serviceName) => {
    const target = Object.fromEntries(Object.entries(meta).map(([name, value]) => [`__meta_${name}`, value]));
    const { labels } = planned("goroutine", { __address__: "h:1", ...target });
    expect(labelsToJson(labels).service_name).toBe(serviceName);
  });

  test("do not infer service_name for phlare.scrape", () => {
    const [scrape] = plan({ __address__: "h:1" }, {}, false).scrapes;
    expect(labelsToJson(scrape?.labels ?? []).service_name).toBeUndefined();
  });

  test("say __delta__=false on memory, block and mutex, whoever subtracts", () => {
    const config = profile({ memory: { delta: true }, godeltaprof_mutex: { enabled: true } });
    const { scrapes } = plan({ __address__: "h:1", __delta__: "true" }, config);
    const shown = scrapes.map(({ type, labels, delta }) => [
      type,
      labelsToJson(labels).__name__,
      labelsToJson(labels).__delta__,
      delta,
    ]);
    expect(shown.sort(([a = ""], [b = ""]) => a.localeCompare(b))).toEqual([
      ["block", "block", "false", "agent"],
      ["godeltaprof_mutex", "mutex", "false", "target"],
      ["goroutine", "goroutine", "true", "none"],
      ["memory", "memory", "false", "target"],
      ["process_cpu", "process_cpu", "true", "none"],
    ]);
  });

  test("the user's own seconds mean that the target subtracts, and may answer negative values", () => {
    const { scrapes } = plan({ __address__: "h:1" }, { params: { seconds: ["5"] } });
    expect(Object.fromEntries(scrapes.map(({ type, delta, mayBeNegative }) => [type, [delta, mayBeNegative]]))).toEqual(
      {
        memory: ["target", true],
        block: ["target", true],
        mutex: ["target", true],
        goroutine: ["target", true],
        process_cpu: ["none", false],
      },
    );
  });

  test("a path that ends in delta_ means that the target subtracts", () => {
    const config = profile({ memory: { path: "/debug/pprof/delta_heap" } });
    expect(planned("memory", { __address__: "h:1" }, config).delta).toBe("target");
  });

  test("a custom type named by its label is passed on as it is", () => {
    const config = profile({
      custom: { my_type: { enabled: true, path: "/debug/my_profile" }, off: { enabled: false, path: "/x" } },
    });
    const scrape = planned("my_type", { __address__: "h:1" }, config);
    expect(scrape.url).toBe("http://h:1/debug/my_profile");
    expect(labelsToJson(scrape.labels).__name__).toBe("my_type");
    expect(plan({ __address__: "h:1" }, config).scrapes.map(({ type }) => type)).not.toContain("off");
  });
});

describe("planScrapes() bad targets", () => {
  test("say what is wrong with the address of a socket", () => {
    const messageOf = (target: Record<string, string>) => plan(target).errors.map(({ message }) => message);
    expect(messageOf({ __address__: "unix:/run/app.sock" })).toEqual([
      'Cannot scrape "unix:/run/app.sock": a unix socket needs its absolute path behind unix://; write "unix:///run/app.sock"',
    ]);
    expect(messageOf({ __address__: "unix:///run/app.sock", __scheme__: "https" })).toEqual([
      'Cannot scrape "unix:///run/app.sock": over a unix socket only "http" is spoken; remove "__scheme__"',
    ]);
  });

  const cases: [target: Record<string, string>, reason: string][] = [
    [{ job: "x" }, "no_address"],
    [{ __address__: "h:1/path" }, "bad_address"],
    [{ __address__: "user@h:1" }, "bad_address"],
    [{ __address__: "h:99999" }, "bad_address"],
    [{ __address__: "h:0" }, "bad_address"],
    [{ __address__: "a b" }, "bad_address"],
    [{ __address__: "env(HOST)" }, "bad_address"],
    [{ __address__: "a{b}:1" }, "bad_address"],
    [{ __address__: "a;b" }, "bad_address"],
    [{ __address__: "$HOST:1" }, "bad_address"],
    [{ __address__: "h", __scheme__: "ftp" }, "bad_scheme"],
    [{ __address__: "unix:///run/app.sock", __scheme__: "https" }, "bad_scheme"],
    [{ __address__: "unix://app.sock" }, "bad_address"],
    [{ __address__: "unix:/run/app.sock" }, "bad_address"],
    [{ __address__: "unix:///run/app.sock:/p?x=1" }, "bad_address"],
    [{ __address__: `unix:///${"x".repeat(107)}` }, "bad_address"],
    [{ __address__: "h:1", x: "\ud800" }, "bad_label"],
    [
      Object.fromEntries([["__address__", "h:1"], ...Array.from({ length: 300 }, (_, i) => [`l${i}`, "v"])]),
      "too_many_labels",
    ],
  ];
  const long = "x".repeat(5000);
  const tooLong: [what: string, target: Record<string, string>, reason: string][] = [
    ["a label", { __address__: "h:1", [long]: long }, "label_too_long"],
    ["the name of the series", { __address__: "h:1", __name__: long }, "label_too_long"],
    ["the address, which becomes the instance", { __address__: `${long}:1` }, "label_too_long"],
    ["the service name that is inferred", { __address__: "h:1", __meta_process_name: long }, "label_too_long"],
    ["the name of a label that is no Unicode", { __address__: long, [long]: "\ud800" }, "bad_label"],
    [
      "the address of a target of many labels",
      Object.fromEntries([["__address__", long], ...Array.from({ length: 300 }, (_, i) => [`l${i}`, "v"])]),
      "too_many_labels",
    ],
  ];
  test.each(tooLong)("that are too long are skipped, and told in a short message: %s", (_, target, reason) => {
    const [error] = plan(target).errors;
    expect(error?.reason as string).toBe(reason);
    expect(error?.message.length).toBeLessThan(400);
  });

  test.each(cases)("%j is skipped as %s and its neighbours are not", (target, reason) => {
    const args = parseScrapeArguments();
    const targets = [labelsOf(target), labelsOf({ __address__: "good:1" })];
    const { scrapes, errors } = planScrapes(targets, { id, args, infersServiceName: true });
    expect(errors.map((error) => error.reason as string)).toEqual([reason]);
    expect(scrapes).toHaveLength(5);
  });
});

describe("createPlanner()", () => {
  const [one, other, bad] = ["a:1", "b:1", ""].map((address) => labelsOf({ __address__: address })) as [
    Target,
    Target,
    Target,
  ];

  test("plans a target once, as long as the arguments are the same", () => {
    const planAgain = createPlanner();
    const options = { id, args: parseScrapeArguments({}), infersServiceName: true };
    const before = atOnce(planAgain([one, bad], options));
    const after = atOnce(planAgain([other, one, bad], options));
    expect(after.scrapes).toHaveLength(2 * before.scrapes.length);
    for (const scrape of before.scrapes) expect(after.scrapes).toContain(scrape);
    expect(after.errors).toEqual(before.errors);
    const { scrapes } = atOnce(
      planAgain([one], { ...options, args: parseScrapeArguments({ scrape_interval: "30s" }) }),
    );
    expect(scrapes.map(({ intervalMs }) => intervalMs)).toEqual(before.scrapes.map(() => 30_000));
  });
});
