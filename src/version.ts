import packageJson from "../package.json" with { type: "json" };

// Put in by build.ts; a run from source has none.
declare const AGENT_COMMIT: string | undefined;

/** `0.1.0` */
export const version: string = packageJson.version;
/** The commit of the binary, `unknown` where it runs from source. */
export const commit: string = typeof AGENT_COMMIT === "undefined" ? "unknown" : AGENT_COMMIT;
export const userAgent = `pprof-agent/${version}`;
