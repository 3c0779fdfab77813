/**
 * relabel: rules that change, keep or drop label sets; a pure function. So far only their arguments, so that `rule` tables are
 * known wherever they will be taken.
 */
export { relabelRule } from "./arguments.ts";
