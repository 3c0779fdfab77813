import { formatSize, preview } from "../../base/index.ts";
import type { HttpRequest, HttpResponse } from "../client.ts";
import { redirectTarget } from "../response-hint.ts";

/** A response in words. Of its body only the size: what it holds is for whoever asked for it to say. */
export function describeResponse(
  response: HttpResponse,
  method: HttpRequest["method"],
): { text: string; details: readonly string[] } {
  const { status, headers, body } = response;
  const type = headers["content-type"];
  const encoding = headers["content-encoding"];
  const target = redirectTarget(response);
  const parts = [
    `${method} answered with status ${status}`,
    formatSize(body.byteLength),
    ...(type === undefined ? [] : [`Content-Type ${preview(type)}`]),
    ...(encoding === undefined ? [] : [`Content-Encoding ${preview(encoding)}`]),
  ];
  return {
    text: parts.join(", "),
    details: [
      ...(target === undefined ? [] : [`redirects to ${target}`]),
      ...headerLine(headers["www-authenticate"], "the server asks for"),
      ...headerLine(headers["server"], "answered by"),
    ],
  };
}

function headerLine(value: string | undefined, what: string): readonly string[] {
  return value === undefined ? [] : [`${what} ${preview(value, 128)}`];
}
