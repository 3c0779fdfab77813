import type { BadConfig } from "./bad-config.ts";

export const secrets: readonly BadConfig[] = [
  {
    title: "a header with a list, without showing it",
    text: `[pyroscope.write.a.endpoint]
url = "http://h:4040"
headers = { x-a = ["s3cret"] }`,
    problems: [
      "agent.toml:3:19: pyroscope.write.a.endpoint.headers.x-a: expected a string, found a list (not shown, it may be a secret)",
    ],
  },
  {
    title: "secrets that are numbers, dates and booleans, with what to write and without showing them",
    text: `[pyroscope.write.a.endpoint]
url = "http://h:4040"
basic_auth = { username = "u", password = 73310 }
http_headers = { X-A = [0x1F, true], X-B = 12345678901234567890, X-C = 1979-05-27 }`,
    problems: [
      "agent.toml:3:43: pyroscope.write.a.endpoint.basic_auth.password: expected a string, found a number (not shown, it may be a secret); put it in quotes",
      "agent.toml:4:25: pyroscope.write.a.endpoint.http_headers.X-A[0]: expected a string, found a number (not shown, it may be a secret); put it in quotes",
      "agent.toml:4:31: pyroscope.write.a.endpoint.http_headers.X-A[1]: expected a string, found a boolean (not shown, it may be a secret); put it in quotes",
      "agent.toml:4:44: pyroscope.write.a.endpoint.http_headers.X-B: expected a string, found a number (not shown, it may be a secret); put it in quotes",
      "agent.toml:4:72: pyroscope.write.a.endpoint.http_headers.X-C: expected a string, found a date (not shown, it may be a secret); put it in quotes",
    ],
  },
  {
    title: "a token that is no string",
    text: `[pyroscope.write.a.endpoint]
url = "http://h:4040"
bearer_token = []`,
    problems: [
      "agent.toml:3:16: pyroscope.write.a.endpoint.bearer_token: expected a string, found a list (not shown, it may be a secret)",
    ],
  },
];
