/** Checks under way: which answer belongs to which, and when they are sent again (RFC 8489 6.2.1). */
import type { Millis } from "#shared/runtime/runtime";
import { transactionKey } from "../stun/stun-message.ts";
import type { CandidatePair } from "./candidate-pair.ts";
import type { IceSettings } from "./ice-settings.ts";

/** A Binding request of ours. */
export interface NewCheck {
  readonly pair: CandidatePair;
  readonly purpose: "check" | "consent";
  readonly bytes: Uint8Array;
  /** Our role when it was built. */
  readonly controlling: boolean;
  readonly nominating: boolean;
}

/** One that waits for its answer. */
export interface Check extends NewCheck {
  /** `transactionKey` of `bytes`. */
  readonly key: string;
  /** Bound of the wait, which doubles. */
  readonly maxWait: Millis;
  /** Retransmissions left. */
  left: number;
  /** Until the next one. */
  wait: Millis;
  nextAt: Millis;
}

export class CheckTransactions {
  readonly #settings: IceSettings;
  readonly #checks = new Map<string, Check>();

  constructor(settings: IceSettings) {
    this.#settings = settings;
  }

  [Symbol.iterator](): MapIterator<Check> {
    return this.#checks.values();
  }

  /** Sent now for the first time. `retransmissions`: where not as configured for its purpose. */
  open(check: NewCheck, now: Millis, retransmissions?: number): void {
    const { pair, purpose, bytes, controlling, nominating } = check;
    const settings = this.#settings;
    const isConsent = purpose === "consent";
    const most = isConsent ? settings.consentMaxRetransmissions : settings.maxRetransmissions;
    const wait = isConsent ? settings.consentWaitMs : settings.firstRetransmissionMs;
    const key = transactionKey(bytes);
    this.#checks.set(key, {
      pair,
      purpose,
      bytes,
      controlling,
      nominating,
      key,
      maxWait: isConsent ? settings.consentMaxWaitMs : settings.maxRetransmissionMs,
      left: retransmissions ?? most,
      wait,
      nextAt: now + wait,
    });
  }

  /** The check that a message answers. */
  answeredBy(answer: Uint8Array): Check | undefined {
    return this.#checks.get(transactionKey(answer));
  }

  find(pair: CandidatePair, purpose: Check["purpose"]): Check | undefined {
    for (const check of this.#checks.values()) {
      if (check.pair === pair && check.purpose === purpose) return check;
    }
    return undefined;
  }

  close(check: Check): void {
    this.#checks.delete(check.key);
  }

  closeAll(): void {
    this.#checks.clear();
  }

  /** Those to be sent again, or given up, now. */
  due(now: Millis): readonly Check[] {
    return [...this.#checks.values()].filter(({ nextAt }) => nextAt <= now);
  }

  /** When the next one is due; infinite without any. */
  get nextAt(): Millis {
    let at = Number.POSITIVE_INFINITY;
    for (const { nextAt } of this.#checks.values()) at = Math.min(at, nextAt);
    return at;
  }

  /** Counts one more transmission of a check that is due; false: it was the last, and it is closed. */
  again(check: Check, now: Millis): boolean {
    if (check.left === 0) {
      this.close(check);
      return false;
    }
    check.left--;
    check.wait = Math.min(check.wait * 2, check.maxWait);
    check.nextAt = now + check.wait;
    return true;
  }
}
