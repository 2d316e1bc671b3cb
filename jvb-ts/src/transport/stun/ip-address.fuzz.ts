import { addressScope, canonicalIp, parseIp } from "./ip-address.ts";

export const targets: Record<string, (input: Uint8Array) => void> = {
  /** Addresses of candidates, as signaling carries them. */
  ipAddress(input) {
    const text = Buffer.from(input).toString("latin1");
    const canonical = canonicalIp(text);
    if ((canonical === undefined) !== (parseIp(text) === undefined)) throw new Error("two minds");
    if (canonical === undefined) return;
    addressScope(canonical);
    if (canonicalIp(canonical) !== canonical) throw new Error("not canonical");
  },
};
export const seeds: Record<string, Uint8Array[]> = {
  ipAddress: ["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "fe80::1%eth0"].map((text) =>
    Buffer.from(text),
  ),
};
