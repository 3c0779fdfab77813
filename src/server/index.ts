/**
 * server: what the agent shows of itself over HTTP. Readiness, metrics, targets, components, stored profiles, a page for
 * people, and the agent's own profiles.
 *
 * Constraints: GET and HEAD read snapshots and change nothing. What changes something takes POST and stands behind the guard (guard.ts): a
 * token, or this machine only. Everything it shows was written by others (labels, error
 * texts, names), so it is escaped, and the page's Content-Security-Policy allows no script at all. No request holds more
 * than its answer; the page shows a bounded number of rows unless asked for all.
 *
 * Flow: request → headers and method → route → snapshots → JSON, HTML or bytes. Where an answer is JSON its errors are
 * JSON, `{"error": sentence}`; where it is made for tools that read profiles, errors are plain text in the form that
 * `go tool pprof` shows to its user.
 *
 * The Host header is not checked. A page that rebinds its name to 127.0.0.1 could read what is here, and a check would stop
 * that, but it would also stop every reverse proxy that passes the Host on (Caddy's default) and every alias in /etc/hosts;
 * browsers ask before a public page may reach the local network, and nothing that is read here is a secret. The guard does check it.
 *
 * It does not listen; `createApp` gives a fetch handler and src/runtime the listener. Reading needs no authentication.
 */
export { type App, type AppOptions, type BuildInfo, createApp, type Peer } from "./app.ts";
export type { ConfigStatus, ReloadRefusal, ReloadResult } from "./config-status.ts";
export { namesLoopback } from "./loopback.ts";
