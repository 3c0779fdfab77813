import type { BadConfig } from "./bad-config.ts";

export const write: readonly BadConfig[] = [
  {
    title: "an endpoint without a URL",
    text: `[pyroscope.write.a]
endpoint = {}`,
    problems: [
      'agent.toml:2:1: pyroscope.write.a.endpoint.url: required, but missing; for example url = "http://pyroscope:4040"',
    ],
  },
  {
    title: "a URL without a scheme",
    text: `[pyroscope.write.a]
endpoint = { url = "localhost:4040" }`,
    problems: [
      'agent.toml:2:20: pyroscope.write.a.endpoint.url: expected a URL that begins with http:// or https://, found "localhost:4040"; write "http://localhost:4040"',
    ],
  },
  {
    title: "a URL with another scheme",
    text: `[pyroscope.write.a]
endpoint = { url = "grpc://h:4040" }`,
    problems: [
      'agent.toml:2:20: pyroscope.write.a.endpoint.url: expected a URL that begins with http:// or https://, found "grpc://h:4040"',
    ],
  },
  {
    title: "a URL without a host",
    text: `[pyroscope.write.a]
endpoint = { url = "http://" }`,
    problems: [
      'agent.toml:2:20: pyroscope.write.a.endpoint.url: expected a URL that begins with http:// or https:// and names a host, found "http://"',
    ],
  },
  {
    title: "a URL with the path of the Push API",
    text: `[pyroscope.write.a]
endpoint = { url = "http://h:4040/push.v1.PusherService/Push" }`,
    problems: [
      'agent.toml:2:20: pyroscope.write.a.endpoint.url: the agent adds /push.v1.PusherService/Push itself: write "http://h:4040"',
    ],
  },
  {
    title: "a URL with a query, without showing it",
    text: `[pyroscope.write.a]
endpoint = { url = "http://h:4040/?token=s3cret" }`,
    problems: [
      'agent.toml:2:20: pyroscope.write.a.endpoint.url: must not have a query or fragment: write "http://h:4040/"',
    ],
  },
  {
    title: "a URL with userinfo, without showing it",
    text: `[pyroscope.write.a]
endpoint = { url = "https://bob:s3cret@h" }`,
    problems: [
      "agent.toml:2:20: pyroscope.write.a.endpoint.url: must not hold a user name or password: use basic_auth",
    ],
  },
  {
    title: "a broken URL with userinfo, without showing it",
    text: `[pyroscope.write.a]
endpoint = { url = "bob:s3c/r?et@h:x" }`,
    problems: [
      'agent.toml:2:20: pyroscope.write.a.endpoint.url: expected a URL that begins with http:// or https://, found "h:x"',
    ],
  },
  {
    title: "a unix socket with a query or with the path of the Push API",
    text: `[pyroscope.write.a]
endpoint = [
  { url = "unix:///run/a@1.sock:/?token=s3cret" },
  { url = "unix:///run/a@1.sock:/push.v1.PusherService/Push" },
  { url = "unix:///run/a.sock:/x/push.v1.PusherService/Push/" },
]`,
    problems: [
      'agent.toml:3:11: pyroscope.write.a.endpoint[0].url: must not have a query or fragment: write "unix://…@1.sock:/"',
      'agent.toml:4:11: pyroscope.write.a.endpoint[1].url: the agent adds /push.v1.PusherService/Push itself: write "unix://…@1.sock"',
      'agent.toml:5:11: pyroscope.write.a.endpoint[2].url: the agent adds /push.v1.PusherService/Push itself: write "unix:///run/a.sock:/x"',
    ],
  },
  {
    title: "a unix socket written in another way",
    text: `[pyroscope.write.a]
endpoint = [
  { url = "/run/p.sock" },
  { url = "unix:/run/p.sock" },
  { url = "unix://p.sock" },
  { url = "http://unix:/run/p.sock:/prefix" },
]`,
    problems: [
      'agent.toml:3:11: pyroscope.write.a.endpoint[0].url: expected a URL that begins with http://, https:// or unix://; write "unix:///run/p.sock"',
      'agent.toml:4:11: pyroscope.write.a.endpoint[1].url: a unix socket needs its absolute path behind unix://; write "unix:///run/p.sock"',
      'agent.toml:5:11: pyroscope.write.a.endpoint[2].url: a unix socket needs its absolute path, as in "unix:///run/app.sock"; found "unix://p.sock"',
      'agent.toml:6:11: pyroscope.write.a.endpoint[3].url: expected a URL that begins with http://, https:// or unix://; write "unix:///run/p.sock:/prefix"',
    ],
  },
  {
    title: "two endpoints with one unix socket",
    text: `[pyroscope.write.a]
endpoint = [{ url = "unix:///run/p.sock" }, { url = "unix:///run/%70.sock:/" }]`,
    problems: [
      'agent.toml:2:53: pyroscope.write.a.endpoint[1].url: another endpoint has this URL too: give each a name, such as name = "second"',
    ],
  },
  {
    title: "two endpoints with one URL",
    text: `[pyroscope.write.a]
endpoint = [{ url = "http://h" }, { url = "http://h/" }]`,
    problems: [
      'agent.toml:2:43: pyroscope.write.a.endpoint[1].url: another endpoint has this URL too: give each a name, such as name = "second"',
    ],
  },
  {
    title: "two endpoints with one name",
    text: `[[pyroscope.write.a.endpoint]]
name = "x"
url = "http://h"
[[pyroscope.write.a.endpoint]]
name = "x"
url = "http://i"`,
    problems: ['agent.toml:5:8: pyroscope.write.a.endpoint[1].name: "x" is the name of another endpoint too'],
  },
  {
    title: "a header that the agent sets",
    text: `[pyroscope.write.a.endpoint]
url = "http://h:4040"
headers = { Content-Type = "s3cret" }`,
    problems: [
      "agent.toml:3:13: pyroscope.write.a.endpoint.headers.Content-Type: this header is set by the agent itself and cannot be configured; remove it",
    ],
  },
  {
    title: "a header name with a space",
    text: `[pyroscope.write.a.endpoint]
url = "http://h:4040"
headers = { "X Y" = "s3cret" }`,
    problems: ['agent.toml:3:13: pyroscope.write.a.endpoint.headers."X Y": "X Y" cannot be the name of a header'],
  },
  {
    title: "one header in two cases",
    text: `[pyroscope.write.a.endpoint]
url = "http://h:4040"
headers = { x-a = "s3cret", X-A = "s3cret" }`,
    problems: ["agent.toml:3:11: pyroscope.write.a.endpoint.headers: names one header twice, in upper and lower case"],
  },
  {
    title: "headers that are no table, without showing them",
    text: `[pyroscope.write.a.endpoint]
url = "http://h:4040"
headers = "Authorization: s3cret"`,
    problems: ["agent.toml:3:11: pyroscope.write.a.endpoint.headers: expected a table, found a string"],
  },
  {
    title: "a header with a line break, without showing it",
    text: `[pyroscope.write.a.endpoint]
url = "http://h:4040"
headers = { x-a = "s3cret\\n" }`,
    problems: [
      "agent.toml:3:19: pyroscope.write.a.endpoint.headers.x-a: holds a control character or line break; what stands there may be a secret and is not shown",
    ],
  },
  {
    title: "an Authorization header beside an authentication",
    text: `[pyroscope.write.a.endpoint]
url = "http://h:4040"
headers = { authorization = "s3cret" }
basic_auth = { username = "u", password = "s3cret" }`,
    problems: [
      "agent.toml:3:29: pyroscope.write.a.endpoint.headers.authorization: an Authorization header cannot stand beside basic_auth; keep one of them",
    ],
  },
  {
    title: "two authentications",
    text: `[pyroscope.write.a.endpoint]
url = "http://h:4040"
bearer_token = "s3cret"
bearer_token_file = "token"`,
    problems: [
      "agent.toml:4:21: pyroscope.write.a.endpoint.bearer_token_file: only one of basic_auth, authorization, oauth2, bearer_token, bearer_token_file can be set; bearer_token is set too",
    ],
  },
  {
    title: "a password given twice",
    text: `[pyroscope.write.a.endpoint]
url = "http://h:4040"
basic_auth = { password = "s3cret", password_file = "x" }`,
    problems: [
      "agent.toml:3:53: pyroscope.write.a.endpoint.basic_auth.password_file: password and password_file cannot both be set; keep one of them",
    ],
  },
  {
    title: "authorization of type basic",
    text: `[pyroscope.write.a.endpoint]
url = "http://h:4040"
authorization = { type = " Basic", credentials = "s3cret" }`,
    problems: [
      'agent.toml:3:26: pyroscope.write.a.endpoint.authorization.type: is "basic": use basic_auth with username and password instead',
    ],
  },
  {
    title: "oauth2 without secret and token URL",
    text: `[pyroscope.write.a.endpoint]
url = "http://h:4040"
oauth2 = { client_id = "a" }`,
    problems: [
      'agent.toml:3:1: pyroscope.write.a.endpoint.oauth2.token_url: required, but missing; for example token_url = "https://login.example.com/token"',
      "agent.toml:3:10: pyroscope.write.a.endpoint.oauth2: needs a client_secret or a client_secret_file",
    ],
  },
  {
    title: "a CA given twice and an unknown TLS version",
    text: `[pyroscope.write.a.endpoint]
url = "http://h:4040"
tls_config = { ca_pem = "x", ca_file = "y", min_version = "TLS14" }`,
    problems: [
      "agent.toml:3:25: pyroscope.write.a.endpoint.tls_config.ca_pem: cannot be used: it holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)",
      "agent.toml:3:40: pyroscope.write.a.endpoint.tls_config.ca_file: ca_pem and ca_file cannot both be set; keep one of them",
      'agent.toml:3:59: pyroscope.write.a.endpoint.tls_config.min_version: expected one of "TLS10", "TLS11", "TLS12", "TLS13", found "TLS14"',
    ],
  },
  {
    title: "a client key without its certificate",
    text: `[pyroscope.write.a.endpoint]
url = "http://h:4040"
tls_config = { key_pem = "s3cret" }`,
    problems: [
      "agent.toml:3:26: pyroscope.write.a.endpoint.tls_config.key_pem: a client key needs its certificate: set cert_pem or cert_file too",
      "agent.toml:3:26: pyroscope.write.a.endpoint.tls_config.key_pem: cannot be used: it holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)",
    ],
  },
  {
    title: "no_proxy without proxy_url",
    text: `[pyroscope.write.a.endpoint]
url = "http://h:4040"
no_proxy = "localhost"`,
    problems: ["agent.toml:3:12: pyroscope.write.a.endpoint.no_proxy: needs proxy_url"],
  },
  {
    title: "proxy_url beside proxy_from_environment",
    text: `[pyroscope.write.a.endpoint]
url = "http://h:4040"
proxy_url = "http://u:s3cret@p:1"
proxy_from_environment = true`,
    problems: [
      "agent.toml:3:13: pyroscope.write.a.endpoint.proxy_url: cannot be set together with proxy_from_environment; keep one of them",
    ],
  },
  {
    title: "a broken proxy URL, without its userinfo",
    text: `[pyroscope.write.a.endpoint]
url = "http://h:4040"
proxy_url = "u:s3cret@p:1"`,
    problems: [
      'agent.toml:3:13: pyroscope.write.a.endpoint.proxy_url: expected a URL that begins with http:// or https:// or socks5:// or socks5h://, found "p:1"',
    ],
  },
  {
    title: "a longest back-off below the shortest",
    text: `[pyroscope.write.a.endpoint]
url = "http://h:4040"
min_backoff_period = "10s"
max_backoff_period = "5s"`,
    problems: [
      'agent.toml:4:22: pyroscope.write.a.endpoint.max_backoff_period: must not be below min_backoff_period (10s), found "5s"',
    ],
  },
  {
    title: "a negative number of retries",
    text: `[pyroscope.write.a.endpoint]
url = "http://h:4040"
max_backoff_retries = -1`,
    problems: [
      "agent.toml:3:23: pyroscope.write.a.endpoint.max_backoff_retries: expected a whole number from 0 on, found -1",
    ],
  },
  {
    title: "a number in quotes",
    text: `[pyroscope.write.a.endpoint]
url = "http://h:4040"
max_backoff_retries = "3"`,
    problems: [
      'agent.toml:3:23: pyroscope.write.a.endpoint.max_backoff_retries: expected a whole number from 0 on, found "3"; write 3 without quotes',
    ],
  },
  {
    title: "an unknown durability",
    text: `[pyroscope.write.a.endpoint]
url = "http://h:4040"
queue = { durability = "disk", max_disk = "many" }`,
    problems: [
      'agent.toml:3:24: pyroscope.write.a.endpoint.queue.durability: expected one of "memory", "outage", "always", found "disk"',
      'agent.toml:3:43: pyroscope.write.a.endpoint.queue.max_disk: expected a size such as "16MiB", "512KB" or "100B", found "many"',
    ],
  },
  {
    title: "an unknown argument of the queue",
    text: `[pyroscope.write.a.endpoint]
url = "http://h:4040"
queue.max_inflight = 3`,
    problems: [
      'agent.toml:3:7: pyroscope.write.a.endpoint.queue.max_inflight: unknown argument; did you mean "max_in_flight"?',
    ],
  },
  {
    title: "external labels that cannot be sent",
    text: `[pyroscope.write.a]
external_labels = { __tenant__ = "x", "a b" = "y" }`,
    problems: [
      'agent.toml:2:21: pyroscope.write.a.external_labels.__tenant__: names that begin with "__" are reserved',
      'agent.toml:2:39: pyroscope.write.a.external_labels."a b": "a b" cannot be a label name: it must match [a-zA-Z_][a-zA-Z0-9_.]*; "a_b" would do',
    ],
  },
  {
    title: "trace headers",
    text: `[pyroscope.write.a]
tracing = { jaeger_propagator = true }`,
    problems: [
      "agent.toml:2:1: pyroscope.write.a.tracing: sending trace headers is not carried out by this version of the agent (0.1.0); remove it",
    ],
  },
  {
    title: "an empty table of trace headers, which means both",
    text: `[pyroscope.write.a]
tracing = {}`,
    problems: [
      "agent.toml:2:1: pyroscope.write.a.tracing: sending trace headers is not carried out by this version of the agent (0.1.0); remove it",
    ],
  },
  {
    title: "a store on disk, and one of no size",
    text: `[pyroscope.store.a]
persist = true
max_bytes = "0B"`,
    problems: [
      "agent.toml:2:1: pyroscope.store.a.persist: keeping profiles on disk is not carried out by this version of the agent (0.1.0); leave it false",
      'agent.toml:3:13: pyroscope.store.a.max_bytes: must be at least 1B, found "0B"',
    ],
  },
  {
    title: "a queue of no size, without a unit",
    text: `[pyroscope.write.a.endpoint]
url = "http://x"
queue = { max_memory = "0" }`,
    problems: ['agent.toml:3:24: pyroscope.write.a.endpoint.queue.max_memory: must be at least 1B, found "0"'],
  },
  {
    title: "a wait that does not fit the default of another, and a port above all",
    text: `[pyroscope.write.a.endpoint]
url = "http://x:99999"
min_backoff_period = "10m"
[pyroscope.write.b.endpoint]
url = "http://u:s3c@x:99999/"
`,
    problems: [
      'agent.toml:2:7: pyroscope.write.a.endpoint.url: a port is a number from 1 to 65535, found "99999" in "http://x:99999"',
      'agent.toml:3:22: pyroscope.write.a.endpoint.min_backoff_period: must not be above max_backoff_period (5m), found "10m"',
      'agent.toml:5:7: pyroscope.write.b.endpoint.url: expected a URL that begins with http:// or https:// and names a host, found "http://x:99999/"',
    ],
  },
  {
    title: "numbers that lose their digits",
    path: "agent.json",
    text: `{"pyroscope": {"write": {"a": {
"external_labels": {"a": 12345678901234567890, "b": 1e999, "c": 12345},
"endpoint": {"url": "http://x", "headers": {"X-Scope-OrgID": 12345678901234567890}}}}}}`,
    problems: [
      "agent.json:2:26: pyroscope.write.a.external_labels.a: a number this large does not keep its digits; write it in quotes",
      "agent.json:2:53: pyroscope.write.a.external_labels.b: a number this large does not keep its digits; write it in quotes",
      "agent.json:3:62: pyroscope.write.a.endpoint.headers.X-Scope-OrgID: a number this large does not keep its digits; write it in quotes",
    ],
  },
];
