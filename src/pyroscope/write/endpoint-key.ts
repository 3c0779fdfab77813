import type { EndpointArguments } from "./pusher.ts";

/** Whom a queue belongs to, over reloads and restarts: the endpoint's name, else its URL and tenant. */
export function endpointKey({ name, url, headers }: Pick<EndpointArguments, "name" | "url" | "headers">): string {
  return name === undefined ? unnamedKey({ url, headers }) : JSON.stringify([name]);
}

/**
 * Whose queue is the endpoint's own once they are gone: without the name that it was given; and without the tenant, for want of which a
 * server refuses everything.
 */
export function formerKeys(endpoint: Pick<EndpointArguments, "name" | "url" | "headers">): readonly string[] {
  const { url, headers } = endpoint;
  const key = endpointKey(endpoint);
  const keys = new Set([unnamedKey({ url, headers }), unnamedKey({ url, headers: {} })]);
  return [...keys].filter((former) => former !== key);
}

function unnamedKey({ url, headers }: Pick<EndpointArguments, "url" | "headers">): string {
  const tenant = Object.entries(headers).find(([header]) => header.toLowerCase() === "x-scope-orgid")?.[1];
  return JSON.stringify([url, tenant]);
}

/** What an endpoint of that key is called where it is shown: its name, else its URL with the tenant, if any. */
export function ownerName(key: string): string {
  try {
    const [name, tenant] = JSON.parse(key) as [unknown, unknown?];
    return typeof tenant === "string" ? `${String(name)} (X-Scope-OrgID: ${tenant})` : String(name);
  } catch {
    // Written by another version of the agent.
    return key;
  }
}
