import { describe, expect, test } from "bun:test";
import { answer, aManager, only } from "./a-manager.ts";

describe("Targets that are not scraped", () => {
  test("are told once, when none is left", async () => {
    const { manager, log, sync } = aManager(() => answer(200, ""));
    const config = only("goroutine");
    const rule = [{ action: "drop", source_labels: ["__address__"], regex: "a:.*" }];
    sync([], config);
    expect(log.messages("info")).toEqual([]);
    sync(["a:1", "b:1"], { ...config, rule });
    expect(log.messages("info")).toEqual([]);
    sync(["a:1", "a:2", "127.0.0.1:99999"], { ...config, rule });
    sync(["a:1"], { ...config, rule });
    sync([], config);
    expect(log.lines.filter(({ level }) => level === "info")).toMatchObject([
      { message: "No target is scraped", fields: { targets: 3, dropped_by_rules: 2, skipped: 1 } },
    ]);
    sync(["b:1"], config);
    sync([], config);
    expect(log.messages("info")).toEqual(["No target is scraped", "No target is scraped"]);
    await manager.close();
  });

  test("because something is wrong with them are counted, with what is wrong with the first", async () => {
    const { manager, sync } = aManager(() => answer(200, ""));
    expect(manager.skipped).toBeUndefined();
    sync(["127.0.0.1:99999", "b:0", "c:1"], only("goroutine"));
    expect(manager.skipped).toEqual({
      count: 2,
      reason: "bad_address",
      message: 'Cannot scrape "127.0.0.1:99999": a port is a number from 1 to 65535, found "99999"',
    });
    await manager.close();
  });
});
