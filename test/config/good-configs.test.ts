import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../../src/config/index.ts";
import type { ScrapeArguments } from "../../src/pyroscope/scrape/arguments.ts";
import type { WriteArguments } from "../../src/pyroscope/write/arguments.ts";
import { kinds, parse, problemsOf } from "./kinds.ts";

const examples = join(import.meta.dirname, "../../examples");
const files = readdirSync(examples, { recursive: true, encoding: "utf8" }).filter((file) =>
  /\.(toml|json)$/.test(file),
);

/** The configuration that DESIGN shows, but for the table of a kind of a later version. */
const design = `
[server]
listen_address = "127.0.0.1:12345"

[storage]
path = "data-agent"

[pyroscope.scrape.local]
targets = [
  { __address__ = "localhost:4100", service_name = "pyroscope" },
  { __address__ = "localhost:12345", service_name = "agent" },
  "test.finder.dynamic_targets",
]
forward_to = ["pyroscope.write.staging"]

[pyroscope.scrape.local.profiling_config.profile.fgprof]
enabled = true

[pyroscope.scrape.local.profiling_config.profile.custom.my_type]
enabled = true
path = "/debug/my_profile"

[pyroscope.write.staging]
external_labels = { env = "staging" }

[[pyroscope.write.staging.endpoint]]
url = "http://pyroscope:4040"
headers = { "X-Scope-OrgID" = "squad-1" }

[test.finder.dynamic_targets]
`;

async function scrapeOf(lines: string): Promise<ScrapeArguments> {
  const { components } = await parse(`[pyroscope.scrape.a]\ntargets = []\nforward_to = []\n${lines}`);
  return components[0]?.args as ScrapeArguments;
}

async function writeOf(lines: string): Promise<WriteArguments> {
  const { components } = await parse(`[pyroscope.write.a]\n${lines}`);
  return components[0]?.args as WriteArguments;
}

describe("A good configuration", () => {
  test.each(files)("loads from examples/%s", async (file) => {
    const config = await loadConfig({ path: join(examples, file), kinds, env: { PYROSCOPE_TOKEN: "token" } });
    expect(config.components.length).toBeGreaterThan(0);
  });

  test("is what DESIGN shows", async () => {
    const { components } = await parse(design);
    expect(components.map(({ id }) => id)).toEqual([
      "pyroscope.scrape.local",
      "pyroscope.write.staging",
      "test.finder.dynamic_targets",
    ]);
    expect(components[0]?.references.map(({ id, needs }) => [id, needs])).toEqual([
      ["test.finder.dynamic_targets", "targets"],
      ["pyroscope.write.staging", "receiver"],
    ]);
  });

  test("may be empty", async () => {
    const { server, storage, logging, components } = await parse("");
    expect({ server, storage, logging, components }).toEqual({
      server: { listen_address: "127.0.0.1:12345", host: "127.0.0.1", port: 12345 },
      storage: { path: "/etc/agent/data-agent" },
      logging: { level: "info" },
      components: [],
    });
  });

  test("is the same in TOML and JSON", async () => {
    const toml = await loadConfig({ path: join(examples, "staging.toml"), kinds, env: {} });
    const json = await loadConfig({ path: join(examples, "staging.json"), kinds, env: {} });
    expect(JSON.stringify(json.components)).toBe(JSON.stringify(toml.components));
  });

  test("is JSON by its ending, or else by how it begins", async () => {
    for (const path of ["agent.json", "agent.conf"])
      expect((await parse('{ "logging": { "level": "warn" } }', { path })).logging.level).toBe("warn");
  });

  test("may begin with a byte order mark", async () => {
    expect((await parse('\uFEFF[logging]\nlevel = "warn"')).logging.level).toBe("warn");
    expect(await problemsOf('\uFEFF[logging]\nlevel = "x"')).toStartWith("agent.toml:2:9:");
  });

  test("is frozen all the way down", async () => {
    const { targets, profiling_config } = await scrapeOf("");
    expect([targets, profiling_config.profile, profiling_config.profile.memory].every(Object.isFrozen)).toBe(true);
  });

  test.each([
    [":12345", "", 12345],
    ["[::1]:80", "::1", 80],
    ["agent.example.com:0", "agent.example.com", 0],
  ])("listens on %s", async (listen_address, host, port) => {
    const { server } = await parse(`[server]\nlisten_address = "${listen_address}"`);
    expect(server).toEqual({ listen_address, host, port });
  });

  test("takes the token of the server as a secret, or a file of it", async () => {
    const inline = (await parse('[server]\ntoken = "s3same"')).server;
    expect([inline.token?.reveal(), inline.token_file, JSON.stringify(inline)]).toEqual([
      "s3same",
      undefined,
      expect.not.stringContaining("s3same"),
    ]);
    expect((await parse('[server]\ntoken_file = "token"')).server).toMatchObject({ token_file: "/etc/agent/token" });
  });

  test("starts relative paths from its own directory", async () => {
    expect((await parse('[storage]\npath = "../data"')).storage.path).toBe("/etc/data");
    expect((await parse('[storage]\npath = "/srv/data"')).storage.path).toBe("/srv/data");
  });

  test("warns of a file without components", async () => {
    expect((await parse('[logging]\nlevel = "info"')).warnings).toEqual([
      "The configuration has no component, so there is nothing to do; begin with [pyroscope.scrape.LABEL]",
    ]);
  });

  test("takes 64 levels, and brackets in strings for what they are", async () => {
    const text = `{"$schema": ${"[".repeat(63)}"${"[{".repeat(100)}\\"["${"]".repeat(63)}}`;
    expect((await parse(text, { format: "json" })).components).toEqual([]);
  });

  test("warns of what its components warn of", async () => {
    const warning = kinds.map((kind) => ({ ...kind, warnings: (id: string) => [`${id} goes nowhere`] }));
    expect((await parse("[pyroscope.write.a]", { kinds: warning })).warnings).toEqual([
      "pyroscope.write.a goes nowhere",
    ]);
  });
});

describe("The hash of a configuration", () => {
  test("is that of the file's text", async () => {
    const { hash } = await loadConfig({ path: join(examples, "staging.toml"), kinds, env: {} });
    const file = readFileSync(join(examples, "staging.toml"));
    expect(hash).toBe(createHash("sha256").update(file).digest("hex"));
    expect((await parse('[storage]\npath = "a"')).hash).not.toBe((await parse('[storage]\npath = "b"')).hash);
  });

  test("tells nothing of a secret from the environment", async () => {
    const text =
      '[pyroscope.write.a.endpoint]\nurl = "http://h"\nheaders = { Authorization = "Bearer ${TOKEN:-none}" }';
    const hashes = ["1", "2"].map(async (token) => (await parse(text, { env: { TOKEN: token } })).hash);
    expect(new Set(await Promise.all(hashes)).size).toBe(1);
  });
});

describe("pyroscope.scrape", () => {
  test("has the defaults of its documentation", async () => {
    const args = await scrapeOf("");
    expect(JSON.parse(JSON.stringify(args))).toEqual({
      targets: [],
      forward_to: [],
      params: {},
      rule: [],
      scheme: "http",
      scrape_interval: "15s",
      body_size_limit: "32MiB",
      proxy_from_environment: false,
      follow_redirects: true,
      enable_http2: true,
      profiling_config: {
        path_prefix: "",
        profile: {
          memory: { enabled: true, explicit: false, path: "/debug/pprof/allocs", delta: false },
          block: { enabled: true, explicit: false, path: "/debug/pprof/block", delta: false },
          goroutine: { enabled: true, explicit: false, path: "/debug/pprof/goroutine", delta: false },
          mutex: { enabled: true, explicit: false, path: "/debug/pprof/mutex", delta: false },
          process_cpu: { enabled: true, explicit: false, path: "/debug/pprof/profile", delta: true },
          fgprof: { enabled: false, explicit: false, path: "/debug/fgprof", delta: true },
          godeltaprof_memory: { enabled: false, explicit: false, path: "/debug/pprof/delta_heap", delta: false },
          godeltaprof_mutex: { enabled: false, explicit: false, path: "/debug/pprof/delta_mutex", delta: false },
          godeltaprof_block: { enabled: false, explicit: false, path: "/debug/pprof/delta_block", delta: false },
          custom: {},
        },
      },
    });
  });

  test.each(['scrape_interval = "15s"\nscrape_timeout = "15s"', 'scrape_interval = "10s"', 'scrape_interval = "2s"'])(
    "takes %j",
    async (lines) => {
      expect((await scrapeOf(lines)).scrape_interval.ms).toBeGreaterThan(0);
    },
  );

  test("takes a short interval where no type is timed", async () => {
    const args = await scrapeOf('scrape_interval = "500ms"\nprofiling_config.profile.process_cpu.enabled = false');
    expect(args.scrape_interval.ms).toBe(500);
  });

  test("takes one target, receiver and parameter where lists are meant", async () => {
    const text = `[pyroscope.scrape.a]
targets = { __address__ = "a:1" }
forward_to = "pyroscope.store.s.receiver"
params = { gc = 1, debug = ["0", "1"] }
[pyroscope.store.s]`;
    const args = (await parse(text)).components[0]?.args as ScrapeArguments;
    expect(JSON.parse(JSON.stringify(args))).toMatchObject({
      targets: [[{ name: "__address__", value: "a:1" }]],
      forward_to: ["pyroscope.store.s"],
      params: { gc: ["1"], debug: ["0", "1"] },
    });
  });

  test("writes numbers and booleans of labels as text and drops empty ones", async () => {
    const text =
      '[pyroscope.scrape.a]\nforward_to = []\ntargets = [{ __address__ = "a:1", line = 7, big = 9223372036854775807, on = true, zone = "" }]';
    const args = (await parse(text)).components[0]?.args as ScrapeArguments;
    expect(args.targets).toEqual([
      [
        { name: "__address__", value: "a:1" },
        { name: "big", value: "9223372036854775807" },
        { name: "line", value: "7" },
        { name: "on", value: "true" },
      ],
    ]);
  });

  test("switches a plain type off where godeltaprof takes its place", async () => {
    const { profile } = (await scrapeOf("profiling_config.profile.godeltaprof_memory.enabled = true")).profiling_config;
    expect([profile.memory?.enabled, profile.mutex?.enabled, profile.godeltaprof_memory?.enabled]).toEqual([
      false,
      true,
      true,
    ]);
  });

  test("keeps a plain type that stands beside a disabled godeltaprof", async () => {
    const { profile } = (await scrapeOf("profiling_config.profile.godeltaprof_memory.enabled = false"))
      .profiling_config;
    expect(profile.memory?.enabled).toBe(true);
  });

  test.each([
    'tls_config = { insecure_skip_verify = false, min_version = "TLS12" }',
    "proxy_from_environment = false",
    'no_proxy = ""',
    "http_headers = {}",
    "rule = []",
    "enable_http2 = false",
    "clustering = { enabled = true }",
  ])("takes %j, which asks for what already happens", async (lines) => {
    expect((await scrapeOf(lines)).scheme).toBe("http");
  });
});

describe("phlare.scrape", () => {
  async function phlareOf(lines: string): Promise<ScrapeArguments> {
    const { components } = await parse(`[phlare.scrape.a]\ntargets = []\nforward_to = []\n${lines}`);
    return components[0]?.args as ScrapeArguments;
  }

  test("gives the arguments that pyroscope.scrape gives", async () => {
    expect(JSON.stringify(await phlareOf(""))).toBe(JSON.stringify(await scrapeOf("")));
  });

  test("takes the HTTP client's arguments from a table of their own, in either spelling", async () => {
    const args = await phlareOf(
      "[phlare.scrape.a.http_client_config]\nfollow_redirects = false\nenable_http_2 = false",
    );
    expect([args.follow_redirects, args.enable_http2]).toEqual([false, false]);
    expect((await phlareOf("[phlare.scrape.a.http_client_config]\nenable_http2 = false")).enable_http2).toBe(false);
    expect((await phlareOf("[phlare.scrape.a.http_client_config]")).enable_http2).toBe(true);
  });

  test("means pyroscope.write by phlare.write, in references and as a table", async () => {
    const { components } = await parse(`[phlare.scrape.a]
targets = []
forward_to = ["phlare.write.b.receiver"]
[[phlare.write.b.endpoint]]
url = "http://h"`);
    expect(components.map(({ id }) => id)).toEqual(["phlare.scrape.a", "pyroscope.write.b"]);
    expect(components[0]?.references.map(({ id }) => id)).toEqual(["pyroscope.write.b"]);
  });
});

describe("pyroscope.write", () => {
  test("has the defaults of its documentation", async () => {
    expect(JSON.parse(JSON.stringify(await writeOf('endpoint = { url = "http://h" }')))).toEqual({
      external_labels: {},
      rule: [],
      endpoint: [
        {
          url: "http://h",
          remote_timeout: "10s",
          headers: {},
          min_backoff_period: "500ms",
          max_backoff_period: "5m",
          max_backoff_retries: 10,
          retry_on_http_429: true,
          queue: {
            durability: "outage",
            max_memory: "16MiB",
            max_disk: "256MiB",
            max_age: "50m",
            max_in_flight: 8,
          },
          proxy_from_environment: false,
          follow_redirects: true,
          enable_http2: true,
        },
      ],
    });
  });

  test("may have no endpoint", async () => {
    expect((await writeOf("")).endpoint).toEqual([]);
  });

  test("keeps an empty external label, which removes one", async () => {
    expect([...(await writeOf('external_labels = { env = "", n = 1 }')).external_labels]).toEqual([
      ["env", ""],
      ["n", "1"],
    ]);
  });

  test("takes tracing that sends nothing", async () => {
    const nothing = { jaeger_propagator: false, trace_context_propagator: false };
    const args = await writeOf("tracing = { jaeger_propagator = false, trace_context_propagator = false }");
    expect(args.tracing).toEqual(nothing);
  });

  test("takes one URL for several named endpoints", async () => {
    const args = await writeOf(
      'endpoint = [{ url = "http://h", name = "a" }, { url = "http://h", name = "b" }, { url = "http://h" }]',
    );
    expect(args.endpoint).toHaveLength(3);
  });

  test("shows the tenant and no other header", async () => {
    const { endpoint } = await writeOf(
      'endpoint = { url = "http://h", headers = { x-scope-orgid = "squad-1", Authorization = "s3cret" } }',
    );
    expect(JSON.stringify(endpoint)).toContain('"x-scope-orgid":"squad-1","Authorization":"(secret)"');
  });
});
