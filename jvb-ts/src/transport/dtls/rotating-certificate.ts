/** The certificate that new transports get: another one each day (spec jvb-media 2.1). */
import type { Clock, Millis } from "#shared/runtime/runtime";
import type { DtlsCertificate, DtlsEngine } from "./dtls-engine.ts";

const LIFE_MS = 24 * 3_600_000;

export class RotatingCertificate {
  readonly #dtls: Pick<DtlsEngine, "createCertificate">;
  readonly #clock: Clock;
  #value: DtlsCertificate | undefined;
  #madeAt: Millis = 0;

  constructor(dtls: Pick<DtlsEngine, "createCertificate">, clock: Clock) {
    this.#dtls = dtls;
    this.#clock = clock;
  }

  get current(): DtlsCertificate {
    const now = this.#clock.now();
    if (this.#value === undefined || now - this.#madeAt > LIFE_MS) {
      this.#value = this.#dtls.createCertificate();
      this.#madeAt = now;
    }
    return this.#value;
  }
}
