import type { EndpointArguments } from "./pusher.ts";

/** Whom a queue belongs to, over reloads and restarts: the endpoint's name, else its URL and tenant. */
export function endpointKey({ name, url, headers }: Pick<EndpointArguments, "name" | "url" | "headers">): string {
  return name === undefined ? unnamedKey({ url, headers }) : JSON.stringify([name]);
}

/** Whom the queue of the endpoint would belong to if it had no name. */
export function unnamedKey({ url, headers }: Pick<EndpointArguments, "url" | "headers">): string {
  const tenant = Object.entries(headers).find(([header]) => header.toLowerCase() === "x-scope-orgid")?.[1];
  return JSON.stringify([url, tenant]);
}

/** What an endpoint of that key is called where it is shown: its name, else its URL. */
export function ownerName(key: string): string {
  try {
    const [name] = JSON.parse(key) as [unknown];
    return String(name);
  } catch {
    // Written by another version of the agent.
    return key;
  }
}
