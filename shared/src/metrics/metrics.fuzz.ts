import { JICOFO_METRICS, negotiate } from "./negotiate.ts";

/** Takes any bytes as an `Accept` header and returns. */
export const targets: Record<string, (input: Uint8Array) => void> = {
  accept(input) {
    negotiate(new TextDecoder().decode(input), JICOFO_METRICS);
  },
};

export const seeds: Record<string, Uint8Array[]> = {
  accept: [new TextEncoder().encode("text/plain;version=0.0.4;q=0.3,*/*;q=0.1, application/json")],
};
