import type { ClusterMember } from "../model/index.ts";

/** What an agent tells the others of itself; the name stands in the key. */
export function encodeMember({ instance, url, startedMs }: ClusterMember): string {
  return JSON.stringify({
    instance,
    url,
    ...(startedMs !== undefined && { started: new Date(startedMs).toISOString() }),
  });
}

/** Reads it. Whoever has a record is a member, even where a later version or somebody's hand wrote what cannot be understood. */
export function decodeMember(name: string, text: string): ClusterMember {
  const { instance, url, started } = parsed(text);
  const startedMs = typeof started === "string" ? Date.parse(started) : Number.NaN;
  return {
    name,
    instance: typeof instance === "string" ? instance : "",
    // It becomes a link.
    url: typeof url === "string" && /^https?:\/\//.test(url) ? url : "",
    ...(!Number.isNaN(startedMs) && { startedMs }),
  };
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
