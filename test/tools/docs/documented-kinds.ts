import type { GenericSchema } from "valibot";
import type { ComponentKind, ExportKind } from "../../../src/component/index.ts";
import { dnsKind } from "../../../src/discovery/dns.ts";
import { dockerKind } from "../../../src/discovery/docker.ts";
import { dockerswarmKind } from "../../../src/discovery/dockerswarm.ts";
import { fileKind } from "../../../src/discovery/file.ts";
import { httpKind } from "../../../src/discovery/http.ts";
import { kubernetesKind } from "../../../src/discovery/kubernetes/kubernetes-kind.ts";
import { processKind } from "../../../src/discovery/process.ts";
import { relabelKind } from "../../../src/discovery/relabel.ts";
import { phlareScrapeArguments } from "../../../src/phlare/scrape/arguments.ts";
import { scrapeArguments } from "../../../src/pyroscope/scrape/arguments.ts";
import { storeArguments } from "../../../src/pyroscope/store/arguments.ts";
import { writeArguments } from "../../../src/pyroscope/write/arguments.ts";

/** A kind, as documented as itself. */
function documented({ name, summary, schema, exports }: ComponentKind, example: string): DocumentedKind {
  return { name, summary, schema, ...(exports && { exports }), example };
}

export interface DocumentedKind {
  readonly name: string;
  readonly summary: string;
  readonly schema: GenericSchema;
  readonly exports?: ExportKind;
  /** A whole configuration that shows it in use. */
  readonly example: string;
}

/** Every kind of component that has a reference page. */
export const documentedKinds: readonly DocumentedKind[] = [
  {
    name: "pyroscope.scrape",
    summary: "Scrapes pprof profiles of every enabled type from targets over HTTP and hands them to receivers.",
    schema: scrapeArguments,
    example: "profile-types.toml",
  },
  {
    name: "pyroscope.write",
    summary: "Pushes the profiles it receives to one or more Pyroscope servers.",
    schema: writeArguments,
    exports: "receiver",
    example: "staging.toml",
  },
  {
    name: "pyroscope.store",
    summary: "Keeps the newest profiles it receives on this box, for the debug page, the API and the command line.",
    schema: storeArguments,
    exports: "receiver",
    example: "store.toml",
  },
  {
    name: "phlare.scrape",
    summary: "Scrapes pprof profiles as `pyroscope.scrape` does, with the arguments of the older `phlare.scrape`.",
    schema: phlareScrapeArguments,
    example: "phlare.toml",
  },
  documented(httpKind, "discover-http.toml"),
  documented(fileKind, "discover-file.toml"),
  documented(dnsKind, "discover-dns.toml"),
  documented(dockerKind, "discover-docker.toml"),
  documented(dockerswarmKind, "discover-dockerswarm.toml"),
  documented(kubernetesKind, "discover-kubernetes.toml"),
  documented(processKind, "discover-process.toml"),
  documented(relabelKind, "relabel.toml"),
];
