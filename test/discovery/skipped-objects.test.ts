import { describe, expect, test } from "bun:test";
import { discovery, target } from "./told-discovery.ts";

describe("what is found and is no target", () => {
  test("is shown until another look, or other arguments", async () => {
    const { told, component, status, metrics, stop } = await discovery();
    told.report.skipped(new Map([["no_address", 1]]));
    told.report.skipped(new Map([["too_many_ports", 7]]));
    told.report.found("a", [target("unix:///run/docker.sock")]);
    expect(status().skippedObjects).toEqual({ too_many_ports: 7, unix_socket: 1 });
    const series = async (): Promise<readonly string[]> =>
      (await metrics.text()).split("\n").filter((line) => line.startsWith("discovery_skipped_objects"));
    const own = 'discovery_skipped_objects{component_id="discovery.test.a"';
    expect(await series()).toEqual([`${own},reason="too_many_ports"} 7`, `${own},reason="unix_socket"} 1`]);
    component.applyConfig("second");
    expect([status().skippedObjects, await series()]).toEqual([undefined, []]);
    told.report.skipped(new Map([["no_address", 1]]));
    expect(await series()).toHaveLength(1);
    await stop();
    expect(await series()).toEqual([]);
  });

  test("are unix sockets too: that is told once, and they are counted", async () => {
    const { told, clock, log, metrics, addresses, stop } = await discovery();
    const found = [target("a:1"), target("unix:///run/docker.sock"), target("UNIX:/run/x.sock"), target("unix:80")];
    told.report.found("a", found);
    await clock.advance(1000);
    expect(addresses()).toEqual(["a:1", "unix:80"]);
    told.report.found("a", found);
    expect(log.messages("warn")).toEqual([
      "Skipped targets on unix sockets: only the configuration, its rules, discovery.file and discovery.process may name sockets of this machine",
    ]);
    const line = 'discovery_skipped_objects{component_id="discovery.test.a",reason="unix_socket"}';
    expect(await metrics.text()).toContain(`${line} 2`);
    told.report.found("a", [target("a:1")]);
    expect(await metrics.text()).not.toContain(line);
    await stop();
  });
});
