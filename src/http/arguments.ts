import * as v from "valibot";
import type { Secret } from "../base/index.ts";
import {
  argument,
  choice,
  crossCheck,
  filePath,
  flag,
  httpUrlProblem,
  mapOf,
  notYet,
  oneOrMany,
  optional,
  type Report,
  secret,
  secretText,
  secretUrl,
  table,
  text,
  word,
} from "../schema/index.ts";
import { headerNameProblem } from "./header-names.ts";

export interface HttpArgumentsOptions {
  /** What to do instead of authenticating by an argument, where there is something. */
  readonly instead?: string;
  /** Takes the spellings of `phlare.scrape` too: `enable_http_2` and `credential` (seed 001). */
  readonly oldSpellings?: boolean;
}

/**
 * The arguments of the HTTP client, to be spread into the table of whoever makes requests (reference 4.1); `httpChecks` belongs
 * behind that table. What is not carried out yet is refused unless it asks for what already happens.
 */
export function httpArguments(options: HttpArgumentsOptions = {}) {
  const advice = options.instead;
  const refused = <Schema extends v.GenericSchema>(schema: Schema, what: string) =>
    v.pipe(schema, notYet(what, { advice }));
  return {
    bearer_token: optional(refused(secret(), "authentication is"), {
      description: "Bearer token to authenticate with",
      example: "${TOKEN}",
    }),
    bearer_token_file: optional(refused(filePath(), "authentication is"), {
      description: "File that holds a bearer token; read again when it changes",
      example: "token",
    }),
    basic_auth: optional(refused(basicAuth(), "authentication is"), {
      description: "Authenticates with a user name and a password",
    }),
    authorization: optional(refused(authorization(options), "authentication is"), {
      description: "Authenticates with an Authorization header of any type",
    }),
    oauth2: optional(refused(oauth2(), "authentication is"), {
      description: "Authenticates with a token fetched from an OAuth2 server (grant client_credentials)",
    }),
    tls_config: optional(v.pipe(tlsConfig(), notYet("TLS settings are", { unless: asksForDefaultTls })), {
      description: "How https:// connections are made",
    }),
    ...proxyArguments(),
    follow_redirects: optional(flag(), {
      default: true,
      description: "Whether redirects are followed; if not, they count as errors",
      example: false,
    }),
    enable_http2: optional(flag(), {
      default: true,
      description: "Whether HTTP/2 may be spoken; this version of the agent speaks HTTP/1.1 either way",
      example: false,
    }),
    http_headers: optional(
      v.pipe(
        mapOf(oneOrMany(secret()), { keyProblem: (name) => headerNameProblem(name, "http_headers") }),
        notYet("http_headers are", {
          unless: (headers) => Object.keys(headers).length === 0,
          advice: "remove them",
        }),
      ),
      {
        description: "Headers sent with every request; all their values count as secret",
        example: { "X-Site": ["7"] },
      },
    ),
  };
}

function basicAuth() {
  return v.pipe(
    table({
      username: optional(text(), { description: "User name", example: "edge" }),
      password: optional(secret(), { description: "Password", example: "${PASSWORD}" }),
      password_file: optional(filePath(), {
        description: "File that holds the password; read again when it changes",
        example: "password",
      }),
    }),
    crossCheck([], (args, report) => notBoth(args, ["password", "password_file"], report)),
  );
}

function authorization({ oldSpellings = false }: HttpArgumentsOptions) {
  const credentials = () => optional(secret(), { description: "What stands behind the type", example: "${TOKEN}" });
  const entries = {
    type: optional(text(), { default: "Bearer", description: "Type of the header", example: "Bearer" }),
    credentials: credentials(),
    credentials_file: optional(filePath(), {
      description: "File that holds the credentials; read again when it changes",
      example: "credentials",
    }),
  };
  // The old spelling is in the entries only where it is taken, but always in the type, so that there is one type.
  const all = { ...entries, credential: credentials() };
  return v.pipe(
    oldSpellings ? table(all) : (table(entries) as unknown as ReturnType<typeof table<typeof all>>),
    crossCheck(["type"], ({ type }, report) => {
      if (type.trim().toLowerCase() === "basic")
        report(["type"], 'is "basic": use basic_auth with username and password instead');
    }),
    crossCheck([], (args, report) => {
      notBoth(args, ["credentials", "credentials_file"], report);
      notBoth(args, ["credential", "credentials"], report);
      notBoth(args, ["credential", "credentials_file"], report);
    }),
    v.transform(({ credential, ...rest }) => ({ ...rest, ...(credential && { credentials: credential }) })),
  );
}

function oauth2() {
  return v.pipe(
    table({
      client_id: argument(word(), { description: "Client id", example: "agent" }),
      client_secret: optional(secret(), { description: "Client secret", example: "${CLIENT_SECRET}" }),
      client_secret_file: optional(filePath(), {
        description: "File that holds the client secret; read again when it changes",
        example: "client-secret",
      }),
      scopes: optional(oneOrMany(text()), { description: "Scopes to ask for", example: ["profiles:write"] }),
      token_url: argument(tokenUrl(), {
        description: "URL that gives tokens",
        example: "https://login.example.com/token",
      }),
      endpoint_params: optional(mapOf(secretText()), {
        description: "Further parameters of the token request",
        example: { audience: "pyroscope" },
      }),
      tls_config: optional(tlsConfig(), { description: "How the token URL is reached over TLS" }),
      ...proxyArguments(),
    }),
    crossCheck([], (args, report) => {
      notBoth(args, ["client_secret", "client_secret_file"], report);
      if (args.client_secret === undefined && args.client_secret_file === undefined)
        report([], "needs a client_secret or a client_secret_file");
    }),
    proxyCheck(),
  );
}

function tokenUrl() {
  return v.pipe(
    text(),
    v.check(
      (url) => httpUrlProblem(url) === undefined,
      ({ input }) => httpUrlProblem(input) ?? "",
    ),
    v.check(
      (url) => !URL.parse(url)?.username,
      "must not hold a user name or password: use client_id and client_secret",
    ),
  );
}

/** The least TLS version, by its name in the configuration. */
const tlsVersions = ["TLS10", "TLS11", "TLS12", "TLS13"] as const;

function tlsConfig() {
  const pem = (description: string) => optional(text(), { description, example: "-----BEGIN CERTIFICATE-----…" });
  const file = (description: string, example: string) => optional(filePath(), { description, example });
  return v.pipe(
    table({
      ca_pem: pem("Certificate authorities to trust, as PEM text"),
      ca_file: file("File of certificate authorities to trust", "ca.pem"),
      cert_pem: pem("The client's certificate, as PEM text"),
      cert_file: file("File of the client's certificate", "client.pem"),
      key_pem: optional(secret(), { description: "The client's key, as PEM text", example: "${CLIENT_KEY}" }),
      key_file: file("File of the client's key", "client.key"),
      server_name: optional(text(), {
        description: "The name the server's certificate must have, where it is not the URL's host",
        example: "pyroscope.example.com",
      }),
      insecure_skip_verify: optional(flag(), {
        default: false,
        description: "Whether any certificate is accepted; the connection is then open to whoever sits in between",
        example: true,
      }),
      min_version: optional(choice(tlsVersions), {
        default: "TLS12",
        description: "The least TLS version to accept",
        example: "TLS13",
      }),
    }),
    crossCheck([], (tls, report) => {
      notBoth(tls, ["ca_pem", "ca_file"], report);
      notBoth(tls, ["cert_pem", "cert_file"], report);
      notBoth(tls, ["key_pem", "key_file"], report);
      const cert = (["cert_pem", "cert_file"] as const).find((name) => tls[name] !== undefined);
      const key = (["key_pem", "key_file"] as const).find((name) => tls[name] !== undefined);
      if (cert && !key) report([cert], "a client certificate needs its key: set key_pem or key_file too");
      if (key && !cert) report([key], "a client key needs its certificate: set cert_pem or cert_file too");
    }),
  );
}

function asksForDefaultTls(tls: v.InferOutput<ReturnType<typeof tlsConfig>>): boolean {
  const { insecure_skip_verify, min_version, ...rest } = tls;
  return !insecure_skip_verify && min_version === "TLS12" && Object.keys(rest).length === 0;
}

function proxyArguments() {
  const refused = { advice: "remove it" };
  return {
    proxy_url: optional(v.pipe(secretUrl(["http", "https", "socks5"]), notYet("proxies are", refused)), {
      description: "Proxy to send requests through",
      example: "http://proxy.example.com:3128",
    }),
    no_proxy: optional(v.pipe(text(), notYet("proxies are", { ...refused, unless: (list) => list === "" })), {
      description: "Comma-separated IP addresses, CIDR blocks and host names that are reached without the proxy",
      example: "localhost,10.0.0.0/8",
    }),
    proxy_from_environment: optional(v.pipe(flag(), notYet("proxies are", { ...refused, unless: (on) => !on })), {
      default: false,
      description: "Whether HTTP_PROXY, HTTPS_PROXY and NO_PROXY are followed",
      example: true,
    }),
    proxy_connect_header: optional(
      v.pipe(
        mapOf(oneOrMany(secret()), { keyProblem: (name) => headerNameProblem(name, "proxy_connect_header") }),
        notYet("proxies are", { ...refused, unless: (headers) => Object.keys(headers).length === 0 }),
      ),
      {
        description: "Headers sent to the proxy with CONNECT; their values count as secret",
        example: { "X-Site": ["7"] },
      },
    ),
  };
}

const authentications = ["basic_auth", "authorization", "oauth2", "bearer_token", "bearer_token_file"] as const;

interface ProxyArguments {
  readonly proxy_url?: Secret | undefined;
  readonly no_proxy?: string | undefined;
  readonly proxy_from_environment: boolean;
  readonly proxy_connect_header?: Readonly<Record<string, unknown>> | undefined;
}

interface Checked extends ProxyArguments {
  readonly basic_auth?: unknown;
  readonly authorization?: unknown;
  readonly oauth2?: unknown;
  readonly bearer_token?: unknown;
  readonly bearer_token_file?: unknown;
  readonly http_headers?: Readonly<Record<string, unknown>> | undefined;
}

/** The authentication arguments that are set. */
export function authenticationOf(args: Partial<Checked>): readonly string[] {
  return authentications.filter((name) => args[name] !== undefined);
}

/** The checks of the client's arguments against each other (reference 4.2). */
export function httpChecks<Input extends Checked>() {
  return crossCheck<Input>([], (args, report) => {
    const [first, ...more] = authenticationOf(args);
    for (const name of more)
      report([name], `only one of ${authentications.join(", ")} can be set; ${first} is set too`);
    if (first !== undefined)
      refuseAuthorizationHeader(args.http_headers, { report, beside: first, at: "http_headers" });
    checkProxy(args, report);
  });
}

/** Reports a header `Authorization` beside an authentication argument: one of the two would be lost. */
export function refuseAuthorizationHeader(
  headers: Readonly<Record<string, unknown>> | undefined,
  { report, beside, at }: { report: Report; beside: string; at: string },
): void {
  for (const name of Object.keys(headers ?? {}))
    if (name.toLowerCase() === "authorization")
      report([at, name], `an Authorization header cannot stand beside ${beside}; keep one of them`);
}

function proxyCheck<Input extends ProxyArguments>() {
  return crossCheck<Input>([], checkProxy);
}

function checkProxy(args: ProxyArguments, report: Report): void {
  const { proxy_url, no_proxy, proxy_from_environment, proxy_connect_header } = args;
  if (proxy_from_environment && proxy_url !== undefined)
    report(["proxy_url"], "cannot be set together with proxy_from_environment; keep one of them");
  if (proxy_from_environment && no_proxy)
    report(["no_proxy"], "cannot be set together with proxy_from_environment, which takes NO_PROXY");
  else if (no_proxy && proxy_url === undefined) report(["no_proxy"], "needs proxy_url");
  if (Object.keys(proxy_connect_header ?? {}).length > 0 && proxy_url === undefined && !proxy_from_environment)
    report(["proxy_connect_header"], "needs proxy_url or proxy_from_environment");
}

function notBoth(
  args: Readonly<Record<string, unknown>>,
  [one, other]: readonly [string, string],
  report: Report,
): void {
  if (args[one] !== undefined && args[other] !== undefined)
    report([other], `${one} and ${other} cannot both be set; keep one of them`);
}
