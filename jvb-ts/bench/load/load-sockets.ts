/** A socket for each participant, because bridges tell them by their addresses. */
import { realRuntime } from "#shared/runtime/real-runtime";
import type { PacketIo } from "../../src/media/packet-io.ts";
import { openNativePacketIo } from "../../src/net/native-packet-io.ts";

/** Large enough that what a bridge sends at once waits and is not dropped. */
const RECEIVE_BUFFER_BYTES = 8_000_000;
let groups = 0;

/** @param count 32 at most */
export function openLoadSockets(count: number, ip: string): PacketIo {
  const { io, failures } = openNativePacketIo({
    addresses: Array.from({ length: count }, () => ({ ip, port: 0 })),
    receiveBufferBytes: RECEIVE_BUFFER_BYTES,
    worker: 0,
    workers: 1,
    group: `load ${groups++}`,
    clock: realRuntime.clock,
  });
  if (io === undefined || failures.length > 0) throw new Error(`cannot bind sockets at ${ip}`);
  return io;
}
