import { describe, expect, test } from "bun:test";
import { AgentError } from "../../src/base/index.ts";
import { testApp } from "./app.ts";
import { component, profile, store } from "./snapshots.ts";

const profiles = [
  profile("cpu-new", { __name__: "process_cpu", service_name: "checkout" }, 1_000),
  profile("cpu-old", { __name__: "process_cpu", service_name: "checkout" }, 600_000),
  profile("cpu-cart", { __name__: "process_cpu", service_name: "cart" }, 2_000),
  profile("memory", { __name__: "memory", service_name: "checkout", env: "a=b" }, 3_000),
];
const one = [component({ id: "pyroscope.store.local", exports: { profiles: store(profiles) } })];

interface Listed {
  readonly total: number;
  readonly profiles: readonly { readonly id: string }[];
}

async function ids(query: string): Promise<readonly string[]> {
  const response = await testApp(one).get(`/api/v0/profiles${query}`);
  expect(response.status).toBe(200);
  return ((await response.json()) as Listed).profiles.map(({ id }) => id);
}

describe("the list of stored profiles", () => {
  test.each([
    ["", ["cpu-new", "cpu-cart", "memory", "cpu-old"]],
    ["?type=process_cpu", ["cpu-new", "cpu-cart", "cpu-old"]],
    ["?label=service_name=checkout&type=process_cpu", ["cpu-new", "cpu-old"]],
    ["?label=service_name=checkout&label=env=a=b", ["memory"]],
    ["?from=now-5m", ["cpu-new", "cpu-cart", "memory"]],
    ["?until=now-5m", ["cpu-old"]],
    ["?from=2026-01-31T11:00:00Z&until=2026-01-31T11:55:00Z", ["cpu-old"]],
    ["?from=2026-01-31T13:59:58%2B02:00", ["cpu-new", "cpu-cart"]],
    ["?from=2026-01-31T13:59:58+02:00", ["cpu-new", "cpu-cart"]],
    ["?from=1769860798.5", ["cpu-new"]],
    ["?limit=1", ["cpu-new"]],
    ["?component=pyroscope.store.local&limit=2", ["cpu-new", "cpu-cart"]],
    ["?label=service_name=nobody", []],
  ])("with %p is %j", async (query, expected) => {
    expect(await ids(query)).toEqual(expected);
  });

  test("tells what a profile is without its bytes, and how many there are beyond the limit", async () => {
    const response = await testApp(one).get("/api/v0/profiles?type=memory&limit=1");
    expect(await response.json()).toEqual({
      total: 1,
      profiles: [
        {
          id: "memory",
          component: "pyroscope.store.local",
          type: "memory",
          scraped_at: "2026-01-31T11:59:57.000Z",
          duration: "14s",
          sample_types: [
            { type: "samples", unit: "count" },
            { type: "cpu", unit: "nanoseconds" },
          ],
          samples: 321,
          bytes: 15,
          uncompressed_bytes: 4096,
          labels: { __name__: "memory", service_name: "checkout", env: "a=b" },
          url: "/api/v0/profiles/memory",
        },
      ],
    });
  });

  test.each([
    ["?label=service_name", 'Parameter "label" is NAME=VALUE, as in label=service_name=checkout, not "service_name"'],
    ["?label=a-b=c", 'Parameter "label" is NAME=VALUE, as in label=service_name=checkout, not "a-b=c"'],
    ["?label=env=", 'Parameter "label" is NAME=VALUE, as in label=service_name=checkout, not "env="'],
    ["?label=env=a&label=env=b", 'Label "env" cannot have two values at once: "a" and "b"'],
    ["?limit=0", 'Parameter "limit" is a whole number from 1 to 10000, not "0"'],
    ["?limit=1e3", 'Parameter "limit" is a whole number from 1 to 10000, not "1e3"'],
    ["?from=yesterday", /^Parameter "from" is a time: .* not "yesterday"$/],
    ["?until=now-5x", /^Parameter "until" is a time: .* not "now-5x"$/],
    ["?from=2026-13-01T00:00:00Z", /^Parameter "from" is a time/],
    ["?from=now--5m", /^Parameter "from" is a time/],
    ["?from=now&until=now-5m", 'Parameter "from" is later than "until": nothing can match'],
    ["?service=a", /^Unknown parameter "service"; this address takes component, label, type, from, until, limit$/],
    ["?component=x.y.z", 'Component "x.y.z" keeps no profiles; those that do: "pyroscope.store.local"'],
  ])("refuses %p with a sentence", async (query, message) => {
    const response = await testApp(one).get(`/api/v0/profiles${query}`);
    expect(response.status).toBe(400);
    const { error } = (await response.json()) as { error: string };
    if (typeof message === "string") expect(error).toBe(message);
    else expect(error).toMatch(message);
  });
});

describe("one stored profile", () => {
  test("is its bytes, as a file with a name", async () => {
    const response = await testApp(one).get("/api/v0/profiles/cpu-new");
    expect(response.headers.get("Content-Type")).toBe("application/octet-stream");
    expect(response.headers.get("Content-Disposition")).toBe(
      'attachment; filename="checkout.process_cpu.2026-01-31T115959.pb"',
    );
    expect(await response.text()).toBe("bytes of cpu-new");
  });

  test("with a hostile service name still has a harmless file name", async () => {
    const hostile = profile("x", { __name__: "memory", service_name: '../../";\r\n$(reboot) é' });
    const app = testApp([component({ id: "a.store.c", exports: { profiles: store([hostile]) } })]);
    const header = (await app.get("/api/v0/profiles/x")).headers.get("Content-Disposition");
    expect(header).toBe('attachment; filename="-reboot-.memory.2026-01-31T115957.pb"');
  });

  test("that is not there is a 404 in the form that go tool pprof shows", async () => {
    const response = await testApp(one).get("/api/v0/profiles/gone");
    expect(response.status).toBe(404);
    expect(response.headers.get("X-Go-Pprof")).toBe("1");
    expect(response.headers.get("Content-Type")).toStartWith("text/plain");
    expect(await response.text()).toStartWith('No stored profile "gone": ');
  });
});

describe("a merge", () => {
  test("is of all profiles that match", async () => {
    const response = await testApp(one).get("/api/v0/profiles/merge?type=process_cpu&label=service_name=checkout");
    expect(response.headers.get("Content-Disposition")).toBe('attachment; filename="merged.process_cpu.checkout.pb"');
    expect(await response.text()).toBe("cpu-new+cpu-old");
  });

  test("of nothing is a 404", async () => {
    const response = await testApp(one).get("/api/v0/profiles/merge?type=mutex");
    expect(response.status).toBe(404);
    expect(await response.text()).toStartWith("No stored profile matches; ");
  });

  test("that the store refuses is a 400 with the store's words", async () => {
    const refusing = store(profiles, () => Promise.reject(new AgentError("mixed_types", "Cannot merge 4 profiles")));
    const response = await testApp([component({ id: "a.store.c", exports: { profiles: refusing } })]).get(
      "/api/v0/profiles/merge",
    );
    expect(response.status).toBe(400);
    expect(await response.text()).toBe("Cannot merge 4 profiles\n");
    const busy = store(profiles, () => Promise.reject(new AgentError("too_many_merges", "Cannot merge 4 profiles")));
    const later = await testApp([component({ id: "pyroscope.store.a", exports: { profiles: busy } })]).get(
      "/api/v0/profiles/merge",
    );
    expect(later.status).toBe(503);
  });

  test("that fails inside the store is a 500 and is logged", async () => {
    const broken = store(profiles, () => Promise.reject(new TypeError("bug")));
    const app = testApp([component({ id: "a.store.c", exports: { profiles: broken } })]);
    expect((await app.get("/api/v0/profiles/merge")).status).toBe(500);
    expect(app.log.messages("error")).toHaveLength(1);
  });

  test("across components needs a choice, which decides it", async () => {
    const second = component({ id: "pyroscope.store.b", exports: { profiles: store([profiles[3] as never]) } });
    const app = testApp([...one, second]);
    const both = await app.get("/api/v0/profiles/merge?type=memory");
    expect(both.status).toBe(400);
    expect(await both.text()).toContain("component=pyroscope.store.local or component=pyroscope.store.b");
    expect((await app.get("/api/v0/profiles/merge?type=memory&component=pyroscope.store.b")).status).toBe(200);
  });
});
