import { SeededRandom } from "#shared/testing/virtual-runtime";
import { BINDING, StunWriter } from "../stun/stun-message.ts";
import { StunMappingQuery } from "./stun-mapping.ts";

const make = (): { query: StunMappingQuery; id: Uint8Array } => {
  const query = new StunMappingQuery("192.0.2.1", new SeededRandom(1));
  return { query, id: query.start(0).slice(8, 20) };
};

export const targets: Record<string, (input: Uint8Array) => void> = {
  stunMapping(input) {
    const { query, id } = make();
    const bytes = input.slice();
    if (bytes.length >= 20) bytes.set(id, 8);
    query.handleDatagram(bytes);
    for (let at = query.pollTimeout(); at !== undefined; at = query.pollTimeout()) {
      query.handleTimeout(at);
    }
    if (query.result === undefined) throw new Error("never decided");
  },
};
export const seeds: Record<string, Uint8Array[]> = {
  stunMapping: [
    new StunWriter("success", BINDING, make().id)
      .xorMapped({ ip: "198.51.100.7", port: 5 })
      .finish(undefined),
  ],
};
