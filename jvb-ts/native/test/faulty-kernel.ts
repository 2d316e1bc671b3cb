/**
 * Child of `send-faults.live.ts`, started with a kernel that fails on demand: sends and receives
 * under each fault and prints what came of it, a JSON object per line.
 */

import { openSync, readSync, writeSync } from "node:fs";
import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { realRuntime } from "#shared/runtime/real-runtime";
import { type PacketIo, type SrtpKeys, SrtpProfile } from "../../src/media/packet-io.ts";
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

/** Messages that `step` made of what it sent, and how many of them were runs. */
function messagesOf(step: () => number): { sent: number; messages: number; runs: number } {
  writeSync(table, Int32Array.of(0, 0), 0, 8, 8 * 4);
  const sent = step();
  const counts = new Int32Array(2);
  readSync(table, counts, 0, 8, 8 * 4);
  return { sent, messages: counts[0]!, runs: counts[1]! };
}

function open(workers: number, worker = 0, ip = "127.0.0.1"): PacketIo {
  const { io } = openNativePacketIo({
    addresses: [{ ip, port: 0 }],
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

const keys = (local: number, remote: number): SrtpKeys => ({
  profile: SrtpProfile.AEAD_AES_128_GCM,
  localKey: new Uint8Array(16).fill(local),
  localSalt: new Uint8Array(12).fill(local),
  remoteKey: new Uint8Array(16).fill(remote),
  remoteSalt: new Uint8Array(12).fill(remote),
});

/** A sender, and a receiver that counts. */
function pair(workers: number, ip?: string) {
  const from = open(1, 0, ip);
  const to = open(workers, 0, ip);
  const session = from.openSession();
  from.bindAddress(session, 0, to.localAddresses[0]!);
  const select = () => from.selectAddress(session, 0, to.localAddresses[0]!);
  select();
  const theirs = to.openSession();
  to.bindAddress(theirs, 0, from.localAddresses[0]!);
  const rx = new RxSlab();
  const received = { count: 0 };
  to.onReadable = () => {
    for (let n = to.receive(rx); n > 0; n = to.receive(rx)) received.count += n;
  };
  const tx = new TxSlab();
  const setKeys = () => {
    from.setKeys(session, keys(1, 2));
    to.setKeys(theirs, keys(2, 1));
  };
  /** RTP packets, equally long. */
  const sendMedia = (): number => {
    for (let row = 0; row < ROWS; row++) {
      const at = row * SLOT_BYTES + HEADROOM;
      tx.offset[row] = at;
      tx.bytes.fill(0, at, at + 40);
      tx.bytes[at] = 0x80;
      tx.bytes[at + 3] = row;
      tx.length[row] = 40;
      tx.session[row] = session;
      tx.kind[row] = Kind.rtp;
    }
    tx.count = ROWS;
    return from.send(tx);
  };
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
  return { from, to, received, send, sendMedia, setKeys, select };
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

for (const [code, ip, media] of [
  ["equal", "127.0.0.1", false],
  ["equal, IPv6", "::1", false],
  ["media", "127.0.0.1", true],
] as const) {
  const one = pair(1, ip);
  one.setKeys();
  const counted = messagesOf(media ? one.sendMedia : () => one.send(0));
  await sleep(30);
  console.log(JSON.stringify({ code, ...counted, arrived: one.received.count }));
  one.from.close();
  one.to.close();
}

{
  const one = pair(1);
  fail(3, "EAGAIN", 1);
  const sent = one.send(0);
  const later = messagesOf(() => one.send(0));
  await sleep(30);
  const { sendCongested: congested } = one.from.counters();
  console.log(
    JSON.stringify({ code: "no room", ...later, sent, congested, arrived: one.received.count }),
  );
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
