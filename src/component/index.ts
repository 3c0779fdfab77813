/**
 * component: the contract of a component kind, and the graph that runs components.
 *
 * The graph orders components by their references, starts and stops them in that order, hands out receivers and target
 * sources that stay valid while what is behind them changes, and takes snapshots for the debug side. It knows no kind.
 */
export type { ComponentConfig } from "./component-config.ts";
export { flowsOf } from "./flow-order.ts";
export { Graph, type GraphOptions } from "./graph.ts";
export type {
  Component,
  ComponentContext,
  ComponentKind,
  ComponentSnapshot,
  DebugInfo,
  Exports,
  FoundTargets,
  Health,
  OutgoingExplanation,
  TargetExplanation,
} from "./kind.ts";
export { type ExportKind, Reference, referencesIn } from "./reference.ts";
export { reference } from "./reference-field.ts";
export { TargetInputs } from "./target-inputs.ts";
export { renamedKinds } from "./renamed-kinds.ts";
export { findingSources, writtenTargets } from "./written-targets.ts";
