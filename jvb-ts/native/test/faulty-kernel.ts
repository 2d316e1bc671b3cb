/**
 * Child of `send-faults.live.ts`, started with a kernel that fails on demand: sends and receives
 * under each fault and prints what came of it, a JSON object per line.
 */

import { openSync, readSync, writeSync } from "node:fs";
import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { realRuntime } from "#shared/runtime/real-runtime";
import type { PacketIo } from "../../src/media/packet-io.ts";
import { HEADROOM, Kind, RxSlab, SLOT_BYTES, TxSlab } from "../../src/media/slab.ts";
import { openNativePacketIo } from "../../src/net/native-packet-io.ts";
import { receiveFaults } from "./receive-faults.ts";

const ROWS = 100;
const table = openSync(process.env["SEND_FAULTS"] ?? "", "r+");
const codes = constants.errno as Record<string, number>;

/** The next `times` calls fail: 0 sendmmsg, 1 recvmmsg, 2 poll, 3 sendmmsg of a run. */
function fail(which: number, code: string, times: number): void {
  writeSync(table, Int32Array.of(codes[code] ?? 0, times), 0, 8, 8 * which);
}

function timesLeft(which: number): number {
  const left = Buffer.alloc(4);
  readSync(table, left, 0, 4, 8 * which + 4);
  return left.readInt32LE();
}

function open(workers: number, worker = 0): PacketIo {
  const { io } = openNativePacketIo({
    addresses: [{ ip: "127.0.0.1", port: 0 }],
    receiveBufferBytes: 1 << 20,
    worker,
    workers,
    group: `faults ${workers} ${groups++}`,
    clock: realRuntime.clock,
  });
  if (io === undefined) throw new Error("cannot bind");
  return io;
}
let groups = 0;

/** A sender, and a receiver that counts. */
function pair(workers: number) {
  const from = open(1);
  const to = open(workers);
  const session = from.openSession();
  from.bindAddress(session, 0, to.localAddresses[0]!);
  const select = () => from.selectAddress(session, 0, to.localAddresses[0]!);
  select();
  to.bindAddress(to.openSession(), 0, from.localAddresses[0]!);
  const rx = new RxSlab();
  const received = { count: 0 };
  to.onReadable = () => {
    for (let n = to.receive(rx); n > 0; n = to.receive(rx)) received.count += n;
  };
  const tx = new TxSlab();
  /** `more` bytes each row than the one before: 0 makes runs of them. */
  const send = (more = 1): number => {
    for (let row = 0; row < ROWS; row++) {
      tx.offset[row] = row * SLOT_BYTES + HEADROOM;
      tx.bytes[tx.offset[row]!] = 22;
      tx.length[row] = 40 + row * more;
      tx.session[row] = session;
      tx.kind[row] = Kind.dtls;
    }
    tx.count = ROWS;
    return from.send(tx);
  };
  return { from, to, received, send, select };
}

const { from, received, send } = pair(1);
for (const [code, times] of [
  ["EAGAIN", 1],
  ["ENOBUFS", 1],
  ["ENOMEM", 1],
  ["EINTR", 5],
  ["EMFILE", 3],
  ["ENETUNREACH", 1000],
  ["EHOSTUNREACH", 7],
  ["EPERM", 7],
  ["EADDRNOTAVAIL", 1000],
  ["ENETDOWN", 7],
  ["EIO", 1],
] as const) {
  const before = from.counters();
  const began = realRuntime.clock.now();
  fail(0, code, times);
  const sent = send();
  fail(0, code, 0);
  const tookMs = realRuntime.clock.now() - began;
  const after = from.counters();
  received.count = 0;
  const later = send();
  await sleep(30);
  console.log(
    JSON.stringify({
      code,
      sent,
      congested: after.sendCongested - before.sendCongested,
      refused: after.sendRefused - before.sendRefused,
      tookMs,
      later,
      arrived: received.count,
    }),
  );
}

for (const code of ["EIO", "EINVAL", "EMSGSIZE", "ENOBUFS", "EPERM"]) {
  const one = pair(1);
  fail(3, code, 1);
  const sent = one.send(0);
  fail(3, code, 1000);
  const later = one.send(0);
  const runs = 1000 - timesLeft(3);
  // Another way may take runs.
  one.select();
  one.send(0);
  const runsAnew = 1000 - timesLeft(3) - runs;
  fail(3, code, 0);
  await sleep(30);
  const refused = one.from.counters().sendRefused;
  const arrived = one.received.count;
  console.log(JSON.stringify({ code, sent, refused, later, runs, runsAnew, arrived }));
  one.from.close();
  one.to.close();
}

for (const [workers, which, code] of receiveFaults) {
  const one = pair(workers);
  fail(which, code, 3);
  one.send();
  await sleep(150);
  one.send();
  await sleep(150);
  fail(which, code, 0);
  console.log(JSON.stringify({ code, workers, which, arrived: one.received.count }));
  one.from.close();
  one.to.close();
}
from.close();
process.exit(0);
