import * as v from "valibot";
import { writeArguments } from "../../../src/pyroscope/write/arguments.ts";
import type { EndpointArguments } from "../../../src/pyroscope/write/pusher.ts";

/**
 * Arguments of an endpoint, written as in a configuration. Its back-off is exactly one second unless told otherwise, so that tests
 * know when it retries.
 */
export function endpointArguments(written: Readonly<Record<string, unknown>> = {}): EndpointArguments {
  const url = "http://pyroscope:4040";
  const endpoint = { url, min_backoff_period: "1s", max_backoff_period: "1s", ...written };
  return v.parse(writeArguments, { endpoint }).endpoint[0] as EndpointArguments;
}
