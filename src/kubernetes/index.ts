/**
 * kubernetes: who the agent is to a Kubernetes cluster, and lists of its objects that are kept up to date.
 *
 * Constraints: the client is that of `http`; over HTTP/1.1, so that every watch has a connection of its own and one that died is not used
 * again. Programs that a kubeconfig names are not run. Objects are kept as little as their reader makes of them, as JSON text, within
 * `limits`.
 *
 * Flow: an account (pod-account, kubeconfig) says where the API server is and how to authenticate, and
 * account-client goes on as the one that took its place. The client (api-client) asks for a page of a list, or for a watch; a reflector lists
 * page by page, then watches from there for as long as it runs, and tells of every object that came, changed or went; after a
 * failure it lists anew or watches on, as after-failure says. What goes wrong is put into words in refusal.
 *
 * What it does not do: change anything in the cluster, or know what objects mean.
 */
export { accessArguments, accountOf, checkAccess, type KubernetesAccess } from "./access.ts";
export { type KubernetesAccount, podAccount, podAccountDirectory, type PodAccountOptions } from "./pod-account.ts";
export { readKubeconfig } from "./kubeconfig.ts";
export { createApiClient, type ApiClient, type Selection } from "./api-client.ts";
export { KubernetesError, type KubernetesReason } from "./kubernetes-error.ts";
export { Reflector, type ReflectorListener, type ReflectorOptions } from "./reflector.ts";
export { type Resource, resources } from "./resources.ts";
