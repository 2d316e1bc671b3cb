/** Stands in when no socket could be opened: signalling works, media does not, health says why. */
import type { PacketCounters, PacketIo } from "../media/packet-io.ts";

const zero: PacketCounters = {
  received: 0,
  receivedBytes: 0,
  sent: 0,
  sentBytes: 0,
  unknownAddress: 0,
  unknownUfrag: 0,
  malformed: 0,
  noKeys: 0,
  authFailed: 0,
  replayed: 0,
  ringFull: 0,
  sendUnready: 0,
  sendCongested: 0,
  sendRefused: 0,
  repeatedIndex: 0,
  refusedRepeat: 0,
};

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
    counters: () => zero,
    close: () => {},
  };
}
