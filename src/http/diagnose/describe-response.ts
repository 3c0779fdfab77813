import { formatSize, preview } from "../../base/index.ts";
import { shownUrl } from "../../schema/index.ts";
import type { HttpRequest, HttpResponse } from "../client.ts";

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

/** Where a response redirects to, without what may be secret; `undefined` where it is no redirect. */
export function redirectTarget({ status, headers: { location } }: HttpResponse): string | undefined {
  if (![301, 302, 303, 307, 308].includes(status) || location === undefined) return undefined;
  return preview(shownUrl(location), 128);
}

function headerLine(value: string | undefined, what: string): readonly string[] {
  return value === undefined ? [] : [`${what} ${preview(value, 128)}`];
}
