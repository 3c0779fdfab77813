import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AgentError } from "../../src/base/index.ts";
import { statusAddress } from "../../src/cli/status-address.ts";
import { noAnswer } from "../../src/cli/status-unreachable.ts";
import { cli } from "../support/cli.ts";

describe("the address of agent status", () => {
  test.each([
    [["--url", "localhost:12345", "--config", "agent.toml"], 'Two addresses: give "--url" or "--config", not both'],
    [["--url", "ftp://h:1"], 'has the scheme "ftp": use http or https'],
    [["--url", "12345"], 'is no address: did you mean "localhost:12345"?'],
    [["--url", "http://user:secret@"], "is no address: write http://host:port"],
    [["http://localhost:12345"], 'Unexpected argument "http://localhost:12345"'],
  ])("is refused as %p", async (args, message) => {
    const { code, stderr } = await cli("status", ...args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain("secret");
  });

  test("that a file does not tell is no agent that can be reached", async () => {
    const { code, stderr } = await cli("status", "--config", "/no/such/agent.toml");
    expect(code).toBe(3);
    expect(stderr).toContain("There is no file to say where the agent listens");
    expect(stderr).toContain("there is no such file");
    expect(stderr).toContain("--url http://HOST:PORT");
  });

  test("holds a password that is not shown", async () => {
    const { code, stderr } = await cli("status", "--url", "http://user:secret@127.0.0.1:1");
    expect(code).toBe(3);
    expect(stderr).toContain("No agent at http://127.0.0.1:1 (--url)");
    expect(stderr).not.toContain("secret");
  });

  describe("that a file tells", () => {
    const directory = mkdtempSync(join(tmpdir(), "pprof-status-"));
    const file = join(directory, "agent.json");
    afterAll(() => rmSync(directory, { recursive: true }));
    const addressOf = async (config: unknown) => {
      writeFileSync(file, JSON.stringify(config));
      const io = { env: {}, out: () => {}, err: () => undefined, errIsTerminal: false };
      return statusAddress({ flags: new Map([["config", [file]]]), args: [] }, io);
    };

    test("is said to be that of the file", async () => {
      const address = await addressOf({ server: { listen_address: "0.0.0.0:1" } });
      expect(address).toEqual({ url: "http://127.0.0.1:1", source: `server.listen_address of "${file}"`, file });
    });

    test("is the usual one where it has none", async () => {
      const address = await addressOf({});
      expect(address).toMatchObject({
        url: "http://127.0.0.1:12345",
        source: `the usual address, and that of "${file}"`,
      });
    });
  });

  const asked = { url: "http://h:1", source: "--url", file: "a.toml" };
  test("where nobody listens says to start the agent, and that one that runs may listen elsewhere", () => {
    const { unreachable, next } = noAnswer(new AgentError("refused", "Cannot connect; check it"), asked);
    expect(unreachable).toBe("No agent at http://h:1 (--url): Cannot connect");
    expect(next).toStartWith("start it with `agent --config a.toml`; one that runs listens where --listen or the file");
  });

  test("where an agent hangs does not say to start it", () => {
    const { unreachable, next } = noAnswer(new AgentError("timeout", "No answer within 10s: connected"), asked);
    expect(unreachable).toBe("No answer at http://h:1 (--url): No answer within 10s: connected");
    expect(next).toContain("where it is the agent, look at its log and at its CPU time, and restart it if");
  });

  test("that does not answer at all leaves the advice to the transport", () => {
    const error = new AgentError("timeout", "Cannot connect within 10s; check that the host is up");
    expect(noAnswer(error, asked).next).toBe("check that the host is up");
  });
});
