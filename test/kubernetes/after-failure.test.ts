import { expect, test } from "bun:test";
import { AgentError } from "../../src/base/index.ts";
import type { HttpReason } from "../../src/http/index.ts";
import { type AfterFailure, afterFailure } from "../../src/kubernetes/after-failure.ts";
import { KubernetesError, type KubernetesReason } from "../../src/kubernetes/kubernetes-error.ts";

// Complete: a reason that is new has to be thought of.
const http: Readonly<Record<HttpReason, AfterFailure>> = {
  refused: "watch",
  unreachable: "watch",
  dns: "watch",
  reset: "watch for now",
  timeout: "watch for now",
  truncated: "watch for now",
  proxy: "watch for now",
  tls: "list",
  too_large: "list",
  redirects: "list",
  protocol: "list",
  credentials: "list",
  canceled: "list",
};

test.each(Object.entries(http))("after a request that failed with %p comes: %p", (reason, next) => {
  expect(afterFailure(new AgentError(reason, "no"))).toBe(next);
});

const statuses: Readonly<Record<number, AfterFailure>> = {
  400: "list",
  401: "list",
  403: "list",
  404: "list",
  410: "list",
  429: "watch for now",
  500: "watch for now",
  501: "list",
  502: "watch for now",
  503: "watch for now",
  504: "watch for now",
};

test.each(Object.entries(statuses))("after HTTP status %p comes: %p", (status, next) => {
  expect(afterFailure(new KubernetesError("status", "no", { status: Number(status) }))).toBe(next);
});

test.each(["status", "gone", "bad_answer", "too_large", "too_many"] satisfies KubernetesReason[])(
  "after what an accepted watch told, which is %p, comes a list",
  (reason) => expect(afterFailure(new KubernetesError(reason, "no"))).toBe("list"),
);

test("after an error that nobody foresaw comes a list", () => {
  expect(afterFailure(new TypeError("no"))).toBe("list");
  expect(afterFailure(new AgentError("toString", "no"))).toBe("list");
});
