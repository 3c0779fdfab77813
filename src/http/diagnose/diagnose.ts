import process from "node:process";
import type { TLSSocket } from "node:tls";
import {
  AgentError,
  type Clock,
  errorMessage,
  formatDuration,
  limits,
  preview,
  roundedMs,
  systemClock,
} from "../../base/index.ts";
import { type Logger, silentLogger } from "../../observability/index.ts";
import { shownUrl } from "../../schema/index.ts";
import type { HttpArguments } from "../arguments.ts";
import type { HttpClient, HttpError, HttpRequest, HttpResponse } from "../client.ts";
import { createHttpClient, type HttpClientOptions } from "../create-http-client.ts";
import { createCredentials } from "../credentials/credentials.ts";
import { describeAuthentication, describeRoute, sentHeaders, writtenAuthentication } from "./describe-arguments.ts";
import { describeResponse } from "./describe-response.ts";
import {
  type Diagnosis,
  type DiagnosisStep,
  type Finding,
  type RunStep,
  StepFailure,
  type StepReport,
} from "./diagnosis.ts";
import { diagnoseTls } from "./diagnose-tls.ts";
import {
  connectSocket,
  connectTo,
  type Destination,
  findAddresses,
  readAddress,
  tunnelThrough,
} from "./diagnose-way.ts";
import { dial } from "../connection/dial.ts";
import { hostOf } from "../http-error.ts";
import { Interruption } from "../interruption.ts";
import { isForwarded } from "../proxy/is-forwarded.ts";
import { createProxyRule, type Proxy } from "../proxy/proxies.ts";
import { proxyName } from "../proxy/proxy-address.ts";
import { redirectTarget } from "../response-hint.ts";
import { createTlsSettings } from "../tls/tls-settings.ts";

export interface DiagnoseOptions {
  /** Of whoever makes such requests. */
  readonly args?: HttpArguments;
  /** What is sent; by default a GET without headers. */
  readonly request?: Partial<Pick<HttpRequest, "method" | "headers" | "body" | "maxBytes">>;
  /** Deadline of all steps together. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly clock?: Clock;
  readonly log?: Logger;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Told of each step as soon as it has ended. */
  readonly onStep?: (step: StepReport) => void;
}

/**
 * Makes one request and tells how far each step of it came: address, proxy, name, connection, TLS, credentials, and then the request itself
 * as the client makes it, on a connection of its own. Never rejects with an HttpError: that is a result.
 */
export async function diagnose(url: string, options: DiagnoseOptions): Promise<Diagnosis> {
  const { clock = systemClock, timeoutMs, onStep } = options;
  const steps: StepReport[] = [];
  const interruption = new Interruption(options, clock);
  const startMs = clock.monotonic();
  const ended = new AbortController();
  const run: RunStep = async (step, work, to = "") => {
    const stepMs = clock.monotonic();
    const report = (outcome: Omit<StepReport, "step" | "ms">): void => {
      const done = { step, ms: clock.monotonic() - stepMs, ...outcome };
      steps.push(done);
      onStep?.(done);
    };
    try {
      // The client keeps the deadline of a request itself, and knows better what it waited for.
      const found = isRequest(step)
        ? work()
        : interruption.race(work(), (reason) => interrupted(reason, { step, to, timeoutMs }));
      const { text, details = [], value } = await found;
      report({ ok: true, text, details });
      return value;
    } catch (thrown) {
      const details = thrown instanceof StepFailure ? thrown.details : [];
      report({ ok: false, text: errorMessage(thrown), details });
      throw thrown;
    }
  };
  try {
    // Rounded, because the client tells it to people.
    const leftMs = (): number => Math.max(1, roundedMs(startMs + timeoutMs - clock.monotonic()));
    const response = await takeSteps(url, { ...options, run, leftMs, ended: ended.signal });
    return { steps, result: { response } };
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    return { steps, result: { error: thrown as HttpError } };
  } finally {
    ended.abort();
    interruption.release();
  }
}

interface Journey extends DiagnoseOptions {
  readonly run: RunStep;
  readonly leftMs: () => number;
  /** Aborts with the diagnosis: nothing that a step has opened outlives it. */
  readonly ended: AbortSignal;
}

async function takeSteps(url: string, journey: Journey): Promise<HttpResponse> {
  const { run } = journey;
  const destination = await run("address", async () => readAddress(url));
  await connect(destination, journey);
  await authenticate(destination, journey);
  return makeRequest(url, journey);
}

/** Makes the connections that the request will make, one after the other. */
async function connect({ url, socketPath }: Destination, journey: Journey): Promise<void> {
  const { args = {}, clock = systemClock, log = silentLogger, run, ended } = journey;
  if (socketPath !== undefined) {
    await run("connect", () => connectSocket(socketPath, { url, signal: ended }));
    return;
  }
  const proxy = await chooseProxy(url, journey);
  const to = `"${hostOf(url)}"${proxy ? ` through the proxy "${proxyName(proxy)}"` : ""}`;
  const addresses = await findAddresses({ url, proxy }, run);
  await run("connect", () => connectTo(addresses, { url, proxy, signal: ended }), to);
  const tls = createTlsSettings(args.tls_config, { log, clock });
  if (proxy && !isForwarded(url, proxy))
    await run("tunnel", async () => tunnelThrough({ url, proxy, tls: await tls.current(), signal: ended, clock }), to);
  if (url.protocol !== "https:") return;
  const lookAtTls = async (): Promise<Finding<undefined>> => {
    const settings = await tls.current();
    return diagnoseTls({
      url,
      clock,
      isVerified: args.tls_config?.insecure_skip_verify !== true,
      http2: args.enable_http2 ?? true,
      open: async (over) => (await dial({ url, proxy, tls: settings, over, signal: ended })) as TLSSocket,
    });
  };
  await run("tls", lookAtTls, to);
}

/** The proxy on the way; no step of its own where nobody would expect one. */
async function chooseProxy(
  url: URL,
  { args = {}, environment = process.env, run }: Journey,
): Promise<Proxy | undefined> {
  let proxy: Proxy | undefined;
  try {
    proxy = createProxyRule(args, environment)?.(url);
  } catch (thrown) {
    return run("proxy", () => Promise.reject(thrown as Error));
  }
  const route = describeRoute({ proxy, url, args, environment });
  return route ? run("proxy", async () => ({ ...route, value: proxy })) : proxy;
}

/** Has the credentials made, so that a file that cannot be read or a token that cannot be had is told from a refusal. */
async function authenticate(
  { url }: Destination,
  { args = {}, request = {}, run, ...options }: Journey,
): Promise<void> {
  const { clock = systemClock, log = silentLogger } = options;
  const clients: HttpClient[] = [];
  const tokenClient = (tokenArgs: HttpArguments): HttpClient => {
    const client = createHttpClient({ ...clientOptions(options), args: tokenArgs });
    clients.push(client);
    return client;
  };
  const asked = { url, args, headers: request.headers ?? {} };
  const prepare = async (): Promise<Finding<undefined>> => {
    if (writtenAuthentication(asked) === undefined)
      await createCredentials(args, { clock, log, tokenClient })?.authorization();
    return { text: describeAuthentication(asked) ?? "none", value: undefined };
  };
  const tokenUrl = args.oauth2?.token_url;
  await run("auth", prepare, tokenUrl && `from token_url "${preview(shownUrl(tokenUrl), 128)}"`).finally(() => {
    for (const client of clients) client.close();
  });
}

async function makeRequest(url: string, journey: Journey): Promise<HttpResponse> {
  const { args = {}, run } = journey;
  // Asked without following, because the client does not tell where it was led; then once more as it is configured.
  const response = await run("request", () => ask(url, { ...journey, args: { ...args, follow_redirects: false } }));
  const follows = args.follow_redirects !== false && redirectTarget(response) !== undefined;
  return follows ? run("redirect", () => ask(url, journey)) : response;
}

async function ask(url: string, journey: Journey) {
  const { request: { method = "GET", headers = {}, body, maxBytes = limits.profileBytes } = {} } = journey;
  const client = createHttpClient(clientOptions(journey));
  const { signal, leftMs } = journey;
  try {
    const base = { url, method, headers, maxBytes, timeoutMs: leftMs(), signal };
    const response = await client.request(body ? { ...base, body } : base);
    const { text, details } = describeResponse(response, method);
    return {
      text,
      details: [...sentHeaders({ url: new URL(url), args: journey.args ?? {}, headers }), ...details],
      value: response,
    };
  } finally {
    client.close();
  }
}

function clientOptions({
  args,
  clock,
  log,
  environment,
}: Pick<DiagnoseOptions, "args" | "clock" | "log" | "environment">): HttpClientOptions {
  return { ...(args && { args }), ...(clock && { clock }), ...(log && { log }), ...(environment && { environment }) };
}

type RequestStep = "request" | "redirect";

function isRequest(step: DiagnosisStep): step is RequestStep {
  return step === "request" || step === "redirect";
}

const late: Readonly<Record<Exclude<DiagnosisStep, RequestStep>, readonly [what: string, hint: string]>> = {
  address: ["Cannot read the address", "try again"],
  proxy: ["Cannot choose the proxy", "try again"],
  dns: ["Cannot find the address of the host", "check this machine's DNS"],
  connect: ["Cannot connect to", "check that the host is up, and that no firewall blocks the port"],
  tunnel: ["Cannot connect to", "check that the proxy is one of this kind, and that it reaches the host"],
  tls: ["Cannot make a TLS connection to", "check that the port speaks TLS"],
  auth: ["Cannot get the credentials", "check that the token server answers"],
};

interface InterruptedStep {
  readonly step: Exclude<DiagnosisStep, RequestStep>;
  /** Whom the step leads to, as a message calls it. */
  readonly to: string;
  readonly timeoutMs: number;
}

function interrupted(reason: "timeout" | "canceled", { step, to, timeoutMs }: InterruptedStep): HttpError {
  if (reason === "canceled") return new AgentError(reason, "Canceled");
  const [what, hint] = late[step];
  return new AgentError(reason, `${what}${to && ` ${to}`} within ${formatDuration(timeoutMs)}; ${hint}`);
}
