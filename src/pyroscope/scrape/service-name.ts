import { labelValue, type Target } from "../../model/index.ts";

/**
 * The value of `service_name` for a target that does not carry one, in the order of seed 002: the pod's annotation, the pod's
 * namespace and container, the Docker container, the Swarm container or service; then, ours, the name of the process; else `unspecified`.
 */
export function inferServiceName(target: Target): string {
  const meta = (name: string): string => labelValue(target, `__meta_${name}`);
  const namespace = meta("kubernetes_namespace");
  const container = meta("kubernetes_pod_container_name");
  return (
    meta("kubernetes_pod_annotation_pyroscope_io_service_name") ||
    (namespace && container && `${namespace}/${container}`) ||
    // Docker reports names with a leading slash that is not part of what a user calls the container.
    meta("docker_container_name").replace(/^\//, "") ||
    meta("dockerswarm_container_label_service_name") ||
    meta("dockerswarm_service_name") ||
    meta("process_name") ||
    "unspecified"
  );
}
