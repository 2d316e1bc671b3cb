/** Stands in when no socket could be opened: signalling works, media does not, health says why. */
import { type PacketIo, zeroPacketCounters } from "../media/packet-io.ts";

export function noPacketIo(): PacketIo {
  let sessions = 0;
  return {
    localAddresses: [],
    onReadable: undefined,
    receive: () => 0,
    send: (slab) => {
      slab.count = 0;
      return 0;
    },
    sendTo: () => {},
    openSession: () => sessions++,
    closeSession: () => {},
    bindAddress: () => {},
    unbindAddress: () => {},
    selectAddress: () => {},
    setKeys: () => {},
    registerUfrag: () => {},
    unregisterUfrag: () => {},
    counters: zeroPacketCounters,
    close: () => {},
  };
}
