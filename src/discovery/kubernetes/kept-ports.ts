import { limits } from "../../base/index.ts";

export interface KeptPort {
  readonly name: string;
  readonly number: number;
  readonly protocol: string;
}

/** What is kept of the ports that something declares: whoever declares a range of thousands means no pprof by it. */
export interface KeptPorts<Port> {
  /** The first `limits.containerPorts`. */
  readonly ports: readonly Port[];
  /** How many more there are: `too_many_ports`. */
  readonly morePorts: number;
}

export function keepPorts<Port>(declared: readonly unknown[], keep: (port: unknown) => Port): KeptPorts<Port> {
  const ports = declared.slice(0, limits.containerPorts).map(keep);
  return { ports, morePorts: declared.length - ports.length };
}
