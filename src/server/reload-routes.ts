import type { Context } from "hono";
import type { Hono } from "hono/tiny";
import type { ConfigStatus, ReloadRefusal } from "./config-status.ts";
import { createGuard } from "./guard.ts";
import { configJson } from "./json.ts";
import type { AppOptions } from "./options.ts";
import { RequestError, type RequestErrorReason, wantsJson } from "./request-error.ts";

const statuses: Readonly<Record<ReloadRefusal, RequestErrorReason>> = {
  unreadable: "bad_configuration",
  syntax: "bad_configuration",
  invalid: "bad_configuration",
  rejected: "bad_configuration",
  internal: "internal",
  no_file: "nothing_to_reload",
  stopping: "unavailable",
};

/** `POST /-/reload`: answers when the file is in force, or with what is wrong with it. */
export function addReloadRoutes(app: Hono, options: AppOptions): void {
  app.post("/-/reload", createGuard(options), async (c) => {
    const result = await options.reload();
    if (result.outcome === "applied") return answerApplied(c, options.config());
    const { reason, message, problems } = result;
    throw new RequestError(statuses[reason], message, { reason, problems });
  });
}

function answerApplied(c: Context, status: ConfigStatus): Response {
  if (wantsJson(c)) return c.json(configJson(status));
  const waiting = status.needsRestart.map((setting) => `${setting} takes effect after a restart\n`);
  return c.text(`Reloaded: generation ${status.generation}, sha256 ${status.hash}\n${waiting.join("")}`);
}
