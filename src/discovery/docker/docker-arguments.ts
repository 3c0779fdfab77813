import * as v from "valibot";
import { type HttpArguments, httpArguments } from "../../http/index.ts";
import { argument, duration, found, oneOrMany, optional, table, typeName, word } from "../../schema/index.ts";
import { portNumber } from "../port-argument.ts";
import { dockerHostProblem } from "./docker-host.ts";

/** Of every target whose port is not known otherwise (reference 6.5, 6.6). */
export const defaultPort = 80;

export interface DockerArgumentsOptions {
  /** What has no port of its own. */
  readonly portDescription: string;
  readonly filterExample: { readonly name: string; readonly values: readonly string[] };
}

/** The arguments of all who ask a Docker daemon. */
export function dockerArguments({ portDescription, filterExample }: DockerArgumentsOptions) {
  return {
    host: argument(
      v.pipe(
        v.string(({ input }) => `expected a URL such as "unix:///var/run/docker.sock", found ${found(input)}`),
        v.rawCheck(({ dataset, addIssue }) => {
          const message = dataset.typed ? dockerHostProblem(dataset.value) : undefined;
          if (message !== undefined) addIssue({ message });
        }),
        typeName("URL"),
      ),
      {
        description:
          "Where the daemon listens: `unix:///path`, `http://`, `https://`, or `tcp://`, which is `https://` with `tls_config` and `http://` without",
        example: "unix:///var/run/docker.sock",
      },
    ),
    port: optional(portNumber(), { description: portDescription, defaultText: String(defaultPort), example: 6060 }),
    refresh_interval: optional(duration({ positive: true }), {
      default: "60s",
      description: "How often the daemon is asked",
      example: "15s",
    }),
    filter: optional(
      oneOrMany(
        table({
          name: argument(word(), { description: "The name of a filter of the list API", example: filterExample.name }),
          values: argument(oneOrMany(word()), {
            description: "What it lets through; any of them",
            example: filterExample.values,
          }),
        }),
      ),
      { description: "What the daemon narrows its list down to; all of them apply", example: [filterExample] },
    ),
    ...httpArguments(),
  };
}

/** What asking a daemon needs of them. */
export interface DockerHostArguments extends HttpArguments {
  readonly host: string;
  readonly filter?: readonly DockerFilter[] | undefined;
}

export interface DockerFilter {
  readonly name: string;
  readonly values: readonly string[];
}
