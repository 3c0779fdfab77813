import type { Context } from "hono";
import { Hono } from "hono/tiny";
import { addComponentRoutes } from "./component-routes.ts";
import { addDebugRoutes } from "./debug-routes.ts";
import type { AppOptions } from "./options.ts";
import { addPage } from "./page/page.ts";
import { addProfileRoutes } from "./profile-routes.ts";
import { RequestError } from "./request-error.ts";
import { addTargetRoutes } from "./target-routes.ts";

export type { AppOptions, BuildInfo } from "./options.ts";

/** A fetch handler; `src/runtime` puts it behind a socket. */
export interface App {
  fetch(request: Request): Response | Promise<Response>;
}

/** The agent's HTTP surface. Serving starts and ends with the listener; the app holds nothing. */
export function createApp(options: AppOptions): App {
  const app = new Hono();
  app.use((c, next) => readOnly(c, next));
  app.get("/-/healthy", (c) => c.text("Healthy\n"));
  app.get("/-/ready", (c) => (options.ready() ? c.text("Ready\n") : c.text("Not ready: still starting\n", 503)));
  app.get("/metrics", async (c) => {
    c.header("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    return c.body(await options.metrics.text());
  });
  addTargetRoutes(app, options);
  addComponentRoutes(app, options);
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
  return { fetch: (request) => app.fetch(request) };
}

/** Refuses what would change something, and tells browsers to do nothing with an answer but show it. */
async function readOnly(c: Context, next: () => Promise<void>): Promise<void> {
  if (c.req.method === "GET" || c.req.method === "HEAD") await next();
  else c.res = c.text("Only GET and HEAD are answered here\n", 405, { Allow: "GET, HEAD" });
  const headers = c.res.headers;
  headers.set("Cache-Control", "no-store");
  headers.set("X-Content-Type-Options", "nosniff");
  headers.set("Referrer-Policy", "no-referrer");
  headers.set("Cross-Origin-Resource-Policy", "same-origin");
  if (!headers.has("Content-Security-Policy"))
    headers.set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
  if (c.req.method === "HEAD") await announceLength(c.res);
}

/** HEAD is answered as GET, without its body, whose length the host would take for 0. */
async function announceLength({ headers, body }: Response): Promise<void> {
  // An answer that is not made for HEAD has no length yet.
  if (headers.has("Transfer-Encoding")) return;
  const { byteLength } = await new Response(body).arrayBuffer();
  headers.set("Content-Length", String(byteLength));
}

function answerError(c: Context, error: RequestError): Response {
  if (answersJson(c.req.path)) return c.json({ error: error.message, ...error.details }, error.status);
  // The header makes `go tool pprof` show the text instead of the bare status.
  return c.text(`${error.message}\n`, error.status, { "X-Go-Pprof": "1" });
}

function answersJson(path: string): boolean {
  return path.startsWith("/api/") && !path.startsWith("/api/v0/profiles/");
}
