import { backoffDelayMs, limits, sleep } from "../../base/index.ts";
import { httpWarnings } from "../../http/index.ts";
import { accountOf, createApiClient, type KubernetesAccount, KubernetesError } from "../../kubernetes/index.ts";
import { discoveryKind } from "../discovery-kind.ts";
import type { Finder, FinderContext, Report } from "../finder.ts";
import {
  type KubernetesArguments,
  kubernetesArguments,
  kubernetesWarnings,
  nodeOfFields,
  type RoleName,
} from "./arguments.ts";
import { endpointsRole } from "./endpoints.ts";
import { endpointsliceRole } from "./endpointslice.ts";
import { ingressRole } from "./ingress.ts";
import { nodeRole } from "./node.ts";
import { podRole } from "./pod.ts";
import type { Role } from "./role.ts";
import { RoleFinder } from "./role-finder.ts";
import { selectionsOf } from "./selections.ts";
import { serviceRole } from "./service.ts";

/** The kind `discovery.kubernetes` (reference 6.7): objects of a Kubernetes cluster, listed once and then watched. */
export const kubernetesKind = discoveryKind<KubernetesArguments>({
  name: "discovery.kubernetes",
  summary: "Finds targets in a Kubernetes cluster: pods, services, endpoints, endpoint slices, nodes or ingresses.",
  schema: kubernetesArguments,
  warnings: async (id, args) => {
    const { api_server } = args;
    const ofClient = api_server === undefined ? [] : await httpWarnings({ args, urls: [api_server] });
    return [...kubernetesWarnings(args), ...ofClient].map((warning) => `${id}: ${warning}`);
  },
  nodeLocal: (args) => (isOfOneNode(args) ? "it finds what is on one node" : undefined),
  find: findInKubernetes,
});

/** Whether only one node's pods, or one node, are looked for: there is then an agent for each. */
function isOfOneNode({ node_name, selectors = [] }: KubernetesArguments): boolean {
  return node_name !== undefined || selectors.some(({ role, field = "" }) => nodeOfFields(role, field) !== undefined);
}

// Each is a Role of its own resource, and all of them are run alike.
const roles = {
  pod: podRole,
  service: serviceRole,
  endpoints: endpointsRole,
  endpointslice: endpointsliceRole,
  node: nodeRole,
  ingress: ingressRole,
} as unknown as Readonly<Record<RoleName, Role>>;

function findInKubernetes(args: KubernetesArguments, context: FinderContext): Finder {
  const { clock, log, userAgent } = context;
  return {
    async run(signal, report) {
      const access = await untilAccess(args, { context, signal, report });
      if (!access) return;
      const client = createApiClient({ account: access.account, clock, log, userAgent });
      const role = roles[args.role];
      const wanted = selectionsOf({ args, role, namespaces: access.namespaces });
      try {
        await new RoleFinder({ client, role, roleName: args.role, wanted, clock, report }).run(signal);
      } finally {
        client.close();
      }
    },
  };
}

interface Access {
  readonly account: KubernetesAccount;
  /** `undefined` for all. */
  readonly namespaces: readonly string[] | undefined;
}

interface AccessOptions {
  readonly context: FinderContext;
  readonly signal: AbortSignal;
  readonly report: Report;
}

/** The account as soon as there is one: its files may come later than the agent. `undefined` where `signal` aborts first. */
async function untilAccess(args: KubernetesArguments, options: AccessOptions): Promise<Access | undefined> {
  const { context, signal, report } = options;
  for (let retry = 1; !signal.aborted; retry++) {
    try {
      const account = await accountOf(args);
      return { account, namespaces: namespacesOf(args, account) };
    } catch (thrown) {
      report.failed("", thrown);
    }
    await sleep(context.clock, backoffDelayMs(retry, limits.kubernetesBackoff), signal).catch(() => undefined);
  }
  return undefined;
}

function namespacesOf({ namespaces }: KubernetesArguments, account: KubernetesAccount): readonly string[] | undefined {
  const { names = [], own_namespace } = namespaces ?? {};
  if (own_namespace && account.namespace === undefined)
    throw new KubernetesError("no_account", "Cannot look in the agent's own namespace: its pod has no namespace file");
  const all = new Set([...names, ...(own_namespace && account.namespace ? [account.namespace] : [])]);
  return all.size === 0 ? undefined : [...all];
}
