import { systemClock } from "../../src/base/index.ts";
import { createHttpClient } from "../../src/http/index.ts";
import { Secret } from "../../src/base/index.ts";

/** Changes objects of a cluster as kubelets, controllers and people do. */
export interface KubernetesApi {
  isReady(): Promise<boolean>;
  /** Creates the object at `/api/v1/namespaces/shop/pods`, and then sets its status, where it has one. */
  create(path: string, object: KubernetesObject): Promise<void>;
  /** Replaces the object, or its status at `…/status`. */
  patch(path: string, change: unknown): Promise<void>;
  delete(path: string): Promise<void>;
}

export interface KubernetesObject {
  readonly kind: string;
  readonly apiVersion?: string;
  readonly metadata: { readonly name: string; readonly [more: string]: unknown };
  readonly status?: unknown;
  readonly [more: string]: unknown;
}

export interface KubernetesApiOptions {
  readonly url: string;
  readonly token: string;
  readonly ca: string;
}

export function kubernetesApi({ url, token, ca }: KubernetesApiOptions): KubernetesApi {
  const client = createHttpClient({
    args: {
      bearer_token: new Secret(token),
      tls_config: { ca_pem: ca, insecure_skip_verify: false, min_version: "TLS12" },
      enable_http2: false,
    },
    clock: systemClock,
  });
  const ask = (method: "GET" | "POST" | "PUT" | "DELETE", path: string, body?: unknown) =>
    client.request({
      method,
      url: url + path,
      headers: { "content-type": "application/json", accept: "application/json" },
      ...(body !== undefined && { body: [Buffer.from(JSON.stringify(body))] }),
      maxBytes: 64 * 1024 ** 2,
      timeoutMs: 10_000,
      signal: new AbortController().signal,
    });
  const expect = async (method: "GET" | "POST" | "PUT" | "DELETE", path: string, body?: unknown): Promise<unknown> => {
    const response = await ask(method, path, body);
    const text = Buffer.from(response.body).toString();
    if (response.status > 299) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 1000)}`);
    return JSON.parse(text);
  };
  return {
    isReady: async () => (await ask("GET", "/readyz").catch(() => undefined))?.status === 200,
    async create(path, object) {
      const { status, ...rest } = object;
      const created = (await expect("POST", path, { apiVersion: "v1", ...rest })) as Record<string, unknown>;
      if (status !== undefined) await expect("PUT", `${path}/${object.metadata.name}/status`, { ...created, status });
    },
    async patch(path, change) {
      const now = (await expect("GET", path)) as Record<string, unknown>;
      await expect("PUT", path, merged(now, change));
    },
    async delete(path) {
      await expect("DELETE", `${path}?gracePeriodSeconds=0`);
    },
  };
}

function merged(now: unknown, change: unknown): unknown {
  if (typeof now !== "object" || typeof change !== "object" || now === null || change === null || Array.isArray(change))
    return change;
  const entries = Object.entries(change).map(([key, value]) => [
    key,
    merged((now as Record<string, unknown>)[key], value),
  ]);
  return { ...now, ...(Object.fromEntries(entries) as object) };
}

const rbac = "/apis/rbac.authorization.k8s.io/v1";

export interface Allowance {
  readonly user: string;
  readonly resources: readonly string[];
  readonly namespace?: string;
  readonly verbs?: readonly string[];
}

/** Lets a user list and watch these resources, or what the verbs say, everywhere or in one namespace. */
export async function allow(api: KubernetesApi, allowance: Allowance): Promise<void> {
  const { user, resources, namespace, verbs = ["list", "watch"] } = allowance;
  const kind = namespace === undefined ? "ClusterRole" : "Role";
  const place = namespace === undefined ? rbac : `${rbac}/namespaces/${namespace}`;
  const name = [user, ...resources, ...verbs].join("-");
  const apiVersion = "rbac.authorization.k8s.io/v1";
  const rules = [{ apiGroups: ["*"], resources, verbs }];
  await api.create(`${place}/${kind.toLowerCase()}s`, { apiVersion, kind, metadata: { name }, rules });
  await api.create(`${place}/${kind.toLowerCase()}bindings`, {
    apiVersion,
    kind: `${kind}Binding`,
    metadata: { name },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind, name },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: user }],
  });
}

export interface PodOptions {
  readonly name: string;
  readonly ip: string;
  readonly node?: string;
  readonly port?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A pod that runs one container `app`, as a kubelet would report it. */
export function runningPod({ name, ip, node = "n1", port = 6060, labels = {}, annotations = {} }: PodOptions) {
  return {
    kind: "Pod",
    metadata: { name, labels, annotations },
    spec: {
      nodeName: node,
      containers: [{ name: "app", image: "shop:1", ports: [{ name: "pprof", containerPort: port }] }],
    },
    status: { phase: "Running", podIP: ip, hostIP: "192.168.0.1", conditions: [{ type: "Ready", status: "True" }] },
  };
}
