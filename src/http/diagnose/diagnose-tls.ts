import type { ConnectionOptions, PeerCertificate, TLSSocket } from "node:tls";
import { AgentError, type Clock, preview } from "../../base/index.ts";
import { type Finding, StepFailure } from "./diagnosis.ts";
import { explainTlsFailure } from "../tls/explain-tls-failure.ts";
import { hostOf, transportError } from "../http-error.ts";

export interface TlsDiagnosisOptions {
  readonly url: URL;
  readonly isVerified: boolean;
  /** Tells how long a certificate has left. */
  readonly clock: Clock;
  /** Whether HTTP/2 may be spoken. */
  readonly http2: boolean;
  /** Makes a TLS connection as it is configured, but for these options. */
  readonly open: (over: ConnectionOptions) => Promise<TLSSocket>;
}

/** Makes a TLS connection and tells what the server showed. Where it is not trusted, a second one shows its certificate. */
export async function diagnoseTls(options: TlsDiagnosisOptions): Promise<Finding<undefined>> {
  const { isVerified, clock, open } = options;
  try {
    const socket = await open(protocols(options));
    const details = certificateOf(socket, clock.now());
    const { name } = socket.getCipher();
    const version = socket.getProtocol() ?? "TLS";
    const offered = socket.alpnProtocol ? `, ${socket.alpnProtocol} chosen by the server` : "";
    const trusted = isVerified ? "trusted" : "not verified, because insecure_skip_verify is set";
    socket.destroy();
    return {
      text: `${version}, ${name}${offered}`,
      details: [...details, `certificate is ${trusted}`],
      value: undefined,
    };
  } catch (thrown) {
    throw await tlsStepFailure(thrown, options);
  }
}

function protocols({ http2 }: TlsStepOptions): ConnectionOptions {
  return { ALPNProtocols: http2 ? ["h2", "http/1.1"] : ["http/1.1"] };
}

export interface TlsStepOptions extends Pick<TlsDiagnosisOptions, "url" | "clock" | "http2" | "open"> {
  /** Set where `url` is that of a proxy. */
  readonly isProxy?: boolean;
}

/** What is wrong with a TLS connection that failed, with the certificate of the other side where that can be looked at. */
export async function tlsStepFailure(thrown: unknown, options: TlsStepOptions): Promise<StepFailure> {
  const { url, open, clock, isProxy = false } = options;
  const error =
    thrown instanceof AgentError ? thrown : transportError(thrown, { url, stage: "connecting", bodyBytes: 0 });
  const { code = "" } = (error.cause ?? thrown) as { code?: string };
  const reconnect = (over?: ConnectionOptions) => open({ ...protocols(options), rejectUnauthorized: false, ...over });
  const explained =
    error.reason === "tls"
      ? await explainTlsFailure({ code, url, isProxy, reconnect, clock }).catch(() => undefined)
      : undefined;
  const message =
    explained === undefined
      ? error.message
      : `Cannot make a TLS connection to ${isProxy ? "the proxy " : ""}"${hostOf(url)}": ${explained}`;
  // Where no certificate can be looked at, the message above is all there is.
  const details = await reconnect().then(
    (socket) => {
      const certificate = certificateOf(socket, clock.now());
      socket.destroy();
      return certificate;
    },
    () => [],
  );
  return new StepFailure(error.reason, message, { details, cause: thrown });
}

function certificateOf(socket: TLSSocket, nowMs: number): readonly string[] {
  const certificate = socket.getPeerCertificate() as PeerCertificate | undefined;
  if (!certificate?.valid_to) return [];
  const { subject, issuer, subjectaltname, valid_from, valid_to } = certificate;
  const names = (subjectaltname ?? "").replaceAll(/DNS:|IP Address:/g, "");
  const leftMs = Date.parse(valid_to) - nowMs;
  const left = leftMs < 0 ? `${spanOf(-leftMs)} ago` : `${spanOf(leftMs)} left`;
  return [
    `certificate of ${nameOf(subject)}, issued by ${nameOf(issuer)}`,
    ...(names === "" ? [] : [`for ${preview(names, 200)}`]),
    `valid from ${dayOf(valid_from)} until ${dayOf(valid_to)} (${left})`,
  ];
}

const hourMs = 3_600_000;

/** In whole days, below two of them in hours. */
function spanOf(ms: number): string {
  const hours = Math.floor(ms / hourMs);
  if (hours >= 48) return `${Math.floor(hours / 24)} days`;
  if (hours < 1) return "less than an hour";
  return hours === 1 ? "1 hour" : `${hours} hours`;
}

function nameOf(entity: PeerCertificate["subject"] | undefined): string {
  const { CN, O } = entity ?? {};
  return `"${preview(String(CN ?? O ?? "nobody"))}"`;
}

function dayOf(text: string): string {
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? preview(text) : new Date(ms).toISOString().slice(0, 10);
}
