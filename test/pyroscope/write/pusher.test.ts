import { describe, expect, test } from "bun:test";
import { AgentError, systemClock } from "../../../src/base/index.ts";
import type { Labels, Profile } from "../../../src/model/index.ts";
import { createPusher } from "../../../src/pyroscope/write/pusher.ts";
import { createMemoryLog } from "../../support/memory-log.ts";
import { endpointArguments } from "./endpoint-arguments.ts";
import { aProfile } from "./profiles.ts";

const { signal } = new AbortController();

function aPusher(log = createMemoryLog()) {
  const args = endpointArguments({ url: "http://127.0.0.1:9", name: "main" });
  return createPusher(args, { clock: systemClock, userAgent: "pprof-agent/test", log });
}

/** Fails where its labels are framed. */
function defective(defect: Error): Profile {
  return {
    ...aProfile(),
    get labels(): Labels {
      throw defect;
    },
  };
}

describe("what nobody foresaw in a push", () => {
  test("is an outcome of its own, to be retried, and one line in the log, with its first profile", async () => {
    const log = createMemoryLog();
    const pusher = aPusher(log);
    const profile = defective(new TypeError("a defect"));
    for (let count = 0; count < 3; count++)
      expect(await pusher.push(profile, { signal })).toEqual({
        outcome: "retryable",
        reason: "internal",
        fault: "unclear",
        hint: "this is a defect of the agent: please report it",
        message: "Could not push: a defect; this is a defect of the agent: please report it",
      });
    expect(log.lines).toMatchObject([{ level: "error", fields: { endpoint: "main", id: profile.id } }]);
    expect(String(log.lines[0]?.fields["err"])).toContain("a defect");
  });

  test("does not pass for a reply of the transport, whatever its reason is", async () => {
    const outcome = await aPusher().push(defective(new AgentError("toString", "a defect")), { signal });
    expect(outcome).toMatchObject({ outcome: "retryable", reason: "internal", fault: "unclear" });
  });
});
