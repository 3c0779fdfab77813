/**
 * runtime: what Bun and Deno do differently, behind one small interface. Listening for HTTP, locking a
 * file, and counting what is on the heap.
 *
 * Constraints: the only room that names `Bun` or `Deno`; imports nothing of ours; loads the module of the running host only.
 * Whatever `node:*` modules do alike on both (processes, files, sockets, the HTTP client) is not here.
 */
export { isDeno } from "./is-deno.ts";
export { ListenError, type ListenReason } from "./listen-error.ts";
export { loadRuntime } from "./load-runtime.ts";
export type { FileLock, HeapObjects, Listener, Peer, Runtime, ServeOptions } from "./runtime.ts";
