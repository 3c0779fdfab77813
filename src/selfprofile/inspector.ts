import { errorMessage } from "../base/index.ts";
import { SelfProfileError } from "./error.ts";

/** One function as the inspector names it (Chrome DevTools Protocol, Runtime.CallFrame). Lines count from 0. */
export interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

/** A connection to the runtime's own inspector. */
export interface Inspector {
  /** Sends one command; rejects with SelfProfileError where the runtime does not know or will not do it. */
  post<Result>(method: string, params?: object): Promise<Result>;
  close(): void;
}

/** Connects to the inspector of this process; no port is opened. */
export async function openInspector(): Promise<Inspector> {
  // Imported here, because Bun's bundler loads a module that a file imports at its top when the agent starts: 5 MB.
  const { Session } = await import("node:inspector");
  const session = new Session();
  session.connect();
  return {
    post: <Result>(method: string, params: object = {}) =>
      new Promise<Result>((resolve, reject) => {
        session.post(method, params, (error, result) => {
          if (error) reject(refused(method, error));
          else resolve(result as Result);
        });
      }),
    close: () => session.disconnect(),
  };
}

function refused(method: string, error: unknown): SelfProfileError {
  const message = `Cannot profile this process: the runtime refused "${method}": ${errorMessage(error)}`;
  return new SelfProfileError("unavailable", message, { cause: error });
}
