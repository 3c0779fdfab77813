import * as v from "valibot";
import { crossCheck, flag, mapOf, notYet, oneOrMany, optional, secret } from "../schema/index.ts";
import {
  authenticationArguments,
  type AuthenticationOptions,
  type Authentications,
  checkAuthentication,
} from "./authentication-arguments.ts";
import { headerNameProblem } from "./header-names.ts";
import { checkProxy, type ProxyValues, proxyArguments } from "./proxy-arguments.ts";
import { asksForDefaultTls, tlsArguments } from "./tls-arguments.ts";

export type HttpArgumentsOptions = AuthenticationOptions;

/**
 * The arguments of the HTTP client, to be spread into the table of whoever makes requests (reference 4.1); `httpChecks` belongs
 * behind that table. What is not carried out yet is refused unless it asks for what already happens.
 */
export function httpArguments(options: HttpArgumentsOptions = {}) {
  return {
    ...authenticationArguments(options),
    tls_config: optional(v.pipe(tlsArguments(), notYet("TLS settings are", { unless: asksForDefaultTls })), {
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
        notYet("http_headers are", { unless: (headers) => Object.keys(headers).length === 0, advice: "remove them" }),
      ),
      {
        description: "Headers sent with every request; all their values count as secret",
        example: { "X-Site": ["7"] },
      },
    ),
  };
}

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
