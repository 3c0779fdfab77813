import * as v from "valibot";

// What Docker leaves out of an answer, or sends as null, means the same as its zero value.

export function text() {
  return v.nullish(v.string(), "");
}

export function flag() {
  return v.nullish(v.boolean(), false);
}

export function count() {
  return v.nullish(v.number(), 0);
}

export function list<Item extends v.GenericSchema>(item: Item) {
  return v.nullish(v.array(item), []);
}

export function record<Value extends v.GenericSchema>(value: Value) {
  return v.nullish(v.record(v.string(), value), {});
}
