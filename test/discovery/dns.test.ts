import { describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Answer } from "dns-packet";
import * as v from "valibot";
import { dnsKind } from "../../src/discovery/dns.ts";
import { namesToAsk, parseDnsServer, parseResolvConf } from "../../src/discovery/resolv-conf.ts";
import { dnsmasqProgram, startDnsmasq } from "./dnsmasq.ts";
import { runDiscovery } from "./running-discovery.ts";
import { startScriptedDns } from "./scripted-dns.ts";

// Real servers on a real clock.
setDefaultTimeout(20_000);

const often = { refresh_interval: "100ms" };

describe.skipIf(dnsmasqProgram === undefined)("discovery.dns asks dnsmasq", () => {
  test.concurrent("for SRV records, which have their own ports", async () => {
    await using server = await startDnsmasq([
      "srv-host=_pprof._tcp.test,one.test,6060",
      "srv-host=_pprof._tcp.test,two.test,6061",
      "srv-host=_pprof._tcp.test,three.test,6062",
      "host-record=three.test,10.0.0.3",
    ]);
    await using discovery = runDiscovery(dnsKind, { names: "_pprof._tcp.test.", servers: server.address });
    await discovery.untilAddresses(["one.test:6060", "two.test:6061", "10.0.0.3:6062"]);
    expect(discovery.targets()).toContainEqual({
      __address__: "one.test:6060",
      __meta_dns_name: "_pprof._tcp.test.",
      __meta_dns_srv_record_target: "one.test.",
      __meta_dns_srv_record_port: "6060",
    });
  });

  test.concurrent("for A and AAAA records of several names, and for mail servers", async () => {
    await using server = await startDnsmasq([
      "host-record=a.test,10.0.0.1",
      "host-record=a.test,10.0.0.2",
      "host-record=b.test,10.0.0.3,fd00::3",
      "cname=alias.test,b.test",
      "mx-host=test,mail.test,5",
      "mx-host=site.test,b.test,5",
    ]);
    const shared = { port: 6060, servers: [server.address] };
    await using four = runDiscovery(dnsKind, { names: ["a.test.", "alias.test.", "a.test."], type: "a", ...shared });
    await four.untilAddresses(["10.0.0.1:6060", "10.0.0.2:6060", "10.0.0.3:6060"]);
    expect(four.targets()).toContainEqual({ __address__: "10.0.0.3:6060", __meta_dns_name: "alias.test." });
    await using six = runDiscovery(dnsKind, { names: ["b.test."], type: "AAAA", ...shared });
    await six.untilAddresses(["[fd00::3]:6060"]);
    await using mail = runDiscovery(dnsKind, { names: "test.", type: "MX", ...shared });
    await mail.untilAddresses(["mail.test:6060"]);
    await using located = runDiscovery(dnsKind, { names: "site.test.", type: "MX", ...shared });
    await located.untilAddresses(["10.0.0.3:6060"]);
    expect(mail.targets()[0]).toMatchObject({ __meta_dns_mx_record_target: "mail.test." });
  });

  test.concurrent("over TCP where the answer does not fit into a datagram", async () => {
    const hosts = Array.from({ length: 300 }, (_, index) => `host-with-a-long-name-${index}.test`);
    await using server = await startDnsmasq(
      hosts.map((host, index) => `srv-host=_big._tcp.test,${host},${7000 + index}`),
    );
    await using discovery = runDiscovery(dnsKind, { names: "_big._tcp.test.", servers: server.address });
    await discovery.untilAddresses(hosts.map((host, index) => `${host}:${7000 + index}`));
  });

  test.concurrent("and drops a name that does not exist any more, but not one of a server that is down", async () => {
    await using server = await startDnsmasq(["host-record=a.test,10.0.0.1", "host-record=b.test,10.0.0.2"]);
    const written = { names: ["a.test.", "b.test."], type: "A", port: 6060, servers: server.address, ...often };
    await using discovery = runDiscovery(dnsKind, written);
    await discovery.untilAddresses(["10.0.0.1:6060", "10.0.0.2:6060"]);
    await server.stop();
    const { shownSources } = await discovery.untilStatus("both fail", (status) =>
      status.shownSources.every(({ lastError }) => lastError !== undefined),
    );
    expect(shownSources[0]?.lastError).toStartWith('Cannot look up A records of "a.test');
    expect(discovery.addresses()).toEqual(["10.0.0.1:6060", "10.0.0.2:6060"]);
    await server.start(["host-record=b.test,10.0.0.3"]);
    await discovery.untilAddresses(["10.0.0.3:6060"]);
    expect(discovery.status().shownSources.every(({ lastError }) => lastError === undefined)).toBe(true);
  });
});

/** Consul's answer for two instances of a service, and one whose address it does not know. */
const consul: readonly Answer[] = ["a1", "b2", "ext"].map((node, at) => srv(`${node}.node.dc1.consul`, 6060 + at));
function srv(target: string, port: number): Answer {
  return { type: "SRV", name: "_shop._tcp.service.consul", data: { priority: 1, weight: 1, port, target } };
}
const named = (node: string, data: string, type: "A" | "AAAA" = "A"): Answer => ({
  type,
  name: `${node}.node.dc1.consul`,
  data,
});

describe("discovery.dns with servers of its own", () => {
  const written = { names: "_shop._tcp.service.consul.", ...often };

  test.concurrent.each(["FORMERR", "NOTIMP"])(
    "once more, the old way, who answers %s to what is new since 1999",
    async (code) => {
      await using server = await startScriptedDns();
      server.answer([{ type: "A", name: "plc.test", data: "10.0.0.9" }]);
      server.refuseEdns(code);
      const plain = { names: ["plc.test."], type: "A", port: 6060, servers: server.address };
      await using discovery = runDiscovery(dnsKind, plain);
      await discovery.untilAddresses(["10.0.0.9:6060"]);
      expect(server.asked).toEqual(["A plc.test", "A plc.test"]);
      // Who refuses both is not asked for ever.
      server.fail(code);
      discovery.apply({ ...plain, names: ["other.test."] });
      const { shownSources } = await discovery.untilStatus("it fails", (status) =>
        status.shownSources.some(({ lastError }) => lastError !== undefined),
      );
      expect(shownSources[0]?.lastError).toContain(`answered ${code}`);
      expect(server.asked.slice(2)).toEqual(["A other.test", "A other.test"]);
    },
  );

  test.concurrent("asks them for the addresses of hosts, and takes what came along where they know none", async () => {
    await using server = await startScriptedDns();
    server.follow(({ type, name }) => {
      // The last one says that there is no such service.
      if (type === "SRV") return [...consul, srv(".", 1), named("A1", "10.0.0.1"), named("c3", "10.0.0.3")];
      if (name !== "b2.node.dc1.consul") return "NXDOMAIN";
      return type === "AAAA" ? [named("b2", "fd00::2", "AAAA")] : [];
    });
    await using discovery = runDiscovery(dnsKind, { ...written, servers: server.address, refresh_interval: "1h" });
    await discovery.untilAddresses(["10.0.0.1:6060", "[fd00::2]:6061", "ext.node.dc1.consul:6062"]);
    expect(discovery.targets()).toContainEqual({
      __address__: "[fd00::2]:6061",
      __meta_dns_name: "_shop._tcp.service.consul.",
      __meta_dns_srv_record_target: "b2.node.dc1.consul.",
      __meta_dns_srv_record_port: "6061",
    });
    expect([...server.asked].sort()).toEqual([
      "A a1.node.dc1.consul",
      "A b2.node.dc1.consul",
      "A ext.node.dc1.consul",
      "AAAA b2.node.dc1.consul",
      "SRV _shop._tcp.service.consul",
    ]);
  });

  test.concurrent("finds all addresses of a host of which one came along", async () => {
    await using server = await startScriptedDns();
    const all = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map((at) => named("a1", at));
    server.follow(({ type }) => (type === "SRV" ? [...consul.slice(0, 1), ...all.slice(1, 2)] : all));
    await using discovery = runDiscovery(dnsKind, { ...written, servers: server.address });
    await discovery.untilAddresses(["10.0.0.1:6060", "10.0.0.2:6060", "10.0.0.3:6060"]);
  });

  test.concurrent("waits for silent hosts half the time, and goes on with what it knows of them", async () => {
    await using server = await startScriptedDns();
    const silent = Array.from({ length: 40 }, (_, index) => `silent-${index}.test`);
    let knowsAll = true;
    server.follow(({ type, name }) => {
      if (type === "SRV") return [...consul, ...silent.map((host) => srv(host, 80))];
      return knowsAll && !silent.includes(name) ? [{ type: "A", name, data: `10.0.0.${name.length}` }] : undefined;
    });
    await using discovery = runDiscovery(dnsKind, { ...written, servers: server.address, refresh_interval: "400ms" });
    const found = ["10.0.0.18:6060", "10.0.0.18:6061", "10.0.0.19:6062", ...silent.map((host) => `${host}:80`)];
    await discovery.untilAddresses(found);
    knowsAll = false;
    const { lastSuccessMs = 0 } = discovery.status();
    // That of a look which began after that.
    const later = await discovery.untilStatus(
      "it looked",
      (status) => (status.lastSuccessMs ?? 0) > lastSuccessMs + 500,
    );
    expect(later.shownSources.map(({ lastError }) => lastError)).toEqual([undefined]);
    expect(discovery.addresses()).toEqual(found.sort());
  });

  test.concurrent("makes no more targets of two small answers than there may be", async () => {
    await using server = await startScriptedDns();
    server.follow(({ type }) =>
      type === "SRV"
        ? Array.from({ length: 1000 }, (_, index) => srv("a1.node.dc1.consul", 1 + index))
        : Array.from({ length: 1000 }, (_, index) => named("a1", `10.0.${index >> 8}.${index & 255}`)),
    );
    await using discovery = runDiscovery(dnsKind, { ...written, servers: server.address, refresh_interval: "1h" });
    const { shownSources } = await discovery.untilStatus("it fails", (status) =>
      status.shownSources.some(({ lastError }) => lastError !== undefined),
    );
    expect(shownSources[0]?.lastError).toBe(
      'Cannot take the targets of "_shop._tcp.service.consul.": they are more than 20000; narrow down what is discovered, or divide it among several components',
    );
  });

  test.concurrent("goes on with the address of a host that it cannot look up now, and finds the others", async () => {
    await using server = await startScriptedDns();
    let failing = false;
    server.follow(({ type, name }) => {
      if (type === "SRV") return consul.slice(0, failing ? 2 : 1);
      if (name.startsWith("a1")) return failing ? "SERVFAIL" : [named("a1", "10.0.0.1")];
      return type === "A" ? [named("b2", "10.0.0.2"), named("b2", "10.0.0.3")] : [named("b2", "fd00::2", "AAAA")];
    });
    await using discovery = runDiscovery(dnsKind, { ...written, servers: server.address });
    await discovery.untilAddresses(["10.0.0.1:6060"]);
    failing = true;
    await discovery.untilAddresses(["10.0.0.1:6060", "10.0.0.2:6061", "10.0.0.3:6061"]);
  });
});

describe("discovery.dns", () => {
  const failures: readonly [title: string, code: string | undefined, says: RegExp][] = [
    ["that fails", "SERVFAIL", /answered SERVFAIL; see that the name servers run/],
    ["that refuses", "REFUSED", /answered REFUSED; see that the name servers run/],
    ["that says nothing", undefined, /no answer within 400ms; see that the name servers run/],
  ];

  test.concurrent.each(failures)("keeps what a name server %s said before", async (_title, code, says) => {
    await using server = await startScriptedDns();
    server.answer([{ type: "A", name: "a.test", data: "10.0.0.1" }]);
    const written = { names: "a.test.", type: "A", port: 1, servers: server.address, refresh_interval: "400ms" };
    await using discovery = runDiscovery(dnsKind, written);
    await discovery.untilAddresses(["10.0.0.1:1"]);
    server.fail(code);
    const status = await discovery.untilStatus(
      "it fails",
      ({ shownSources }) => shownSources[0]?.lastError !== undefined,
    );
    expect(status.shownSources[0]?.lastError).toMatch(says);
    expect(discovery.addresses()).toEqual(["10.0.0.1:1"]);
    server.fail("NXDOMAIN");
    await discovery.untilAddresses([]);
    const gone = await discovery.untilStatus("it says so", ({ shownSources }) => shownSources[0]?.targets === 0);
    expect(gone.shownSources[0]).toMatchObject({ name: "a.test.", remark: "no such name" });
  });

  test.concurrent("asks the next server where one does not answer", async () => {
    await using broken = await startScriptedDns();
    await using server = await startScriptedDns();
    broken.fail("SERVFAIL");
    server.answer([{ type: "NS", name: "test", data: "ns1.test" }]);
    const written = { names: "test.", type: "NS", port: 53, servers: [broken.address, server.address] };
    await using discovery = runDiscovery(dnsKind, written);
    await discovery.untilAddresses(["ns1.test:53"]);
    expect(discovery.targets()[0]).toMatchObject({ __meta_dns_ns_record_target: "ns1.test." });
  });

  const none: readonly [type: string, record: Answer, wanted: Answer, address: string][] = [
    [
      "MX",
      { type: "MX", name: "test", data: { preference: 0, exchange: "." } },
      { type: "MX", name: "test", data: { preference: 0, exchange: "mail.test" } },
      "mail.test:80",
    ],
    ["NS", { type: "NS", name: "test", data: "." }, { type: "NS", name: "test", data: "ns1.test" }, "ns1.test:80"],
    ["SRV", srv(".", 1), srv("a.test", 80), "a.test:80"],
  ];

  test.concurrent.each(none)("makes no target of a %s record that names no host", async (type, ...rest) => {
    const [record, wanted, address] = rest;
    await using server = await startScriptedDns();
    server.follow((question) => (question.type === type ? [record, wanted] : "NXDOMAIN"));
    await using discovery = runDiscovery(dnsKind, { names: "test.", type, port: 80, servers: server.address });
    await discovery.untilAddresses([address]);
  });

  test.concurrent("listens to no answer but that to its question", async () => {
    await using server = await startScriptedDns();
    server.answer([{ type: "A", name: "a.test", data: "10.0.0.1" }], { lieFirst: true });
    await using discovery = runDiscovery(dnsKind, { names: "a.test.", type: "A", port: 1, servers: server.address });
    await discovery.untilAddresses(["10.0.0.1:1"]);
  });

  test.each([
    [{ names: [] }, "at least one name is needed"],
    [{ names: "a", type: "A" }, 'a port is needed with type "A"'],
    [{ names: "a", type: "TXT" }, 'expected one of "SRV", "A", "AAAA", "MX", "NS", found "TXT"'],
    [{ names: "a", type: "A", port: 70_000 }, "a port is at most 65535"],
    [{ names: "a", servers: "dns.example.com" }, "expected the address of a name server"],
  ])("does not take %p", (written, says) => {
    const { issues } = v.safeParse(dnsKind.schema, written);
    expect(issues?.map(({ message }) => message).join()).toContain(says);
  });
});

describe("the system's DNS settings", () => {
  test("are read as resolv.conf(5) describes them", () => {
    const text =
      "# made by dhcp\nnameserver 10.0.0.2\nnameserver fd00::2 ; second\ndomain old.test\nsearch a.test b.test.\noptions edns0 ndots:2 timeout:1\nnameserver nonsense\n";
    expect(parseResolvConf(text)).toEqual({
      servers: [
        { host: "10.0.0.2", port: 53 },
        { host: "fd00::2", port: 53 },
      ],
      search: ["a.test", "b.test."],
      ndots: 2,
    });
  });

  test.each([
    ["web", ["web.a.test", "web.b.test", "web"]],
    ["web.prod.svc", ["web.prod.svc", "web.prod.svc.a.test", "web.prod.svc.b.test"]],
    ["web.", ["web"]],
  ])("make of %s the names that are asked for", (name, names) => {
    expect(namesToAsk(name, { search: ["a.test", "b.test."], ndots: 2 })).toEqual(names);
  });

  test.each([
    ["10.0.0.2", { host: "10.0.0.2", port: 53 }],
    ["127.0.0.1:8600", { host: "127.0.0.1", port: 8600 }],
    ["fd00::2", { host: "fd00::2", port: 53 }],
    ["[fd00::2]:8600", { host: "fd00::2", port: 8600 }],
    ["[fd00::2]", { host: "fd00::2", port: 53 }],
    ["host:53", undefined],
    ["10.0.0.2:70000", undefined],
    ["10.0.0.2:", undefined],
  ])("take %s for a server or not", (text, server) => {
    expect(parseDnsServer(text)).toEqual(server);
  });
});
