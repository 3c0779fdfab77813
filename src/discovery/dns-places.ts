import type { Answer } from "dns-packet";

/** What a record points to. */
export interface Place {
  /** A name or an address. */
  readonly host: string;
  readonly port?: number;
  readonly labels?: Readonly<Record<string, string>>;
}

/** `undefined` where a record says that there is no such service (RFC 2782, RFC 7505), or is of a type that is never asked for. */
export function placeOf(record: Answer): Place | undefined {
  const place = pointedTo(record);
  return place?.host === "." ? undefined : place;
}

function pointedTo(record: Answer): Place | undefined {
  if (record.type === "SRV") {
    const { target: host, port } = record.data;
    const labels = { __meta_dns_srv_record_target: `${host}.`, __meta_dns_srv_record_port: String(port) };
    return { host, port, labels };
  }
  if (record.type === "MX") {
    const host = record.data.exchange;
    return { host, labels: { __meta_dns_mx_record_target: `${host}.` } };
  }
  if (record.type === "NS") return { host: record.data, labels: { __meta_dns_ns_record_target: `${record.data}.` } };
  return record.type === "A" || record.type === "AAAA" ? { host: record.data } : undefined;
}
