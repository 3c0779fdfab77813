import type { EndpointArguments } from "./pusher.ts";

/** Whom a queue belongs to, over reloads and restarts: the endpoint's name, else its URL and tenant. */
export function endpointKey({ name, url, headers }: Pick<EndpointArguments, "name" | "url" | "headers">): string {
  return name === undefined ? unnamedKey({ url, headers }) : JSON.stringify([name]);
}

type Keyed = Pick<EndpointArguments, "name" | "url" | "headers">;

/** Whose queue is that of an endpoint which was given a name, once they are gone. */
export function keysWithoutName({ url, headers }: Keyed): readonly string[] {
  return [unnamedKey({ url, headers })];
}

/** The same of one which may have been given a tenant too, for want of which a server refuses everything. */
export function keysWithoutTenant({ url, headers }: Keyed): readonly string[] {
  return [...new Set([unnamedKey({ url, headers }), unnamedKey({ url, headers: {} })])];
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
