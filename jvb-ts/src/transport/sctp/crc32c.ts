/** CRC-32C (Castagnoli, reflected), the checksum of SCTP (RFC 9260 appendix A). */
const table = new Uint32Array(256).map((_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f6_3b78 : value >>> 1;
  return value;
});

/** Unsigned 32 bits. The four bytes at `zeroAt` count as zero (the checksum's own place). */
export function crc32c(bytes: Uint8Array, zeroAt = -1): number {
  let crc = 0xffff_ffff;
  for (let at = 0; at < bytes.length; at++) {
    const byte = zeroAt >= 0 && at >= zeroAt && at < zeroAt + 4 ? 0 : (bytes[at] ?? 0);
    crc = (crc >>> 8) ^ (table[(crc ^ byte) & 0xff] ?? 0);
  }
  return ~crc >>> 0;
}
