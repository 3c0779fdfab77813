import type { Context } from "hono";
import type { Hono } from "hono/tiny";
import { preview } from "../base/index.ts";
import { SelfProfileError, selfProfileLimits } from "../selfprofile/index.ts";
import type { AppOptions } from "./options.ts";
import { badParameter } from "./parameters.ts";
import { answerProfile } from "./profile-answer.ts";
import { RequestError } from "./request-error.ts";

// How long Go records when the request does not say.
const usualSeconds = 30;

const index = `The agent's own profiles, in pprof format:

  /debug/pprof/profile?seconds=30   CPU: what the agent's code was doing, 1 to ${selfProfileLimits.cpuSeconds} seconds
  /debug/pprof/heap                 memory in use
  /debug/pprof/allocs               the same; no JavaScript runtime counts what was allocated and freed again

Open one with: go tool pprof http://…/debug/pprof/profile?seconds=10
A JavaScript runtime has no block, mutex, goroutine, threadcreate and fgprof profile.
`;

const absent = [
  "/debug/pprof/block",
  "/debug/pprof/mutex",
  "/debug/pprof/goroutine",
  "/debug/pprof/threadcreate",
  "/debug/fgprof",
];

/** Enough of a profile for the headers of the real one. */
const beginOfGzip = Uint8Array.of(0x1f, 0x8b);

/**
 * `/debug/pprof/…`: the paths, parameters and words of Go's net/http/pprof, as far as a JavaScript runtime can answer.
 * Parameters it does not know are ignored, as Go does: a scrape's `params` go to every target.
 */
export function addDebugRoutes(app: Hono, { selfProfile }: AppOptions): void {
  // The router takes this for "/debug/pprof/" too.
  app.get("/debug/pprof", (c) => c.text(index));
  app.get("/debug/pprof/profile", (c) => {
    const seconds = secondsOf(c.req.query("seconds"));
    return answer(c, "profile", () => selfProfile.cpu({ seconds, signal: c.req.raw.signal }));
  });
  // "seconds" (Go: the difference over that time) and "gc" ask for nothing here: there is no column that accumulates.
  for (const name of ["heap", "allocs"])
    app.get(`/debug/pprof/${name}`, (c) => answer(c, name, () => selfProfile.heap()));
  for (const path of absent)
    app.get(path, () => {
      const name = path.slice(path.lastIndexOf("/") + 1);
      const what = `Cannot take a "${name}" profile: a JavaScript runtime has no such profile`;
      throw new RequestError("not_found", `${what}; /debug/pprof/ lists those it has`);
    });
}

function secondsOf(text: string | undefined): number {
  if (text === undefined) return usualSeconds;
  const seconds = Number(text);
  if (/^\d+$/.test(text) && seconds >= 1 && seconds <= selfProfileLimits.cpuSeconds) return seconds;
  const expected = `a whole number from 1 to ${selfProfileLimits.cpuSeconds}`;
  throw badParameter(`Parameter "seconds" is ${expected}, not "${preview(text)}"`);
}

async function answer(c: Context, name: string, take: () => Promise<Uint8Array>): Promise<Response> {
  const debug = c.req.query("debug") ?? "0";
  if (debug !== "0")
    throw badParameter('Parameter "debug" is 0: profiles have no text form here; open them in go tool pprof');
  try {
    if (c.req.method !== "HEAD") return answerProfile(c, await take(), name);
    // Must not occupy the only profiler to throw its work away, so that the length is not known.
    c.header("Transfer-Encoding", "chunked");
    return answerProfile(c, beginOfGzip, name);
  } catch (thrown) {
    if (thrown instanceof SelfProfileError) throw new RequestError("cannot_profile", thrown.message);
    // The client has gone, so nobody reads this; the status is the one that proxies log for it.
    if (c.req.raw.signal.aborted) return new Response(null, { status: 499 });
    throw thrown;
  }
}
