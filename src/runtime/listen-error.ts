/** Why an address cannot be listened on. */
export type ListenReason = "address_in_use" | "not_permitted" | "no_such_address" | "failed";

/** Formed like base's AgentError; its own class, because this room rests on nothing of ours. */
export class ListenError extends Error {
  readonly reason: ListenReason;

  constructor(reason: ListenReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ListenError";
    this.reason = reason;
  }
}

const causes: Readonly<Record<string, readonly [reason: ListenReason, cause: string]>> = {
  EADDRINUSE: ["address_in_use", "another process listens there; stop it or choose another port"],
  EACCES: ["not_permitted", "the system does not permit it; ports below 1024 need privileges, choose a higher one"],
  EADDRNOTAVAIL: ["no_such_address", "no network interface of this machine has the address"],
  // Bun reports a name that does not resolve in this way.
  EINVAL: ["no_such_address", "this is neither an address nor a name that resolves on this machine"],
};

/** The error for an address that could not be listened on, from what the host threw. */
export function listenError(thrown: unknown, { hostname, port }: { hostname: string; port: number }): ListenError {
  const { code, message } = thrown as { code?: string; message?: string };
  const [reason, cause] = causes[code ?? ""] ?? ["failed", message ?? String(thrown)];
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return new ListenError(reason, `Cannot listen on "${host}:${port}": ${cause}`, { cause: thrown });
}
