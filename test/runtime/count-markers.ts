// Prints what the runtime says of a heap with so many objects of one class: a process of its own, because what other tests leave behind
// decides whether a heap is measured or only counted.
import process from "node:process";
import { loadRuntime } from "../../src/runtime/index.ts";

class Marker {
  readonly value = Math.random();
}

const runtime = await loadRuntime();
const kept = Array.from({ length: Number(process.argv[2]) }, () => new Marker());
const classes = (await runtime.heapObjects?.()) ?? [];
const marker = classes.find(({ name }) => name === "Marker");
const count = classes.reduce((sum, one) => sum + one.count, 0);
console.log(JSON.stringify({ marker, count, measured: classes.some(({ bytes }) => bytes > 0), kept: kept.length }));
