/** What tests of packet I/O put into sockets and take out: rows copied out of slabs. */
import { readFileSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { expect } from "chai";
import { realRuntime } from "#shared/runtime/real-runtime";
import type { PacketIo } from "../src/media/packet-io.ts";
import { HEADROOM, RxSlab, SLOT_BYTES, type TxSlab } from "../src/media/slab.ts";
import type { PacketIoOptions } from "../src/net/packet-io-options.ts";

let groups = 0;

export function options(ip = "127.0.0.1", more: Partial<PacketIoOptions> = {}): PacketIoOptions {
  return {
    addresses: [{ ip, port: 0 }],
    receiveBufferBytes: 1 << 20,
    worker: 0,
    workers: 1,
    group: `test ${groups++}`,
    clock: realRuntime.clock,
    ...more,
  };
}

/** One received row, copied out of the slab. */
export interface Row {
  readonly kind: number;
  readonly status: number;
  readonly session: number;
  readonly socket: number;
  readonly family: number;
  readonly address: string;
  readonly port: number;
  readonly bytes: string;
}

export const hex = (data: Uint8Array) => Buffer.from(data).toString("hex");

/** An end knows a few slabs only. */
const slabs = new WeakMap<PacketIo, RxSlab>();

/** Waits until the receiving thread has taken all that came to a UDP port of 127.0.0.1. */
export async function queueRead(port: number): Promise<void> {
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const bytesQueued = () => {
    const line = readFileSync("/proc/net/udp", "utf8")
      .split("\n")
      .find((text) => text.includes(` ${local} `));
    return parseInt(/:([0-9A-F]{8}) [0-9A-F]{2}:/.exec(line ?? "")?.[1] ?? "", 16);
  };
  const until = realRuntime.clock.now() + 5_000;
  while (bytesQueued() !== 0) {
    if (realRuntime.clock.now() > until) throw new Error(`nobody reads UDP port ${port}`);
    await setImmediate();
  }
}

/** Collects rows until `count` have come, or `ms` have passed without. */
export async function collect(io: PacketIo, count: number, ms = 1000): Promise<Row[]> {
  const slab = slabs.get(io) ?? new RxSlab();
  slabs.set(io, slab);
  const rows: Row[] = [];
  const drain = () => {
    for (let n = io.receive(slab); n > 0; n = io.receive(slab))
      for (let i = 0; i < n; i++) {
        const at = slab.offset[i]!;
        expect(slab.arrival[i]).to.be.within(
          realRuntime.clock.now() - 3000,
          realRuntime.clock.now(),
        );
        rows.push({
          kind: slab.kind[i]!,
          status: slab.status[i]!,
          session: slab.session[i]!,
          socket: slab.socket[i]!,
          family: slab.family[i]!,
          address: hex(slab.address.subarray(i * 16, i * 16 + 16)),
          port: slab.port[i]!,
          bytes: hex(slab.bytes.subarray(at, at + slab.length[i]!)),
        });
      }
  };
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    io.onReadable = () => {
      drain();
      if (rows.length < count) return;
      clearTimeout(timer);
      resolve();
    };
    io.onReadable();
  });
  io.onReadable = undefined;
  return rows;
}

export function put(slab: TxSlab, session: number, kind: number, data: Uint8Array): void {
  const row = slab.count++;
  const at = row * SLOT_BYTES + HEADROOM;
  slab.bytes.set(data, at);
  slab.offset[row] = at;
  slab.length[row] = data.length;
  slab.session[row] = session;
  slab.kind[row] = kind;
}

export function stun(type: number, username: string | undefined, id = 1): Uint8Array {
  const name = Buffer.from(username ?? "");
  const padded = username === undefined ? 0 : 4 + ((name.length + 3) & ~3);
  const packet = Buffer.alloc(20 + padded);
  packet.writeUInt16BE(type, 0);
  packet.writeUInt16BE(padded, 2);
  packet.writeUInt32BE(0x2112a442, 4);
  packet.fill(id, 8, 20);
  if (username !== undefined) {
    packet.writeUInt16BE(6, 20);
    packet.writeUInt16BE(name.length, 22);
    name.copy(packet, 24);
  }
  return packet;
}
