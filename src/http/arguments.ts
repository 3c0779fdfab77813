import type * as v from "valibot";
import { crossCheck, flag, mapOf, oneOrMany, optional, secret } from "../schema/index.ts";
import {
  authenticationArguments,
  type AuthenticationOptions,
  type Authentications,
  checkAuthentication,
} from "./credentials/authentication-arguments.ts";
import { headerNameProblem } from "./header-names.ts";
import { checkProxy, type ProxyValues, proxyArguments } from "./proxy/proxy-arguments.ts";
import { tlsArguments } from "./tls/tls-arguments.ts";

export type HttpArgumentsOptions = AuthenticationOptions;

/**
 * The arguments of the HTTP client, to be spread into the table of whoever makes requests (reference 4.1); `httpChecks` belongs
 * behind that table.
 */
export function httpArguments(options: HttpArgumentsOptions = {}) {
  return {
    ...authenticationArguments(options),
    tls_config: optional(tlsArguments(), { description: "How https:// connections are made" }),
    ...proxyArguments(),
    follow_redirects: optional(flag(), {
      default: true,
      description: "Whether redirects are followed; if not, they count as errors",
      example: false,
    }),
    enable_http2: optional(flag(), {
      default: true,
      description: "Whether HTTP/2 is spoken with servers that offer it over TLS",
      example: false,
    }),
    http_headers: optional(
      mapOf(oneOrMany(secret()), { keyProblem: (name) => headerNameProblem(name, "http_headers") }),
      {
        description: "Headers sent with every request; all their values count as secret",
        example: { "X-Site": ["7"] },
      },
    ),
  };
}

/** What the client needs of the arguments of whoever makes requests; what is missing has its default. */
export type HttpArguments = Partial<v.InferOutput<v.StrictObjectSchema<ReturnType<typeof httpArguments>, undefined>>>;

/** Those of a component's arguments that are the client's. */
export function httpArgumentsOf(args: HttpArguments): HttpArguments {
  return Object.fromEntries(Object.entries(args).filter(([name]) => argumentNames.has(name)));
}

const argumentNames: ReadonlySet<string> = new Set(Object.keys(httpArguments()));

interface Checked extends Authentications, ProxyValues {
  readonly http_headers?: Readonly<Record<string, unknown>> | undefined;
  /** The headers of an endpoint, which win over `http_headers`. */
  readonly headers?: Readonly<Record<string, unknown>> | undefined;
}

/** The checks of the client's arguments against each other (reference 4.2). */
export function httpChecks<Input extends Checked>() {
  return crossCheck<Input>([], (args, report) => {
    checkAuthentication(args, report);
    checkProxy(args, report);
  });
}
