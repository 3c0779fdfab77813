/** The configuration in force, and what became of the attempts to load another one. */
export interface ConfigStatus {
  /** SHA-256 of the file. */
  readonly hash: string;
  /** 1 at the start, and one more with every reload that took effect. */
  readonly generation: number;
  readonly loadedMs: number;
  /** Settings whose new value waits for a restart: `server.listen_address`. */
  readonly needsRestart: readonly string[];
  /** The last attempt, where it failed. */
  readonly failure?: { readonly atMs: number; readonly message: string } | undefined;
}

/** Why a configuration was not taken; doubles as a metric's label. */
export type ReloadRefusal = "unreadable" | "syntax" | "invalid" | "rejected" | "internal" | "no_file" | "stopping";

export type ReloadResult =
  | { readonly outcome: "applied" }
  | {
      readonly outcome: "refused";
      readonly reason: ReloadRefusal;
      /** Every problem on a line of its own. */
      readonly message: string;
      /** The same for programs, with file, line, column and key each, where the file is at fault. */
      readonly problems?: readonly object[];
    };
