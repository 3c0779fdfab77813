import * as v from "valibot";
import {
  argument,
  crossCheck,
  filePath,
  httpUrlProblem,
  mapOf,
  oneOrMany,
  optional,
  type Report,
  secret,
  table,
  text,
  word,
} from "../../schema/index.ts";
import { reportBoth } from "../report-both.ts";
import { checkProxy, proxyArguments } from "../proxy/proxy-arguments.ts";
import { tlsArguments } from "../tls/tls-arguments.ts";

export interface AuthenticationOptions {
  /** Takes the spelling of `phlare.scrape` too: `credential` (seed 001). */
  readonly oldSpellings?: boolean;
}

/** The arguments of which at most one may be set. */
export function authenticationArguments({ oldSpellings = false }: AuthenticationOptions) {
  return {
    bearer_token: optional(secret(), {
      description: "Bearer token to authenticate with",
      example: "${TOKEN}",
    }),
    bearer_token_file: optional(filePath(), {
      description: "File that holds a bearer token; read again when it changes",
      example: "token",
    }),
    basic_auth: optional(basicAuth(), { description: "Authenticates with a user name and a password" }),
    authorization: optional(authorization(oldSpellings), {
      description: "Authenticates with an Authorization header of any type",
    }),
    oauth2: optional(oauth2(), {
      description: "Authenticates with a token fetched from an OAuth2 server (grant client_credentials)",
    }),
  };
}

const names = ["basic_auth", "authorization", "oauth2", "bearer_token", "bearer_token_file"] as const;

export type Authentications = { readonly [Name in (typeof names)[number]]?: unknown };

const headerArguments = ["headers", "http_headers"] as const;

type Headers = Readonly<Record<(typeof headerArguments)[number], Readonly<Record<string, unknown>> | undefined>>;

/** The authentication arguments that are set. */
export function authenticationOf(args: Authentications): readonly string[] {
  return names.filter((name) => args[name] !== undefined);
}

/** Reports a second authentication, and a header `Authorization` beside the first: one of the two would be lost. */
export function checkAuthentication(args: Authentications & Partial<Headers>, report: Report): void {
  const [first, ...more] = authenticationOf(args);
  if (first === undefined) return;
  for (const name of more) report([name], `only one of ${names.join(", ")} can be set; ${first} is set too`);
  for (const at of headerArguments)
    for (const name of Object.keys(args[at] ?? {}))
      if (name.toLowerCase() === "authorization")
        report([at, name], `an Authorization header cannot stand beside ${first}; keep one of them`);
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
    crossCheck([], (args, report) => reportBoth(args, ["password", "password_file"], report)),
  );
}

const authorizationEntries = {
  type: optional(text(), { default: "Bearer", description: "Type of the header", example: "Bearer" }),
  credentials: optional(secret(), { description: "What stands behind the type", example: "${TOKEN}" }),
  credentials_file: optional(filePath(), {
    description: "File that holds the credentials; read again when it changes",
    example: "credentials",
  }),
};

const oldAuthorizationEntries = {
  ...authorizationEntries,
  credential: optional(secret(), { description: "`credentials` in its older spelling", example: "${TOKEN}" }),
};

type WrittenAuthorization = v.InferOutput<ReturnType<typeof table<typeof oldAuthorizationEntries>>>;

function authorization(oldSpellings: boolean) {
  const schema: v.GenericSchema<unknown, WrittenAuthorization> = oldSpellings
    ? table(oldAuthorizationEntries)
    : table(authorizationEntries);
  return v.pipe(
    schema,
    crossCheck(["type"], ({ type }, report) => {
      if (type.trim().toLowerCase() === "basic")
        report(["type"], 'is "basic": use basic_auth with username and password instead');
    }),
    crossCheck([], (args, report) => {
      reportBoth(args, ["credentials", "credentials_file"], report);
      reportBoth(args, ["credential", "credentials"], report);
      reportBoth(args, ["credential", "credentials_file"], report);
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
      endpoint_params: optional(mapOf(secret()), {
        description: "Further parameters of the token request",
        example: { audience: "pyroscope" },
      }),
      tls_config: optional(tlsArguments(), { description: "How the token URL is reached over TLS" }),
      ...proxyArguments(),
    }),
    crossCheck([], (args, report) => {
      reportBoth(args, ["client_secret", "client_secret_file"], report);
      if (args.client_secret === undefined && args.client_secret_file === undefined)
        report([], "needs a client_secret or a client_secret_file");
      if (args.client_secret?.reveal() === "") report(["client_secret"], "must not be empty");
      if (args.scopes?.length && args.endpoint_params?.scope)
        report(["endpoint_params", "scope"], "cannot stand beside scopes, which it would replace; keep one of them");
      checkProxy(args, report);
    }),
  );
}

function tokenUrl() {
  return v.pipe(
    text(),
    v.rawCheck(({ dataset, addIssue }) => {
      const problem = dataset.typed ? httpUrlProblem(dataset.value) : undefined;
      if (problem !== undefined) addIssue({ message: problem });
    }),
    v.check((url) => {
      const { username, password } = URL.parse(url) ?? { username: "", password: "" };
      return username === "" && password === "";
    }, "must not hold a user name or password: use client_id and client_secret"),
  );
}
