import type { Socket } from "node:net";
import { type Dial, dial } from "./dial.ts";
import { interruptedError, type Progress } from "../http-error.ts";
import { proxyName } from "../proxy/proxy-address.ts";

/** Dials for nobody's deadline but this one: the error `timeout` behind it. */
export async function dialWithin(way: Dial, timeoutMs: number): Promise<Socket> {
  const timeout = AbortSignal.timeout(timeoutMs);
  let stage: Progress["stage"] = "connecting";
  const onHandshake = (): void => {
    stage = "handshaking";
    way.onHandshake?.();
  };
  try {
    return await dial({ ...way, signal: AbortSignal.any([way.signal, timeout]), onHandshake });
  } catch (thrown) {
    if (!timeout.aborted || way.signal.aborted) throw thrown;
    const { url, proxy } = way;
    const progress = { url, stage, bodyBytes: 0, ...(proxy && { via: proxyName(proxy) }) };
    throw interruptedError("timeout", progress, timeoutMs);
  }
}
