import { describe, expect, test } from "bun:test";
import { AgentError } from "../../src/base/index.ts";
import { interruptedError, type Progress, tooLargeError, transportError } from "../../src/http/http-error.ts";

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
    ["EHOSTUNREACH", "reading", "reset", 'Lost the connection to "a.example:443" after 7 bytes of the body'],
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
      'No answer from "a.example:443": it closed the connection; check whether the process restarted, or the port speaks http, or the server wants a client certificate',
    ],
    [
      "CERT_HAS_EXPIRED",
      "waiting",
      "tls",
      'Cannot make a TLS connection to "a.example:443": its certificate has expired; renew it on the server',
    ],
    [
      "ERR_SSL_UNSUPPORTED_PROTOCOL",
      "waiting",
      "tls",
      'Cannot make a TLS connection to "a.example:443": it speaks none of the TLS versions that are allowed here; update it, or lower tls_config.min_version',
    ],
    [
      "ERR_SOCKET_CLOSED",
      "handshaking",
      "reset",
      'No answer from "a.example:443": it closed the connection during the TLS handshake; check whether the process restarted, or the port speaks http, or the server wants a client certificate',
    ],
    [
      "ERR_SSL_DECRYPT_ERROR",
      "handshaking",
      "tls",
      'Cannot make a TLS connection to "a.example:443": the handshake failed (decrypt error)',
    ],
    [
      "CERT_CHAIN_TOO_LONG",
      "handshaking",
      "tls",
      'Cannot make a TLS connection to "a.example:443": its certificate is not accepted (cert chain too long)',
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
      'Cannot connect to "a.example:443" within 1.5s; check that the host is up, and that no firewall blocks the port',
    );
  });

  test("that did not finish the TLS handshake in time says so", () => {
    expect(interruptedError("timeout", progress("handshaking"), 1500).message).toBe(
      'Cannot make a TLS connection to "a.example:443" within 1.5s: connected, but the TLS handshake did not end; check that the port speaks TLS',
    );
  });

  test("that is explained already stays as it is", () => {
    const explained = new AgentError("credentials", "Cannot read the password");
    expect(transportError(explained, progress("connecting")) as unknown).toBe(explained);
  });

  test("shows the limit as a size", () => {
    expect(tooLargeError(progress("reading"), 32 * 1024 ** 2).message).toBe(
      'The body from "a.example:443" is larger than the limit of 32MiB',
    );
  });
});

describe("the error of a request through a proxy", () => {
  const through = (stage: Progress["stage"]): Progress => ({ ...progress(stage), via: "proxy.example:3128" });
  const failure = (code: string, stage: Progress["stage"]) =>
    transportError(Object.assign(new Error("what the host said"), { code }), through(stage)).message;

  test("blames the proxy for a connection that could not be made", () => {
    expect(failure("ECONNREFUSED", "connecting")).toBe(
      'Cannot connect to the proxy "proxy.example:3128" on the way to "a.example:443": connection refused; check that the process runs and listens there',
    );
    expect(failure("ENOTFOUND", "connecting")).toStartWith(
      'Cannot find the proxy "proxy.example:3128" on the way to "a.example:443"',
    );
  });

  test("names both where either may be at fault", () => {
    expect(interruptedError("timeout", through("connecting"), 1500).message).toBe(
      'Cannot connect to "a.example:443" through the proxy "proxy.example:3128" within 1.5s; check that host and proxy are up, and that no firewall blocks the port',
    );
    expect(failure("ECONNRESET", "waiting")).toStartWith(
      'No answer from "a.example:443" through the proxy "proxy.example:3128": it closed the connection',
    );
  });
});

describe("the error of a request over a unix socket", () => {
  const at: Progress = {
    url: new URL("http://localhost/"),
    socketPath: "/run/app.sock",
    stage: "connecting",
    bodyBytes: 0,
  };

  test.each([
    ["ENOENT", "refused", "there is no such socket; check its path, and that the process runs"],
    ["ECONNREFUSED", "refused", "nobody listens there any more; check that the process runs"],
    ["EACCES", "unreachable", "permission denied; let the user that the agent runs as write to it"],
  ])("for %s is %s", (code, reason, text) => {
    const error = transportError(Object.assign(new Error("what the host said"), { code }), at);
    expect(error.reason as string).toBe(reason);
    expect(error.message).toBe(`Cannot connect to "unix:///run/app.sock": ${text}`);
  });
});

describe("a server's TLS alert", () => {
  // Measured with Go 1.26 and OpenSSL 3 servers: the codes of Bun and of Deno.
  test.each([
    ["ERR_SSL_TLSV1_ALERT_CERTIFICATE_REQUIRED", /wants a client certificate; set tls_config\.cert_file and key_file/],
    ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", /wants a client certificate; set tls_config\.cert_file and key_file/],
    ["ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE", /mostly it wants a client certificate/],
    ["ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE", /misses or refuses the client certificate/],
    ["ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED", /refuses the client certificate: it has expired/],
    ["ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", /refuses the client certificate: the server does not trust its issuer/],
    ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", /none of the TLS versions that are allowed here/],
    ["ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR", /see its log/],
    ["ERR_SSL_WRONG_VERSION_NUMBER", /does not speak TLS; if it speaks plain http/],
  ])("%s tells what to do", (code, text) => {
    const { reason, message } = transportError(Object.assign(new Error("alert"), { code }), progress("handshaking"));
    expect(reason).toBe("tls");
    expect(message).toMatch(text);
  });
});
