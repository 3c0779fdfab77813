import { AgentError, type Clock, limits } from "../base/index.ts";
import type { HttpClient } from "../http/index.ts";
import { sameArguments } from "../schema/index.ts";
import type { KubernetesAccount } from "./pod-account.ts";

/** An account, and the client that authenticates as it. */
export interface AccountSession {
  readonly account: KubernetesAccount;
  readonly http: HttpClient;
}

export interface AccountClientOptions {
  readonly account: KubernetesAccount;
  readonly open: (account: KubernetesAccount) => HttpClient;
  readonly clock: Clock;
}

/** Asks as an account, and as the one that took its place: a kubeconfig is written anew where its token or its authority is replaced. */
export class AccountClient {
  readonly #options: AccountClientOptions;
  #session: AccountSession;
  /** The last look at whether there is another account by now; requests that were turned away together share it. */
  #look: { readonly atMs: number; readonly account: Promise<KubernetesAccount> } | undefined;

  constructor(options: AccountClientOptions) {
    this.#options = options;
    this.#session = this.#open(options.account);
  }

  /** Asks once more where the API server turned the account away and there is another one by now. Rejects as `ask` does, and with KubernetesError. */
  async run<Answer>(ask: (session: AccountSession) => Promise<Answer>): Promise<Answer> {
    const session = this.#session;
    try {
      return await ask(session);
    } catch (thrown) {
      if (!isTurnedAway(thrown) || !(await this.#renew(session))) throw thrown;
      return ask(this.#session);
    }
  }

  close(): void {
    this.#session.http.close();
  }

  #open(account: KubernetesAccount): AccountSession {
    return { account, http: this.#options.open(account) };
  }

  /** Whether there is another account than that of `turnedAway`. */
  async #renew(turnedAway: AccountSession): Promise<boolean> {
    const { renew, server, http } = turnedAway.account;
    if (turnedAway !== this.#session) return true;
    if (!renew) return false;
    const nowMs = this.#options.clock.monotonic();
    if (!this.#look || nowMs - this.#look.atMs >= limits.kubeconfigRereadMs)
      this.#look = { atMs: nowMs, account: renew() };
    const account = await this.#look.account;
    if (turnedAway !== this.#session) return true;
    if (sameArguments([account.server, account.http], [server, http])) return false;
    turnedAway.http.close();
    this.#session = this.#open(account);
    return true;
  }
}

/** Whether who the agent is, or whom it trusts, is at fault. */
function isTurnedAway(thrown: unknown): boolean {
  return thrown instanceof AgentError && (thrown.reason === "unauthorized" || thrown.reason === "tls");
}
