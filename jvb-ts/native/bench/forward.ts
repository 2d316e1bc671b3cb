/**
 * What forwarding costs: one sender's 1100-byte packets to N receivers, all on loopback.
 *
 *   shared/tooling/n24 jvb-ts/native/bench/forward.ts [--receivers 10] [--seconds 5] [--workers 1] [--rate 30 (packets out per ms)]
 *
 * The forwarder: receive (recvmmsg share, lookup, SRTP), copy into N slots, send (SRTP, sendmmsg
 * share). Sender and sinks live in a worker thread whose CPU time is subtracted from the process's;
 * the native receive thread of `--workers 2` and more is counted. Loopback delivery into
 * the receivers' sockets is part of sendmmsg and so of the figure. The delay is the time from the
 * sender's call to the first sink's row.
 */
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { realRuntime } from "#shared/runtime/real-runtime";
import { type PacketIo, type SrtpKeys, SrtpProfile } from "../../src/media/packet-io.ts";
import {
  HEADROOM,
  Kind,
  RxSlab,
  SLOT_BYTES,
  Status,
  TX_SLOTS,
  TxSlab,
} from "../../src/media/slab.ts";
import { openNativePacketIo } from "../../src/net/native-packet-io.ts";

const PACKET = 1100;

function argument(name: string, fallback: number): number {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
}

function keys(flip: boolean, profile: SrtpKeys["profile"]): SrtpKeys {
  const salt = profile === SrtpProfile.AEAD_AES_128_GCM ? 12 : 14;
  const one = { key: new Uint8Array(16).fill(1), salt: new Uint8Array(salt).fill(2) };
  const two = { key: new Uint8Array(16).fill(3), salt: new Uint8Array(salt).fill(4) };
  const [local, remote] = flip ? [two, one] : [one, two];
  return {
    profile,
    localKey: local.key,
    localSalt: local.salt,
    remoteKey: remote.key,
    remoteSalt: remote.salt,
  };
}

/** Milliseconds on the clock that all threads share. */
const monotonic = (): number => Number(process.hrtime.bigint() / 1000n) / 1000;

function open(group: string, ip: string, workers = 1): PacketIo {
  const { io } = openNativePacketIo({
    addresses: [{ ip, port: 0 }],
    receiveBufferBytes: 10 << 20,
    worker: 0,
    workers,
    group,
    clock: realRuntime.clock,
  });
  if (io === undefined) throw new Error("cannot bind");
  return io;
}

/** Ports of the forwarder and the sinks; each side learns the other's. */
interface Setup {
  readonly receivers: number;
  readonly profile: SrtpKeys["profile"];
  readonly port: number;
}

/** CPU of the far side in us; delays in ms. */
interface Report {
  readonly cpu: number;
  readonly p50: number;
  readonly p99: number;
}

/** The far side: one sender, N sinks that only drain. */
function farSide({ receivers, profile, port }: Setup): void {
  const sender = open("far sender", "127.0.0.1");
  const sinks = Array.from({ length: receivers }, (_, i) => open(`sink ${i}`, "127.0.0.1"));
  const rx = new RxSlab();
  const delays: number[] = [];
  const view = new DataView(rx.bytes.buffer);
  sinks.forEach((sink, at) => {
    const session = sink.openSession();
    sink.bindAddress(session, 0, { ip: "127.0.0.1", port });
    if (at === 1) sink.setKeys(session, keys(false, profile));
    sink.onReadable = () => {
      for (let n = sink.receive(rx); n > 0; n = sink.receive(rx))
        if (at === 1)
          for (let row = 0; row < n; row++)
            delays.push(monotonic() - view.getFloat64((rx.offset[row] ?? 0) + 12));
    };
  });
  const session = sender.openSession();
  sender.bindAddress(session, 0, { ip: "127.0.0.1", port });
  sender.selectAddress(session, 0, { ip: "127.0.0.1", port });
  sender.setKeys(session, keys(false, profile));
  const tx = new TxSlab();
  const txView = new DataView(tx.bytes.buffer);
  let seq = 0;
  let cpu = process.threadCpuUsage();
  parentPort?.on("message", (batch: number | "start" | "report") => {
    if (batch === "start") {
      delays.length = 0;
      cpu = process.threadCpuUsage();
      return;
    }
    if (batch === "report") {
      const used = process.threadCpuUsage(cpu);
      delays.sort((a, b) => a - b);
      const report: Report = {
        cpu: used.user + used.system,
        p50: delays[Math.floor(delays.length * 0.5)] ?? Number.NaN,
        p99: delays[Math.floor(delays.length * 0.99)] ?? Number.NaN,
      };
      parentPort?.postMessage(report);
      return;
    }
    for (let i = 0; i < batch; i++, seq++) {
      const row = tx.count++;
      const at = row * SLOT_BYTES + HEADROOM;
      tx.bytes.fill(7, at, at + PACKET);
      tx.bytes.set([0x80, 96, (seq >> 8) & 255, seq & 255, 0, 0, 0, 0, 0, 0, 0, 1], at);
      txView.setFloat64(at + 12, monotonic());
      tx.offset[row] = at;
      tx.length[row] = PACKET;
      tx.session[row] = session;
      tx.kind[row] = Kind.rtp;
    }
    sender.send(tx);
  });
  parentPort?.postMessage([
    sender.localAddresses[0]?.port,
    ...sinks.map((sink) => sink.localAddresses[0]?.port),
  ]);
}

async function nearSide(
  receivers: number,
  seconds: number,
  profile: SrtpKeys["profile"],
  workers: number,
) {
  const io = open(`forwarder ${receivers} ${profile}`, "127.0.0.1", workers);
  const port = io.localAddresses[0]?.port ?? 0;
  const setup: Setup = { receivers, profile, port };
  const far = new Worker(new URL(import.meta.url), { workerData: setup });
  const ports = await new Promise<number[]>((resolve) => far.once("message", resolve));
  const sessions = ports.map((remote) => {
    const session = io.openSession();
    const address = { ip: "127.0.0.1", port: remote };
    io.bindAddress(session, 0, address);
    io.selectAddress(session, 0, address);
    io.setKeys(session, keys(true, profile));
    return session;
  });
  const rx = new RxSlab();
  const tx = new TxSlab();
  let forwarded = 0;

  const forward = (row: number): void => {
    const from = rx.offset[row]!;
    const length = rx.length[row]!;
    for (let i = 1; i < sessions.length; i++) {
      if (tx.count === TX_SLOTS) forwarded += io.send(tx);
      const slot = tx.count++;
      const at = slot * SLOT_BYTES + HEADROOM;
      tx.bytes.set(rx.bytes.subarray(from, from + length), at);
      tx.offset[slot] = at;
      tx.length[slot] = length;
      tx.session[slot] = sessions[i]!;
      tx.kind[slot] = Kind.rtp;
    }
  };
  io.onReadable = () => {
    for (let n = io.receive(rx); n > 0; n = io.receive(rx)) {
      for (let row = 0; row < n; row++)
        if (rx.status[row] === Status.ok && rx.kind[row] === Kind.rtp) forward(row);
      forwarded += io.send(tx);
    }
  };
  // Small bursts each millisecond, as a network brings them.
  const burst = Math.max(1, Math.round(argument("rate", 30) / receivers));
  const timer = setInterval(() => far.postMessage(burst), 1);
  await new Promise((resolve) => setTimeout(resolve, 500));
  forwarded = 0;
  const before = process.cpuUsage();
  far.postMessage("start");
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  clearInterval(timer);
  const total = process.cpuUsage(before);
  far.postMessage("report");
  const { cpu, p50, p99 } = await new Promise<Report>((resolve) => far.once("message", resolve));
  const perPacket = (total.user + total.system - cpu) / forwarded;
  const { sendCongested, authFailed } = io.counters();
  io.close();
  await far.terminate();
  const name = profile === SrtpProfile.AEAD_AES_128_GCM ? "GCM" : "CM-SHA1-80";
  console.log(
    `${workers > 1 ? "receive thread, " : ""}1 to ${receivers}, ${name}: ${perPacket.toFixed(2)} us of CPU per forwarded packet, delay ${p50.toFixed(2)} / ${p99.toFixed(2)} ms (p50 / p99) at ${Math.round(forwarded / seconds)}/s; ${sendCongested} congested, ${authFailed} failed`,
  );
}

if (isMainThread) {
  const seconds = argument("seconds", 5);
  const only = argument("receivers", 0);
  for (const profile of [SrtpProfile.AEAD_AES_128_GCM, SrtpProfile.AES128_CM_HMAC_SHA1_80])
    for (const receivers of only > 0 ? [only] : [1, 10, 30])
      await nearSide(receivers, seconds, profile, argument("workers", 1));
} else {
  farSide(workerData as Setup);
}
