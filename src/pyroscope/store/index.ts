/**
 * pyroscope/store: the component kind `pyroscope.store`, the receiver that needs no server.
 *
 * Flow: receiver → shelf (the newest profiles, bounded by bytes and age) → list, get, merge for the page, the API and the CLI.
 *
 * Constraints: keeps what it is handed byte for byte; memory is bounded by `max_bytes`, one merge by `storeLimits`.
 *
 * It does not push, and keeps nothing over a restart.
 */
export { type StoreArguments, storeArguments } from "./arguments.ts";
export { storeKind } from "./kind.ts";
