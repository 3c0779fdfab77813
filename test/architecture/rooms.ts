/**
 * The rooms of src/ and what each may import: the table of DESIGN, "Flow and rooms", with the reason for each line. Adding a
 * room is adding a line; a room that does not exist yet may have one.
 */
export interface Room {
  /** Rooms whose door it may import. */
  readonly may: readonly string[];
  /** Why not more; printed when the rule is broken. */
  readonly why: string;
}

const foundation = [
  "base",
  "model",
  "schema",
  "runtime",
  "gen",
  "observability",
  "pprof",
  "relabel",
  "http",
  "kubernetes",
  "storage",
];

const kind: Room = {
  may: [...foundation, "component", "cluster"],
  why: "component kinds meet in model and never import each other, so that adding or removing one touches no other",
};

/** By folder under src/; a file belongs to the longest folder that holds it. */
export const rooms: Readonly<Record<string, Room>> = {
  base: { may: [], why: "everything rests on base, so base rests on nothing of ours" },
  model: { may: ["base"], why: "the nouns that components exchange must not know who exchanges them" },
  schema: {
    may: ["base", "model"],
    why: "every room with arguments makes their schema of these blocks, http included",
  },
  runtime: { may: [], why: "what Bun and Deno do differently stays behind one small interface, free of our concepts" },
  gen: { may: [], why: "generated code is never edited and needs @bufbuild/protobuf only" },
  observability: { may: ["base"], why: "log and metrics are handed to every room, so they may know none" },
  pprof: { may: ["base", "model", "gen"], why: "bytes in, verdict or bytes out: no clock, no network, no component" },
  relabel: { may: ["base", "model", "schema"], why: "relabelling is a pure function of labels and rules" },
  http: {
    may: ["base", "schema", "runtime", "observability"],
    why: "the one client carries requests and must not know what for",
  },
  kubernetes: {
    may: ["base", "schema", "http", "observability"],
    why: "accounts and objects of the API server, for discovery and for leases alike; what objects mean is theirs to know",
  },
  storage: {
    may: ["base", "runtime", "observability"],
    why: "the data directory keeps records and must not know whose",
  },
  component: {
    may: ["base", "model", "schema", "observability", "storage"],
    why: "the graph runs components by their contract, which hands them the data directory, and must not know a kind",
  },
  cluster: {
    may: ["base", "model", "schema", "http", "kubernetes", "observability"],
    why: "ownership is decided on addresses, not on components; its own table [cluster] is made of the blocks of schema",
  },
  discovery: kind,
  pyroscope: kind,
  "pyroscope/scrape": kind,
  "pyroscope/store": kind,
  "pyroscope/write": kind,
  phlare: kind,
  "phlare/scrape": {
    may: [...kind.may, "pyroscope/scrape"],
    why: "phlare.scrape is pyroscope.scrape under its older name: the one kind that is made from another",
  },
  config: {
    may: ["base", "schema", "component", "cluster"],
    why: "the loader is handed the kinds; it must work for any list of them. [cluster] is the one table of settings that a room defines",
  },
  selfprofile: { may: ["base", "pprof", "runtime"], why: "the agent profiles itself with what it has for others" },
  server: {
    may: ["base", "model", "component", "observability", "selfprofile"],
    why: "the debug side reads snapshots; reaching into a component would tie its page to that component's insides",
  },
  cli: { may: ["*"], why: "commands compose everything" },
  // src/agent.ts and src/main.ts.
  "": { may: ["*"], why: "composition" },
};

/** Packages and modules that only some rooms may load. */
export const libraries: readonly { readonly name: RegExp; readonly rooms: readonly string[]; readonly why: string }[] =
  [
    {
      name: /^prom-client/,
      rooms: ["observability"],
      why: "its index costs 12 MB; rooms are handed a Metrics",
    },
    {
      name: /^hono/,
      rooms: ["server", "selfprofile"],
      why: "nothing but the debug side answers requests",
    },
    {
      name: /^node:(http|https|http2|tls)$/,
      rooms: ["http", "server", "runtime"],
      why: "there is one client and one listener, so that limits and TLS are decided once",
    },
    {
      name: /^bun(:|$)/,
      rooms: ["runtime"],
      why: "the same source runs under Deno",
    },
  ];
