import { describe, expect, test } from "bun:test";
import { interruptedError, type Progress, transportError } from "../../src/http/http-error.ts";

const url = new URL("https://ann:secret@a.example/path?token=secret");
const progress = (stage: Progress["stage"]): Progress => ({ url, stage, bodyBytes: 7 });

describe("the error of a request", () => {
  const cases: [code: string, stage: Progress["stage"], reason: string, message: string][] = [
    [
      "EHOSTUNREACH",
      "connecting",
      "unreachable",
      'Cannot connect to "a.example:443": no route to the host; check the address and this machine\'s network',
    ],
    ["EHOSTUNREACH", "reading", "reset", '"a.example:443" cut the connection after 7 bytes of the body'],
    [
      "EMFILE",
      "connecting",
      "unreachable",
      'Cannot connect to "a.example:443": this process has too many open files; raise its limit (ulimit -n)',
    ],
    [
      "EAI_AGAIN",
      "connecting",
      "dns",
      'Cannot find "a.example:443": the name server did not answer; check this machine\'s DNS (EAI_AGAIN)',
    ],
    [
      "ERR_SOCKET_CLOSED",
      "waiting",
      "reset",
      '"a.example:443" closed the connection without an answer; did the process restart, or does this port speak http?',
    ],
    [
      "CERT_HAS_EXPIRED",
      "waiting",
      "tls",
      'Cannot make a TLS connection to "a.example:443": its certificate has expired',
    ],
    [
      "ERR_SSL_UNSUPPORTED_PROTOCOL",
      "waiting",
      "tls",
      'Cannot make a TLS connection to "a.example:443": ERR_SSL_UNSUPPORTED_PROTOCOL',
    ],
    ["ESOMETHING", "waiting", "protocol", 'Cannot talk to "a.example:443": what the host said'],
  ];
  test.each(cases)("for %s while %s is %s", (code, stage, reason, message) => {
    const thrown = Object.assign(new Error("what the host said"), { code });
    const error = transportError(thrown, progress(stage));
    expect(error.reason as string).toBe(reason);
    expect(error.message).toBe(message);
    expect(error.cause).toBe(thrown);
  });

  test("that could not connect in time asks for the firewall", () => {
    expect(interruptedError("timeout", progress("connecting"), 1500).message).toBe(
      'Cannot connect to "a.example:443" within 1.5s; is the host up, and does a firewall let this port through?',
    );
  });
});
