/** Data Channel Establishment Protocol (RFC 8832): OPEN and ACK. Peer input never throws. */
import { viewOf } from "./sctp-packet.ts";

/** Payload protocol identifiers (RFC 8831 8). */
export const Ppid = {
  dcep: 50,
  string: 51,
  binary: 53,
  stringEmpty: 56,
  binaryEmpty: 57,
} as const;

const OPEN = 3;
const ACK = 2;

export type DcepMessage =
  | { readonly kind: "open"; readonly label: string; readonly protocol: string }
  | { readonly kind: "ack" };

/** Parses a message of PPID 50; undefined when it is neither OPEN nor ACK. */
export function parseDcep(bytes: Uint8Array): DcepMessage | undefined {
  if (bytes[0] === ACK) return { kind: "ack" };
  if (bytes[0] !== OPEN || bytes.length < 12) return undefined;
  const view = viewOf(bytes);
  const labelEnd = 12 + view.getUint16(8);
  const protocolEnd = labelEnd + view.getUint16(10);
  if (protocolEnd > bytes.length) return undefined;
  const text = (from: number, to: number) => Buffer.from(bytes.subarray(from, to)).toString("utf8");
  return { kind: "open", label: text(12, labelEnd), protocol: text(labelEnd, protocolEnd) };
}

/** OPEN of a reliable, ordered channel of normal priority. */
export function buildDcepOpen(label: string, protocol: string): Uint8Array {
  const labelBytes = Buffer.from(label, "utf8");
  const protocolBytes = Buffer.from(protocol, "utf8");
  const bytes = new Uint8Array(12 + labelBytes.length + protocolBytes.length);
  const view = viewOf(bytes);
  bytes[0] = OPEN;
  view.setUint16(2, 256);
  view.setUint16(8, labelBytes.length);
  view.setUint16(10, protocolBytes.length);
  bytes.set(labelBytes, 12);
  bytes.set(protocolBytes, 12 + labelBytes.length);
  return bytes;
}

export function buildDcepAck(): Uint8Array {
  return Uint8Array.of(ACK);
}
