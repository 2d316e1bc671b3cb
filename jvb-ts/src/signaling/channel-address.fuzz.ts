import { parseChannelAddress } from "./channel-address.ts";

export const targets: Record<string, (input: Uint8Array) => void> = {
  channelAddress(input) {
    // Node's HTTP server takes no longer head.
    const url = Buffer.from(input.subarray(0, 16_384)).toString("latin1");
    parseChannelAddress(url.slice(1), url);
  },
};
export const seeds: Record<string, Uint8Array[]> = {
  channelAddress: [Buffer.from("/jvb1/c0ffee/aaaa1111?pwd=0123456789abcdefghijABCD&x=%41")],
};
