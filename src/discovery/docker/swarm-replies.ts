import * as v from "valibot";
import { count, flag, list, record, text } from "./reply-schemas.ts";

const port = v.object({ Name: text(), Protocol: text(), PublishedPort: count(), PublishMode: text() });
const ports = list(port);

const service = v.object({
  ID: v.string(),
  Spec: v.object({
    Name: text(),
    Labels: record(v.string()),
    TaskTemplate: v.nullish(v.object({ ContainerSpec: v.nullish(v.object({ Hostname: text(), Image: text() })) })),
    Mode: v.nullish(v.object({ Global: v.nullish(v.unknown()), Replicated: v.nullish(v.unknown()) })),
  }),
  Endpoint: v.nullish(v.object({ Ports: ports, VirtualIPs: list(v.object({ NetworkID: text(), Addr: text() })) })),
  UpdateStatus: v.nullish(v.object({ State: text() })),
});

const task = v.object({
  ID: v.string(),
  ServiceID: text(),
  NodeID: text(),
  Slot: count(),
  DesiredState: text(),
  Spec: v.nullish(v.object({ ContainerSpec: v.nullish(v.object({ Labels: record(v.string()) })) })),
  Status: v.nullish(
    v.object({
      State: text(),
      ContainerStatus: v.nullish(v.object({ ContainerID: text() })),
      PortStatus: v.nullish(v.object({ Ports: ports })),
    }),
  ),
  NetworksAttachments: list(v.object({ Network: v.nullish(v.object({ ID: text() })), Addresses: list(v.string()) })),
});

const node = v.object({
  ID: v.string(),
  Spec: v.object({ Role: text(), Availability: text(), Labels: record(v.string()) }),
  Description: v.nullish(
    v.object({
      Hostname: text(),
      Platform: v.nullish(v.object({ Architecture: text(), OS: text() })),
      Engine: v.nullish(v.object({ EngineVersion: text() })),
    }),
  ),
  Status: v.nullish(v.object({ State: text(), Addr: text() })),
  ManagerStatus: v.nullish(v.object({ Leader: flag(), Reachability: text(), Addr: text() })),
});

export const servicesReply = v.array(service);
export const tasksReply = v.array(task);
export const nodesReply = v.array(node);

export type SwarmPort = v.InferOutput<typeof port>;
export type SwarmService = v.InferOutput<typeof service>;
export type SwarmTask = v.InferOutput<typeof task>;
export type SwarmNode = v.InferOutput<typeof node>;
