import { httpOrigin } from "./http-origin.ts";

const encoder = new TextEncoder();

/** The header of a proxy, and with it what anybody wrote into it. */
export const targets: Record<string, (input: Uint8Array) => void> = {
  httpOrigin(input) {
    const text = new TextDecoder().decode(input);
    const { address } = httpOrigin("127.0.0.1", text);
    if (address !== undefined && address.length > 40) throw new Error(`longer: ${address}`);
    httpOrigin(text, undefined);
  },
};

export const seeds: Record<string, Uint8Array[]> = {
  httpOrigin: ["203.0.113.7", "[2001:db8::1]:80, ::1", "::ffff:1.2.3.4, unknown"].map((text) =>
    encoder.encode(text),
  ),
};
