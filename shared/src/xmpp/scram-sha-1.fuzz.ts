import { parseScramChallenge } from "./scram-sha-1.ts";

const nonce = "fyko+d2lbbFgONRv9qkxdawL";
const utf8 = new TextDecoder();

/** A challenge is answered with our nonce in front and bounded work, or not at all. */
export const targets: Record<string, (input: Uint8Array) => void> = {
  "scram-challenge": (input) => {
    const challenge = parseScramChallenge(utf8.decode(input), nonce);
    if (challenge === undefined) return;
    const { iterations } = challenge;
    if (!challenge.nonce.startsWith(nonce) || challenge.nonce === nonce) throw new Error("nonce");
    if (!(iterations >= 1 && iterations <= 1_000_000)) throw new Error(`${iterations} iterations`);
  },
};

export const seeds: Record<string, Uint8Array[]> = {
  "scram-challenge": [
    `r=${nonce}3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096`,
    `m=x,r=${nonce}3rfc,s=,i=1e6,r=${nonce}x`,
  ].map((text) => new TextEncoder().encode(text)),
};
