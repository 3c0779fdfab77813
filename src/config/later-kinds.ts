const discovery =
  "azure consul digitalocean ec2 eureka gce hetzner kubelet linode marathon nerve " +
  "nomad openstack puppetdb scaleway serverset triton uyuni";
const pyroscope = "ebpf enrich java receive_http relabel";

/** Kinds of the systems whose configuration this one follows, which this version does not have. */
export const laterKinds: ReadonlySet<string> = new Set([
  ...discovery.split(" ").map((name) => `discovery.${name}`),
  ...pyroscope.split(" ").map((name) => `pyroscope.${name}`),
]);
