import process from "node:process";
import { discoveryKind } from "./discovery-kind.ts";
import { prepareProcessArguments, processArguments, type ProcessArguments } from "./process/arguments.ts";
import { platformProblem, processFinder } from "./process/process-finder.ts";

/** The kind `discovery.process`, ours: the processes of this machine that answer pprof. */
export const processKind = discoveryKind<ProcessArguments>({
  name: "discovery.process",
  summary: "Finds the processes of this machine that listen on a TCP port and answer pprof. Linux only.",
  schema: processArguments,
  prepare: prepareProcessArguments,
  warnings: (id, { probe, ports, match }) => {
    const problem = platformProblem(process.platform);
    if (problem !== undefined) return [`${id}: ${problem}`];
    if (probe || ports || match !== undefined) return [];
    return [
      `${id}: "probe" is false, so every listening port becomes a target; narrow them down with "ports" or "match"`,
    ];
  },
  nodeLocal: () => "it finds the processes of its own machine",
  namesSockets: true,
  find: processFinder,
});
