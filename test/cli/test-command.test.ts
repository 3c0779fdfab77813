import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http, { type IncomingMessage, type RequestListener, type Server } from "node:http";
import https from "node:https";
import net, { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { selfSigned } from "../http/self-signed.ts";
import { agentCommand } from "../e2e/agent.ts";
import { startChild } from "../support/child.ts";
import { cli, cliWith } from "../support/cli.ts";
import { freePort } from "../support/free-port.ts";
import { type PushServer, startPushServer } from "../support/push-server.ts";
import { recording } from "../support/recordings.ts";

const secret = "hunter2";
const profiles: Readonly<Record<string, Uint8Array>> = {
  "/debug/pprof/allocs": recording("allocs", 1),
  "/debug/pprof/goroutine": recording("goroutine", 1),
  "/debug/pprof/profile": recording("profile", 1),
};

/** A Go program's endpoints, and what goes wrong with them. */
const target: RequestListener = (request, response) => {
  const { pathname } = new URL(request.url ?? "", "http://target");
  if (profiles[pathname]) response.end(profiles[pathname]);
  else if (pathname === "/html") response.end("<html><body>A page</body></html>");
  else if (pathname === "/moved") response.writeHead(302, { location: `/debug/pprof/allocs?token=${secret}` }).end();
  else if (pathname === "/elsewhere") response.writeHead(302, { location: "http://127.0.0.1:9/profile" }).end();
  else if (pathname === "/login") response.writeHead(302, { location: "/html" }).end();
  else if (pathname === "/echo") response.end(`you sent ${request.headers.authorization}`);
  else if (pathname === "/forbidden") response.writeHead(403).end("no");
  else if (pathname === "/plain")
    response.writeHead(400).end("<center>The plain HTTP request was sent to HTTPS port</center>");
  else if (pathname === "/certificate")
    response.writeHead(400).end("<center>No required SSL certificate was sent</center>");
  else if (pathname === "/stall") return;
  else if (pathname === "/closed" && !isAuthorized(request))
    response.writeHead(401, { "www-authenticate": 'Basic realm="profiles"' }).end("who are you?");
  else if (pathname === "/closed") response.end(profiles["/debug/pprof/allocs"]);
  else response.writeHead(404).end("404 page not found");
};

function isAuthorized({ headers: { authorization } }: IncomingMessage): boolean {
  return authorization === `Basic ${btoa(`edge:${secret}`)}`;
}

/** A proxy that only knows CONNECT. */
function connectProxy(): Server {
  return http
    .createServer((_, response) => response.writeHead(405).end())
    .on("connect", (request, client) => {
      const { hostname, port } = new URL(`http://${request.url}`);
      const upstream = net.connect(Number(port), hostname, () => {
        client.write("HTTP/1.1 200 Connection established\r\n\r\n");
        upstream.pipe(client);
        client.pipe(upstream);
      });
      upstream.on("error", () => client.destroy());
      client.on("error", () => upstream.destroy());
    });
}

let directory: string;
let plain: number;
let secure: number;
let proxy: number;
let push: PushServer;
const servers: Server[] = [];

async function listen(server: Server, where: string | number = 0): Promise<number> {
  servers.push(server);
  if (typeof where === "string") server.listen(where);
  else server.listen(where, "127.0.0.1");
  await once(server, "listening");
  return typeof where === "string" ? 0 : (server.address() as AddressInfo).port;
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "agent-test-"));
  plain = await listen(http.createServer(target));
  secure = await listen(https.createServer(selfSigned, target));
  proxy = await listen(connectProxy());
  await listen(http.createServer(target), join(directory, "app.sock"));
  push = await startPushServer();
});

afterAll(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  await push.close();
  rmSync(directory, { recursive: true });
});

function config(text: string): string {
  const path = join(directory, "agent.toml");
  writeFileSync(path, text);
  return path;
}

/** A configuration of one scrape component with these lines; of the default types, `block` and these are switched off. */
function scraping(lines: string, off = "mutex.enabled = false"): string {
  return config(`[pyroscope.store.local]
[pyroscope.scrape.edge]
targets = [{ __address__ = "127.0.0.1:${secure}", service_name = "shop" }]
forward_to = ["pyroscope.store.local"]
scheme = "https"
scrape_interval = "2s"
${lines}
[pyroscope.scrape.edge.profiling_config.profile]
block.enabled = false
${off}
`);
}

describe("agent test URL", () => {
  test("explains every step to a valid profile", async () => {
    const { code, stdout, stderr } = await cli("test", `127.0.0.1:${plain}/debug/pprof/allocs`);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toStartWith(`http://127.0.0.1:${plain}/debug/pprof/allocs\n\n  ok    address     plain HTTP to `);
    expect(stdout).toContain(`\n  ok    connect     127.0.0.1:${plain}`);
    expect(stdout).toContain("\n  ok    request     GET answered with status 200, ");
    expect(stdout).toMatch(/\n {2}ok {4}profile {5}\d+ samples of alloc_objects\/count, .*\n +gzip, \d+ functions/);
    expect(stdout).toMatch(/\n\nThis is a Go memory profile with \d+ samples; scraping it will work\.\nNext: .*\n$/);
  });

  test("asks a process for every profile type, the CPU's for a second only", async () => {
    const { code, stdout } = await cli("test", "--json", `http://127.0.0.1:${plain}/debug/pprof/`);
    const { ok, tests } = JSON.parse(stdout) as {
      ok: boolean;
      tests: { profiles: { type: string; url: string; state: string; samples?: number }[]; verdict: string }[];
    };
    expect([code, ok, tests[0]?.verdict]).toEqual([0, true, "3 of 6 profile types can be scraped."]);
    const states = Object.fromEntries((tests[0]?.profiles ?? []).map(({ type, state }) => [type, state]));
    expect(states).toEqual({
      memory: "ok",
      block: "absent",
      goroutine: "ok",
      mutex: "absent",
      process_cpu: "ok",
      fgprof: "absent",
    });
    expect(tests[0]?.profiles.find(({ type }) => type === "process_cpu")?.url).toEndWith("/profile?seconds=1");
    expect(tests[0]?.profiles[0]?.samples).toBeGreaterThan(0);
  });

  const failures: readonly (readonly [what: string, url: () => string, says: RegExp])[] = [
    [
      "that nothing is served",
      () => `http://127.0.0.1:${plain}/gone`,
      /The server serves nothing at this path\.\nNext: `agent test /,
    ],
    [
      "which credentials are wanted",
      () => `http://127.0.0.1:${plain}/closed`,
      /asks for Basic realm="profiles"[^]*wants credentials/,
    ],
    [
      "that a request without credentials is refused",
      () => `http://127.0.0.1:${plain}/forbidden`,
      /The server refuses a request without credentials\.\nNext: configure authentication .* --component ID\n/,
    ],
    [
      "that the credentials of the URL are wrong",
      () => `http://edge:wrong@127.0.0.1:${plain}/closed`,
      /The server does not accept these credentials\.\nNext: correct the user name and password in the URL\n/,
    ],
    [
      "that a port asked in plain http speaks TLS",
      () => `http://127.0.0.1:${plain}/plain`,
      /\nNext: the port speaks TLS: set the scheme to https\n/,
    ],
    [
      "that a server wants a client certificate",
      () => `http://127.0.0.1:${plain}/certificate`,
      /\nThe server wants a client certificate\.\nNext: set tls_config\.cert_file and key_file\n/,
    ],
    [
      "where a redirect led that fails",
      () => `http://127.0.0.1:${plain}/elsewhere`,
      /FAIL {2}redirect .*"127\.0\.0\.1:\d+" redirects to "http:\/\/127\.0\.0\.1:9\/profile": Cannot connect/,
    ],
    [
      "where a redirect led that gives no profile",
      () => `http://127.0.0.1:${plain}/login`,
      /\n"http:\/\/127\.0\.0\.1:\d+\/html", to which the server redirects, is no valid profile: the response is HTML/,
    ],
    [
      "what a page begins with",
      () => `http://127.0.0.1:${plain}/html`,
      /no valid profile: the response is HTML "<html><body>A page/,
    ],
    [
      "that nobody listens",
      () => `http://127.0.0.1:${closedPort}/`,
      /FAIL {2}connect .*refused[^]*Next: check that the process runs/,
    ],
    [
      "that a name is unknown",
      () => "http://no-such-host.invalid/",
      /FAIL {2}dns .*no-such-host\.invalid[^]*Next: check /,
    ],
    [
      "whose certificate is not trusted",
      () => `https://localhost:${secure}/`,
      /FAIL {2}tls [^]*for localhost, 127\.0\.0\.1\n[^]*days left[^]*Next: .*ca_file/,
    ],
    [
      "that a port speaks plain http",
      () => `https://127.0.0.1:${plain}/`,
      /FAIL {2}tls .*does not speak TLS[^]*Next: .*http/,
    ],
    ["that there is no socket", () => `unix://${directory}/none.sock`, /FAIL {2}connect .*no such socket/],
  ];
  let closedPort: number;
  beforeAll(async () => {
    closedPort = await freePort();
  });
  for (const [what, url, says] of failures)
    test(`tells ${what}`, async () => {
      const { code, stdout, stderr } = await cli("test", url());
      expect([code, stderr]).toEqual([1, ""]);
      expect(stdout).toMatch(says);
      expect(stdout).toMatch(/\nNext: .+\n$/);
    });

  test("says what it waits for, on standard error", async () => {
    const { code, stderr } = await cli("test", `http://127.0.0.1:${plain}/debug/pprof/profile?seconds=14`);
    expect([code, stderr]).toEqual([0, "Taking a profile, 14 s\n"]);
  });

  test("masks the credentials that a success quotes", async () => {
    const { stdout } = await cli("test", `http://edge:${secret}@127.0.0.1:${plain}/echo`);
    expect(stdout).toContain('the text "you sent (secret)"');
    expect(stdout).not.toContain(btoa(`edge:${secret}`));
  });

  test("gives up at its deadline", async () => {
    const { code, stdout } = await cli("test", `http://127.0.0.1:${plain}/stall`, "--timeout", "100ms");
    expect(code).toBe(1);
    expect(stdout).toMatch(/FAIL {2}request .*No answer from .* within /);
  });

  test("ends at once at SIGINT, and says so", async () => {
    const child = startChild([...agentCommand, "test", `http://127.0.0.1:${plain}/stall`]);
    await child.waitFor(/ok {4}auth/);
    const { exit } = await child.stop("SIGINT");
    expect(exit).toBe(1);
    expect(child.stdout()).toMatch(/FAIL {2}request {5}Canceled/);
  });

  test("follows a redirect, and shows no secret of where it leads", async () => {
    const { code, stdout } = await cli("test", `http://127.0.0.1:${plain}/moved`);
    expect(code).toBe(0);
    expect(stdout).toMatch(/status 302[^]*redirects to \/debug\/pprof\/allocs\n[^]*ok {4}redirect .*status 200/);
    expect(stdout).not.toContain(secret);
  });

  test("shows no password and no unknown parameter of the URL", async () => {
    const { code, stdout } = await cli(
      "test",
      `http://edge:${secret}@127.0.0.1:${plain}/closed?token=${secret}&debug=0`,
    );
    expect(code).toBe(0);
    expect(stdout).toStartWith(`http://127.0.0.1:${plain}/closed?token=…&debug=0\n`);
    expect(stdout).toContain("ok    auth        the user name and password in the URL");
    expect(stdout).not.toContain(secret);
  });

  test("speaks to a unix socket", async () => {
    const { code, stdout } = await cli("test", `unix://${directory}/app.sock:/debug/pprof/goroutine`);
    expect(code).toBe(0);
    expect(stdout).toContain(`ok    connect     "${directory}/app.sock"`);
    expect(stdout).toMatch(/This is a Go goroutine profile/);
  });
});

describe("agent test --config", () => {
  const settings = `basic_auth = { username = "edge", password = "${secret}" }
http_headers = { "X-Site" = ["${secret}"] }`;

  test("uses the settings of a component: TLS, authentication and headers", async () => {
    const file = scraping(`${settings}\ntls_config = { ca_file = "ca.pem" }`);
    writeFileSync(join(directory, "ca.pem"), selfSigned.cert);
    const url = `https://127.0.0.1:${secure}/closed`;
    const { code, stdout } = await cli("test", "--config", file, "--component", "pyroscope.scrape.edge", url);
    expect(stdout).toMatch(/ok {4}tls {9}TLSv1\.3, [^]*certificate is trusted/);
    expect(stdout).toContain("ok    auth        basic_auth, password of the configuration");
    expect(stdout).toContain("headers sent: authorization, user-agent, x-site\n");
    expect(stdout).not.toContain(secret);
    expect(code).toBe(0);
  });

  test("goes through the proxy of a component", async () => {
    const file = scraping(
      `proxy_url = "http://edge:${secret}@127.0.0.1:${proxy}"\ntls_config = { insecure_skip_verify = true }`,
    );
    const { code, stdout } = await cli("test", "--config", file);
    expect(stdout).toContain(`ok    proxy       through http://127.0.0.1:${proxy} (proxy_url names it)`);
    expect(stdout).toContain(`ok    tunnel      the proxy connects to 127.0.0.1:${secure}`);
    expect(stdout).toContain("not verified, because insecure_skip_verify is set");
    expect(stdout).toContain("3 of 3 profile types can be scraped");
    expect(stdout).not.toContain(secret);
    expect(code).toBe(0);
  });

  test("fails where an enabled type is not served", async () => {
    const file = scraping("tls_config = { insecure_skip_verify = true }", "");
    const { code, stdout } = await cli("test", "--config", file);
    expect(stdout).toMatch(
      /FAIL {2}mutex .*404[^]*3 of 4 profile types can be scraped; not mutex: The server serves nothing/,
    );
    expect(code).toBe(1);
  });

  test("speaks of the arguments of the component, and not of flags", async () => {
    const table: readonly (readonly [lines: string, path: string, advice: string])[] = [
      ['basic_auth = { username = "edge", password = "wrong" }', "/closed", "correct basic_auth in COMPONENT"],
      ["", "/closed", "configure authentication (basic_auth, authorization, bearer_token_file, oauth2) in COMPONENT"],
      ["follow_redirects = false", "/moved", "configure that URL, or turn follow_redirects on in COMPONENT"],
      [
        "",
        "/gone",
        `\`agent test https://127.0.0.1:${secure} --config FILE --component COMPONENT\` lists the profiles`,
      ],
    ];
    for (const [lines, path, advice] of table) {
      const file = scraping(`${lines}\ntls_config = { insecure_skip_verify = true }`);
      const { code, stdout } = await cli("test", "--config", file, `https://127.0.0.1:${secure}${path}`);
      expect(stdout).toContain(`\nNext: ${advice.replace("FILE", file).replace("COMPONENT", "pyroscope.scrape.edge")}`);
      expect(code).toBe(1);
    }
  });

  test("shares the blame between target and proxy, where that sends the request on", async () => {
    const refusing = await listen(http.createServer((_, response) => response.writeHead(403).end("wrong password")));
    const file = scraping(`proxy_url = "http://edge:${secret}@127.0.0.1:${refusing}"`);
    const { stdout } = await cli("test", "--config", file, `http://127.0.0.1:${plain}/debug/pprof/allocs`);
    expect(stdout).toContain(
      `Either the proxy "127.0.0.1:${refusing}" or the server refuses the request with status 403.`,
    );
    expect(stdout).toContain("Next: check user name and password in the proxy's URL");
  });

  test("names the proxy of the environment that it cannot use", async () => {
    const file = scraping("proxy_from_environment = true");
    const env = { HTTP_PROXY: "ht!tp://nowhere" };
    const { code, stdout } = await cliWith(env, "test", "--config", file, "http://shop.example.com/debug/pprof/heap");
    expect(stdout).toMatch(/FAIL {2}proxy {7}Cannot use the proxy of HTTP_PROXY/);
    expect(code).toBe(1);
  });

  const writing = (headers: string, url: string): string =>
    config(
      `[pyroscope.write.central]\n[[pyroscope.write.central.endpoint]]\nurl = "${url}"\nheaders = { ${headers} }\n`,
    );
  const headers = `"X-Scope-OrgID" = "squad-1", "X-Key" = "${secret}"`;

  test("sends an endpoint an empty push, of which nothing is stored", async () => {
    const { code, stdout } = await cli("test", "--config", writing(headers, push.url));
    expect(stdout).toMatch(/ok {4}push .*\n\nPyroscope answers there as tenant "squad-1"; pushes will be taken\.\n$/);
    expect(stdout).not.toContain(secret);
    expect([code, push.accepted.length]).toEqual([0, 0]);
  });

  test("tells that something else answers in place of an endpoint", async () => {
    const { code, stdout } = await cli("test", "--config", writing(headers, `http://127.0.0.1:${plain}`));
    expect(stdout).toMatch(/FAIL {2}push .*404[^]*Next: check the endpoint's url/);
    expect(code).toBe(1);
  });

  test("says what is missing on the command line", async () => {
    const file = scraping("");
    const table: readonly (readonly [args: readonly string[], message: string])[] = [
      [[], "Nothing to test: give a URL, or --config FILE"],
      [["--component", "a.b.c"], 'Flag "--component" needs the file that holds it: --config FILE'],
      [["--config", file, "--component", "pyroscope.scrape.x"], 'No component "pyroscope.scrape.x" to test in'],
      [["http://a:1/x", "--timeout", "soon"], 'Flag "--timeout" is a duration such as 30s: got "soon"'],
      [[`ftp://u:${secret}@a/x`], 'URL "ftp://…@a/x" has the scheme "ftp": use http or https'],
      [["6060"], 'URL "6060" is no address: did you mean "localhost:6060"?'],
    ];
    for (const [args, message] of table) {
      const { code, stderr } = await cli("test", ...args);
      expect(stderr).toStartWith(`agent: ${message}`);
      expect(code).toBe(2);
    }
  });
});
