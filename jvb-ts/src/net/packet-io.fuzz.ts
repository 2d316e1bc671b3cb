/**
 * Random datagrams through real sockets into the addon's receive call: bound with keys, bound
 * without, unbound. One input is sent to all three; rows must stay within their slots. The bridge
 * has two workers, since a native thread then reads and no turn of the event loop is needed.
 */
import { realRuntime } from "#shared/runtime/real-runtime";
import { type PacketIo, SrtpProfile } from "../media/packet-io.ts";
import { MAX_DATAGRAM, RxSlab, SLOT_BYTES } from "../media/slab.ts";
import { openNativePacketIo } from "./native-packet-io.ts";
import { classify, stunLocalUfrag } from "./twin-packet-io.ts";

function open(group: string, workers = 1): PacketIo {
  const { io } = openNativePacketIo({
    addresses: [{ ip: "127.0.0.1", port: 0 }],
    receiveBufferBytes: 1 << 20,
    worker: 0,
    workers,
    group: `fuzz ${group}`,
    clock: realRuntime.clock,
  });
  if (io === undefined) throw new Error("cannot bind");
  return io;
}

/** Opened with the first input, so that merely loading the file keeps no process alive. */
let ends: { readonly bridge: PacketIo; readonly peers: readonly PacketIo[] } | undefined;

function start() {
  const bridge = open("bridge", 2);
  const peers = [open("keyed"), open("bare"), open("stranger")];
  const sessions = peers.slice(0, 2).map((peer) => {
    const session = bridge.openSession();
    const remote = peer.localAddresses[0];
    if (remote !== undefined) bridge.bindAddress(session, 0, remote);
    return session;
  });
  bridge.registerUfrag("ours", sessions[0] ?? 0);
  bridge.setKeys(sessions[0] ?? 0, {
    profile: SrtpProfile.AEAD_AES_128_GCM,
    localKey: new Uint8Array(16),
    localSalt: new Uint8Array(12),
    remoteKey: new Uint8Array(16),
    remoteSalt: new Uint8Array(12),
  });
  return { bridge, peers };
}

const slab = new RxSlab();

function checkRow(row: number): void {
  const at = (slab.offset[row] ?? 0) % SLOT_BYTES;
  const length = slab.length[row] ?? 0;
  if (length <= 0 || length > MAX_DATAGRAM || at + length > SLOT_BYTES)
    throw new Error(`row of ${length} bytes at ${at}`);
}

export const targets: Record<string, (input: Uint8Array) => void> = {
  "udp-receive": (input) => {
    ends ??= start();
    const to = ends.bridge.localAddresses[0];
    if (to === undefined) throw new Error("not bound");
    for (const peer of ends.peers) peer.sendTo(0, to, input.subarray(0, 2000));
    const end = realRuntime.clock.now() + 5;
    for (let rows = 0; rows < 2 && realRuntime.clock.now() < end; ) {
      const count = ends.bridge.receive(slab);
      for (let row = 0; row < count; row++) checkRow(row);
      rows += input.length === 0 || input.length > MAX_DATAGRAM ? 2 : count;
    }
  },
  "udp-classify": (input) => {
    classify(input);
    stunLocalUfrag(input);
  },
};

const binding = Buffer.alloc(32);
binding.writeUInt16BE(1, 0);
binding.writeUInt16BE(12, 2);
binding.writeUInt32BE(0x2112a442, 4);
binding.writeUInt16BE(6, 20);
binding.writeUInt16BE(6, 22);
binding.write("ours:x", 24);

export const seeds: Record<string, Uint8Array[]> = {
  "udp-receive": [binding, Uint8Array.of(0x80, 96, ...new Array<number>(60).fill(0))],
  "udp-classify": [binding],
};
