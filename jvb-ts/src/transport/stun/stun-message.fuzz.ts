import { integrityHolds, parseStun, StunWriter, transactionKey } from "./stun-message.ts";

const id = new Uint8Array(12).fill(7);
const request = new StunWriter("request", 1, id)
  .string(0x0006, "abcd:efgh")
  .uint32(0x0024, 1)
  .role({ controlling: true, tieBreaker: 5n })
  .finish("secret");
const success = new StunWriter("success", 1, id).xorMapped({ ip: "::1", port: 9 }).finish("secret");

export const targets: Record<string, (input: Uint8Array) => void> = {
  stun(input) {
    const message = parseStun(input);
    if (message === undefined) return;
    transactionKey(message.bytes);
    integrityHolds(message, "secret");
  },
};
export const seeds: Record<string, Uint8Array[]> = { stun: [request, success] };
