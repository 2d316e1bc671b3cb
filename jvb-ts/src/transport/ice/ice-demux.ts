/**
 * Finds the owner of a STUN datagram on the single port: a Binding request by the local ufrag in its
 * USERNAME (also when the remote address is bound to somebody else: [REPL] of spec jvb-control 3.4),
 * a response by the tag in its transaction id. Everything else has no owner and is dropped.
 */
export interface IceDemux<T> {
  /** Owner of the datagram at `bytes[offset, offset+length)`, or undefined: drop it silently. */
  route(bytes: Uint8Array, offset: number, length: number): T | undefined;
}
