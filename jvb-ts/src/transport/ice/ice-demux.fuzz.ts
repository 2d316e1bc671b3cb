import { StunWriter } from "../stun/stun-message.ts";
import { IceDemux } from "./ice-demux.ts";

export const targets: Record<string, (input: Uint8Array) => void> = {
  iceDemux(input) {
    const demux = new IceDemux<string>();
    demux.register("abcd", 1, "x");
    demux.route(input, 0, input.length);
  },
};
export const seeds: Record<string, Uint8Array[]> = {
  iceDemux: [new StunWriter("request", 1, new Uint8Array(12)).string(6, "abcd:x").finish("pw")],
};
