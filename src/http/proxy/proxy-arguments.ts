import { flag, mapOf, oneOrMany, optional, type Report, secret, secretUrl, text } from "../../schema/index.ts";
import { headerNameProblem } from "../header-names.ts";

/** socks5h is socks5: the proxy looks names up either way. */
export const proxySchemes = ["http", "https", "socks5", "socks5h"] as const;

/** The arguments that say which proxy requests go through; those of the token request of `oauth2` are the same. */
export function proxyArguments() {
  return {
    proxy_url: optional(secretUrl(proxySchemes), {
      description: "Proxy to send requests through",
      example: "http://proxy.example.com:3128",
    }),
    no_proxy: optional(text(), {
      description: "Comma-separated IP addresses, CIDR blocks and host names that are reached without the proxy",
      example: "localhost,10.0.0.0/8",
    }),
    proxy_from_environment: optional(flag(), {
      default: false,
      description: "Whether HTTP_PROXY, HTTPS_PROXY and NO_PROXY are followed",
      example: true,
    }),
    proxy_connect_header: optional(
      mapOf(oneOrMany(secret()), { keyProblem: (name) => headerNameProblem(name, "proxy_connect_header") }),
      {
        description: "Headers sent to the proxy with CONNECT; their values count as secret",
        example: { "X-Site": ["7"] },
      },
    ),
  };
}

export interface ProxyValues {
  readonly proxy_url?: unknown;
  readonly no_proxy?: string | undefined;
  readonly proxy_from_environment: boolean;
  readonly proxy_connect_header?: Readonly<Record<string, unknown>> | undefined;
}

/** Reports proxy arguments that contradict or need each other (reference 4.2). */
export function checkProxy(args: ProxyValues, report: Report): void {
  const { proxy_url, no_proxy, proxy_from_environment, proxy_connect_header = {} } = args;
  if (proxy_from_environment && proxy_url !== undefined)
    report(["proxy_url"], "cannot be set together with proxy_from_environment; keep one of them");
  if (proxy_from_environment && no_proxy)
    report(["no_proxy"], "cannot be set together with proxy_from_environment, which takes NO_PROXY");
  else if (no_proxy && proxy_url === undefined) report(["no_proxy"], "needs proxy_url");
  if (Object.keys(proxy_connect_header).length > 0 && proxy_url === undefined && !proxy_from_environment)
    report(["proxy_connect_header"], "needs proxy_url or proxy_from_environment");
}
