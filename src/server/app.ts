import type { Context } from "hono";
import { Hono } from "hono/tiny";
import { addClusterRoutes } from "./cluster-routes.ts";
import { addComponentRoutes } from "./component-routes.ts";
import { addDebugRoutes } from "./debug-routes.ts";
import type { AppOptions, Peer } from "./options.ts";
import { addPage } from "./page/page.ts";
import { addProfileRoutes } from "./profile-routes.ts";
import { addReloadRoutes } from "./reload-routes.ts";
import { RequestError, wantsJson } from "./request-error.ts";
import { addStatusRoutes } from "./status-routes.ts";
import { addTargetRoutes } from "./target-routes.ts";

export type { AppOptions, BuildInfo, Peer } from "./options.ts";

/** A fetch handler; `src/runtime` puts it behind a socket. */
export interface App {
  fetch(request: Request, peer?: Peer): Response | Promise<Response>;
}

/** The agent's HTTP surface. Serving starts and ends with the listener; the app holds nothing. */
export function createApp(options: AppOptions): App {
  const app = new Hono();
  app.use((c, next) => withHeaders(c, next));
  app.get("/-/healthy", (c) => c.text("Healthy\n"));
  app.get("/-/ready", (c) => (options.ready() ? c.text("Ready\n") : c.text(notReady(options), 503)));
  app.get("/metrics", async (c) => {
    c.header("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    return c.body(await options.metrics.text());
  });
  addReloadRoutes(app, options);
  addStatusRoutes(app, options);
  addTargetRoutes(app, options);
  addComponentRoutes(app, options);
  addClusterRoutes(app, options);
  addProfileRoutes(app, options);
  addDebugRoutes(app, options);
  addPage(app, options);
  app.notFound((c) =>
    answerError(c, new RequestError("not_found", `Nothing at "${c.req.path}"; "/" shows what is here`)),
  );
  app.onError((error, c) => {
    if (error instanceof RequestError) return answerError(c, error);
    options.log.error("Could not answer a request", { path: c.req.path, err: error });
    return c.text("Could not answer: an error inside the agent, see its log\n", 500);
  });
  return { fetch: (request, peer) => app.fetch(request, peer) };
}

function notReady(options: AppOptions): string {
  return `Not ready: ${options.stopping() ? "stopping" : "still starting"}\n`;
}

/** Answers the methods that an address takes, and tells browsers to do nothing with an answer but show it. */
async function withHeaders(c: Context, next: () => Promise<void>): Promise<void> {
  const refusal = hostRefusal(c) ?? methodRefusal(c);
  if (refusal) c.res = refusal;
  else await next();
  const headers = c.res.headers;
  headers.set("Cache-Control", "no-store");
  headers.set("X-Content-Type-Options", "nosniff");
  headers.set("Referrer-Policy", "no-referrer");
  headers.set("Cross-Origin-Resource-Policy", "same-origin");
  if (!headers.has("Content-Security-Policy"))
    headers.set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
  if (c.req.method === "HEAD") await announceLength(c.res);
}

/** Without a host, "[" for one, a request has no URL. */
function hostRefusal(c: Context): Response | undefined {
  if (URL.canParse(c.req.url)) return undefined;
  return answerError(c, new RequestError("bad_request", 'The header "Host" names no host'));
}

/** What changes something, and so takes POST only: links, previews and crawlers send GET. */
const changing: ReadonlySet<string> = new Set(["/-/reload"]);

function methodRefusal(c: Context): Response | undefined {
  const { method, path } = c.req;
  if (changing.has(path)) {
    if (method === "POST") return undefined;
    return c.text(
      `Only POST is answered here, because it changes something: curl -X POST ${c.req.url.split("?")[0]}\n`,
      405,
      {
        Allow: "POST",
      },
    );
  }
  if (method === "GET" || method === "HEAD") return undefined;
  return c.text("Only GET and HEAD are answered here\n", 405, { Allow: "GET, HEAD" });
}

/** HEAD is answered as GET, without its body, whose length the host would take for 0. */
async function announceLength({ headers, body }: Response): Promise<void> {
  // An answer that is not made for HEAD has no length yet.
  if (headers.has("Transfer-Encoding")) return;
  const { byteLength } = await new Response(body).arrayBuffer();
  headers.set("Content-Length", String(byteLength));
}

function answerError(c: Context, error: RequestError): Response {
  if (wantsJson(c)) return c.json({ error: error.message, ...error.details }, error.status);
  // The header makes `go tool pprof` show the text instead of the bare status.
  return c.text(`${error.message}\n`, error.status, { "X-Go-Pprof": "1" });
}
