const mebibyte = 1024 ** 2;

/** Every bound that has no argument in the configuration, by name. What exceeds one is refused, named and counted. */
export const limits = {
  /** Clocks that differ by less are not worth a word to people. */
  notableSkewMs: 30_000,
  /** An uncompressed profile; `body_size_limit` of a scrape component sets another. Servers accept 4 MiB by default. */
  profileBytes: 32 * mebibyte,
  /** What is kept of a response that is an error: enough for the server's own words. */
  errorBodyBytes: 2048,
  /** Labels of one target, and the length of one of their values. */
  targetLabels: 256,
  labelValueLength: 4096,
  /** What the delta baselines of one (target, type), and of all together, may occupy. */
  baselineBytes: 4 * mebibyte,
  baselinesBytes: 64 * mebibyte,
  /** How long the baseline of a target that is no longer scraped is kept. */
  baselineAgeMs: 3_600_000,
  /** Targets of one component that discovery has lost and that are asked for whose they are, in a cluster: the newest. */
  lostTargets: 10_000,
  /** The file of baselines that a clean shutdown leaves: an SD card writes that much well within the time there is. */
  savedBaselinesBytes: 32 * mebibyte,
  /** Clocks that differ by no more count as one, and a clock that moved by no more as never set: they are slewed a little all the time. */
  clockToleranceMs: 60_000,
  /** How long one turn of the event loop goes on with finding out what is to be scraped, for all components together. */
  scrapePlanTurnMs: 10,
  /** Targets that are planned on trial before new arguments are taken. */
  scrapePlanTrial: 200,
  /** Hops of one request. */
  redirects: 10,
  /** The headers of one response. */
  responseHeaderBytes: 65_536,
  /** Connections that one HTTP client keeps open between requests: to one host and port, in all, and for how long. */
  idleConnectionsPerHost: 8,
  idleConnections: 4096,
  idleConnectionMs: 90_000,
  /** HTTP/2 connections that one HTTP client keeps without a request, and origins of which it remembers whether they speak HTTP/2. */
  idleHttp2Connections: 4096,
  rememberedOrigins: 16_384,
  /** Making a connection that several requests wait for; each has its own deadline beside it. */
  connectMs: 30_000,
  /** Until a SOCKS proxy has answered the greeting, for which it needs nobody else. */
  socksGreetingMs: 5000,
  /** Looks at the certificates of servers that TLS failed with: how many are remembered, for how long, and how long one may take. */
  tlsExplanations: 1000,
  tlsExplanationMs: 300_000,
  tlsExplanationTimeoutMs: 5000,
  /** How long a look that found nothing counts: the next one may meet the certificate at fault. */
  tlsExplanationRetryMs: 10_000,
  /** Files that hold a secret, and files of certificates and keys. */
  secretFileBytes: 65_536,
  tlsFileBytes: mebibyte,
  /** One OAuth2 token request: its response and its deadline. */
  tokenResponseBytes: mebibyte,
  tokenRequestMs: 10_000,
  /** The waits after a token request that failed, and the least time between two that a refused token asked for. */
  tokenBackoff: { minMs: 500, maxMs: 30_000 },
  refusedTokenMs: 30_000,
  /** How long a data directory that could not be used is left alone before it is tried again. */
  storageRetryMs: 1000,
  /** How long records wait so that one write and one sync serves them all, and what is written without waiting. */
  spoolCommitMs: 200,
  spoolCommitBytes: mebibyte,
  /** How long it may take until what was settled is synced; it is written after `spoolCommitMs`. */
  spoolSettleMs: 1000,
  /** How long nothing may have been written to a segment that nobody wants any more before it is deleted with room left in it. */
  spoolIdleMs: 10_000,
  /** A segment of a log: an eighth of the log, within these. */
  spoolSegmentBytes: { min: 256 * 1024, max: 8 * mebibyte },
  /** How long segments of a later version are kept, whatever needs room: longer than servers take what is in them. */
  spoolNewerKeptMs: 3_600_000,
  /** What is read of a log at once. */
  spoolReadBytes: 256 * 1024,
  /** The names of everybody who wants one record, and one of them. */
  spoolOwnerBytes: 32_768,
  spoolOwnerNameBytes: 1000,
  /** Segments with damage that are set aside; in bytes, a quarter of the log. */
  spoolDamagedFiles: 16,
  /** Targets that one discovery component knows, and the text of their labels; also the largest answer or file that one is read from. */
  discoveredTargets: 20_000,
  discoveryBytes: 32 * mebibyte,
  /** Ports of one container, of one service or task of a swarm, or of one endpoint slice or subset of endpoints, that become targets. */
  containerPorts: 100,
  /** Files that one discovery component reads, what it looks at to find them, and the directories that it, or anybody, watches. */
  discoveredFiles: 1000,
  discoveredFileEntries: 100_000,
  watchedDirectories: 1000,
  /** The least time between two publications of what a discovery component knows, and between two savings of it, which is more where it is much. */
  discoveryPublishMs: 1000,
  discoverySaveMs: 10_000,
  discoverySaveBytesPerSecond: 16_384,
  /** The file of kept targets: what is within `discoveryBytes` as text takes more there with many characters beyond ASCII. */
  keptTargetsBytes: 64 * mebibyte,
  /**
   * How old the targets that are kept on the disk may be to be used at a start, and how often their file is written anew while they stay
   * the same, so that it shows that they were there until the end.
   */
  keptTargetsAgeMs: 7 * 86_400_000,
  keptTargetsRenewMs: 86_400_000,
  /** How often files of targets are looked for whose component has left the configuration. */
  leftTargetsCheckMs: 60_000,
  /**
   * How long a kind of failure of one source is not logged again, of how many kinds each is logged at once, and how long a failure lasts that
   * is logged all the same, because the last line says otherwise.
   */
  discoveryQuietMs: 600_000,
  discoveryKindsTold: 10,
  discoveryLastingMs: 60_000,
  /**
   * What a reload leaves running of the targets of a source that is referred to anew: until the source has told its first ones and a moment more,
   * in which the rest of many comes, at the most for so long.
   */
  newSourceMs: 5000,
  newSourceSettleMs: 1500,
  /** How long a way of finding targets that ended unasked is left alone before it begins again. */
  discoveryRestartMs: 10_000,
  /** Sources that the debug information of a discovery component names; the others are counted. */
  discoverySourcesShown: 100,
  /** The kernel's table of listening TCP sockets: some 25,000 of them. And the answer of a process that may be a target. */
  socketTableBytes: 4 * mebibyte,
  probeBytes: 4 * mebibyte,
  /** A kubeconfig, and the least time between two readings of it that a refusal asked for. */
  kubeconfigBytes: mebibyte,
  kubeconfigRereadMs: 5000,
  /** Objects of one resource of Kubernetes that are kept, and what is kept of all of them. */
  kubernetesObjects: 50_000,
  kubernetesObjectsBytes: 64 * mebibyte,
  /** Objects in one page of a list: some hundreds of kilobytes of JSON, which is parsed in one go. And pages of one list: they may come half empty. */
  kubernetesPageObjects: 100,
  kubernetesPages: 1000,
  /** One page of a list, or the head of a watch. */
  kubernetesRequestMs: 30_000,
  /** One event of a watch: an object has at most 1.5 MiB in etcd. */
  kubernetesEventBytes: 4 * mebibyte,
  /** How long a watch is asked to last, and the longest silence in it: an API server sends a bookmark every minute. */
  kubernetesWatchSeconds: { min: 300, max: 600 },
  kubernetesIdleMs: 180_000,
  /** The waits after a list or watch that failed. */
  kubernetesBackoff: { minMs: 500, maxMs: 30_000 },
  /** How long changes of Kubernetes objects are collected, and how long one turn of the event loop goes on with working them off. */
  kubernetesSettleMs: 100,
  kubernetesTurnMs: 10,
  /** One answer of the engine of a cluster: some ten thousand members. */
  clusterAnswerBytes: 8 * mebibyte,
  /** The longest silence of an engine that is listened to, after which it is listened to anew. */
  clusterWatchMs: 60_000,
  /** How long changes of a cluster are put together. */
  clusterChangeMs: 50,
  /** How long a clean end may take to leave the cluster. */
  clusterLeaveMs: 1000,
  /** After how long without a renewal what a member left behind in Kubernetes is deleted. */
  clusterLeftoverMs: 3_600_000,
  /** Relabel rules of one component, and the length of a regular expression among them. */
  relabelRules: 1000,
  relabelRegexLength: 4096,
  /** Label sets that are relabelled in one turn of the event loop, and names of labels for which a rule remembers what it does. */
  relabelSetsAtOnce: 200,
  relabelRememberedNames: 10_000,
  /** What rules may make of one label set: labels, and the length of a value that a rule writes. */
  relabelledLabels: 1024,
  relabelledValueLength: 65_536,
} as const;
