import type { Target } from "../../model/index.ts";
import type { SkippedObjects } from "../skipped-objects.ts";
import type { KeptEndpoints } from "./endpoints.ts";
import type { KeptSlice } from "./endpointslice.ts";
import type { KeptIngress } from "./ingress.ts";
import type { KeptNode } from "./node.ts";
import type { KeptMetadata } from "./object-labels.ts";
import type { KeptPod } from "./pod.ts";
import type { KeptService } from "./service.ts";

/** What is kept of each kind of object. */
export interface Kept {
  readonly pods: KeptPod;
  readonly services: KeptService;
  readonly endpoints: KeptEndpoints;
  readonly endpointslices: KeptSlice;
  readonly ingresses: KeptIngress;
  readonly nodes: KeptNode;
  readonly namespaces: KeptMetadata;
}

export type ResourceName = keyof Kept;

/** The objects that an object is put together with. What is looked at is remembered: when it changes, the targets are made anew. */
export interface Surroundings {
  /** By `namespace/name`, or the name alone of what has no namespace. */
  get<Name extends ResourceName>(resource: Name, key: string): Kept[Name] | undefined;
  /** Whether objects of this kind are read at all. */
  reads(resource: ResourceName): boolean;
  /** To be told of what becomes no target. */
  readonly skipped: SkippedObjects;
}

/** A role of discovery.kubernetes: the objects that it turns into targets. */
export interface Role<Name extends ResourceName = ResourceName> {
  readonly resource: Name;
  /** What else it looks at, beside nodes and namespaces. */
  readonly others: readonly ResourceName[];
  /** The targets of one object; a pure function of it and what it looks at. One by one: a small object can name millions. */
  readonly targets: (object: Kept[Name], around: Surroundings) => Iterable<Target>;
}
