/**
 * A thread of clients for `worker-garbage.ts`: real ICE, DTLS, SRTP and bridge channel on a loopback
 * socket; some talk, one sends simulcast, all answer with feedback. In a thread of its own, because
 * its heap must not be counted.
 */
import { parentPort, workerData } from "node:worker_threads";
import { encodeBridgeMessage } from "#shared/bridge-channel/encode";
import type { Logger } from "#shared/logging/logger";
import { writeNack, writeReceiverReportHeader, writeReportBlock } from "#shared/rtp/rtcp-build";
import { readUint16, writeInt32, writeUint16 } from "#shared/rtp/rtp-header";
import { realRuntime } from "#shared/runtime/real-runtime";
import type { Timer } from "#shared/runtime/runtime";
import type { IceTransport } from "#shared/stanza/media";
import { AUDIO_LEVEL, OPUS, TRANSPORT_CC, VP8 } from "../src/cc/engine-fixture.ts";
import type { PacketIo } from "../src/media/packet-io.ts";
import { HEADROOM, Kind, RxSlab, SLOT_BYTES, Status, TX_SLOTS, TxSlab } from "../src/media/slab.ts";
import { TransportCcReceiver } from "../src/media/transport-cc-receiver.ts";
import { createDtlsEngine } from "../src/net/native-dtls.ts";
import { openNativePacketIo } from "../src/net/native-packet-io.ts";
import { EndpointTransport } from "../src/transport/endpoint-transport.ts";
import { IceDemux } from "../src/transport/ice/ice-demux.ts";
import { defaultIceSettings } from "../src/transport/ice/ice-settings.ts";
import { formatIp } from "../src/transport/stun/ip-address.ts";

/** What the two threads say to each other. */
export type ToPeers = { readonly remotes: readonly IceTransport[] } | { readonly start: true };
export type FromPeers =
  | { readonly descriptions: readonly IceTransport[] }
  | { readonly connected: true }
  | { readonly received: number };
export interface PeersPlan {
  readonly count: number;
  /** The first so many talk; the first one also sends video. */
  readonly speakers: number;
}
export const audioSsrc = (peer: number): number => 1000 + peer;
export const VIDEO_SSRCS = [2001, 2002, 2003];
const PACKETS_PER_FRAME = [1, 3, 8];
const TICK_MS = 10;

const silent: Logger = {
  error: (text, _context, cause) => console.error(text, cause),
  warn: () => {},
  info: () => {},
  debug: () => {},
  enabled: () => false,
  child: () => silent,
};

interface Peer {
  /** Each has one of its own, for the bridge tells peers by their addresses. */
  readonly socket: number;
  readonly transport: EndpointTransport;
  readonly session: number;
  readonly feedback: TransportCcReceiver;
  timer: Timer | undefined;
  keyed: boolean;
  channel: boolean;
}

class Peers {
  readonly #io: PacketIo;
  readonly #peers: Peer[] = [];
  readonly #rx = new RxSlab();
  readonly #tx = new TxSlab();
  readonly #speakers: number;
  readonly #seq = new Map<number, number>();
  #ticks = 0;
  #frame = 0;
  #wantsKeyframe = true;
  #videoPackets = 0;
  received = 0;

  constructor(plan: PeersPlan) {
    const { io } = openNativePacketIo({
      addresses: Array.from({ length: plan.count }, () => ({ ip: "127.0.0.1", port: 0 })),
      receiveBufferBytes: 4_000_000,
      worker: 0,
      workers: 1,
      group: "peers",
      clock: realRuntime.clock,
    });
    if (io === undefined) throw new Error("cannot bind");
    this.#io = io;
    this.#speakers = plan.speakers;
    const dtls = createDtlsEngine();
    const certificate = dtls.createCertificate();
    for (let i = 0; i < plan.count; i++) {
      const transport = new EndpointTransport({
        settings: defaultIceSettings,
        controlling: false,
        privateAddresses: true,
        sctp: "client",
        sockets: [io.localAddresses[i]!],
        mappings: [],
        demux: new IceDemux<EndpointTransport>(),
        dtls,
        certificate,
        random: realRuntime.random,
        now: realRuntime.clock.now(),
        wallNow: realRuntime.clock.wallNow(),
        log: silent,
      });
      const session = io.openSession();
      io.registerUfrag(transport.describe().ufrag ?? "", session);
      const own = { socket: i, transport, session, feedback: new TransportCcReceiver() };
      this.#peers.push({ ...own, timer: undefined, keyed: false, channel: false });
    }
    io.onReadable = () => this.#read();
  }

  descriptions(): IceTransport[] {
    return this.#peers.map(({ transport }) => {
      const all = transport.describe();
      const fingerprints = all.fingerprints.map((one) => ({ ...one, setup: "active" as const }));
      return { ...all, fingerprints };
    });
  }

  connect(remotes: readonly IceTransport[]): void {
    for (const [i, remote] of remotes.entries()) {
      const peer = this.#peers[i]!;
      const fingerprints = remote.fingerprints.map((one) => ({
        ...one,
        setup: "passive" as const,
      }));
      peer.transport.setRemote({ ...remote, fingerprints }, realRuntime.clock.now());
      this.#flush(peer);
    }
  }

  get connected(): boolean {
    return this.#peers.every((peer) => peer.keyed && peer.channel);
  }

  /** All ask for everything, then media flows. */
  start(): void {
    const text = encodeBridgeMessage({
      kind: "ReceiverVideoConstraints",
      lastN: -1,
      selectedSources: undefined,
      onStageSources: undefined,
      defaultConstraints: { maxHeight: 720, maxFrameRate: -1 },
      constraints: undefined,
      assumedBandwidthBps: undefined,
    });
    for (const peer of this.#peers) {
      peer.transport.sendChannel(text, realRuntime.clock.now());
      this.#flush(peer);
    }
    setInterval(() => this.#tick(), TICK_MS);
  }

  #tick(): void {
    this.#ticks++;
    if (this.#ticks % 2 === 0) for (let i = 0; i < this.#speakers; i++) this.#talk(i);
    if (this.#ticks % 3 === 0) this.#film();
    if (this.#ticks % 10 === 0) for (const peer of this.#peers) this.#answer(peer);
    this.#io.send(this.#tx);
  }

  #next(ssrc: number): number {
    const seq = ((this.#seq.get(ssrc) ?? 0) + 1) & 0xffff;
    this.#seq.set(ssrc, seq);
    return seq;
  }

  /** Header and one-byte extension `id` of two bytes; returns where the payload begins. */
  #begin(pt: number, ssrc: number, timestamp: number, id: number, value: number): number {
    if (this.#tx.count === TX_SLOTS) this.#io.send(this.#tx);
    const { bytes } = this.#tx;
    const at = this.#tx.count * SLOT_BYTES + HEADROOM;
    bytes[at] = 0x90;
    bytes[at + 1] = pt;
    writeUint16(bytes, at + 2, this.#next(ssrc));
    writeInt32(bytes, at + 4, timestamp);
    writeInt32(bytes, at + 8, ssrc);
    writeUint16(bytes, at + 12, 0xbede);
    writeUint16(bytes, at + 14, 1);
    const length = id === AUDIO_LEVEL ? 1 : 2;
    bytes.fill(0, at + 16, at + 20);
    bytes[at + 16] = (id << 4) | (length - 1);
    if (length === 1) bytes[at + 17] = value;
    else writeUint16(bytes, at + 17, value);
    return at + 20;
  }

  #end(from: number, length: number, kind: number): void {
    const tx = this.#tx;
    const row = tx.count++;
    tx.offset[row] = row * SLOT_BYTES + HEADROOM;
    tx.length[row] = length;
    tx.session[row] = this.#peers[from]!.session;
    tx.kind[row] = kind;
  }

  #talk(peer: number): void {
    // Who is loudest changes now and then.
    const loudest = Math.floor(this.#ticks / 500) % this.#speakers;
    const level = peer === loudest ? 20 : 60;
    this.#begin(OPUS, audioSsrc(peer), this.#ticks * 480, AUDIO_LEVEL, 0x80 | level);
    this.#end(peer, 20 + 100, Kind.rtp);
  }

  #film(): void {
    const keyframe = this.#wantsKeyframe;
    this.#wantsKeyframe = false;
    const frame = this.#frame++;
    for (const [layer, ssrc] of VIDEO_SSRCS.entries()) {
      const packets = PACKETS_PER_FRAME[layer]!;
      for (let i = 0; i < packets; i++) {
        const last = i === packets - 1;
        const pt = (last ? 0x80 : 0) | VP8;
        const at = this.#begin(pt, ssrc, frame * 2700, TRANSPORT_CC, this.#videoPackets++ & 0xffff);
        const { bytes } = this.#tx;
        const height = 180 << layer;
        bytes.set([0x80 | (i === 0 ? 0x10 : 0), 0xe0, 0x80 | ((frame >> 8) & 0x7f), frame], at);
        bytes.set([frame, 0, ...(keyframe ? [0x10, 0, 0, 0x9d, 1, 0x2a] : [0x11, 0, 0])], at + 4);
        if (keyframe) bytes.set([0, 5, height & 0xff, height >> 8], at + 12);
        this.#end(0, 20 + 1000, Kind.rtp);
      }
    }
  }

  /** Transport-cc feedback, a report, and a lost packet now and then. */
  #answer(peer: Peer): void {
    const tx = this.#tx;
    const { bytes } = tx;
    const index = this.#peers.indexOf(peer);
    const write = (build: (at: number) => number): number => {
      if (tx.count === TX_SLOTS) this.#io.send(tx);
      const length = build(tx.count * SLOT_BYTES + HEADROOM);
      if (length > 0) this.#end(index, length, Kind.rtcp);
      return length;
    };
    const now = realRuntime.clock.now();
    const me = audioSsrc(index);
    while (write((at) => peer.feedback.write(bytes, at, me, now)) > 0);
    write((at) => {
      writeReceiverReportHeader(bytes, at, me, 1);
      writeReportBlock(bytes, at + 8, VIDEO_SSRCS[0]!, 0, 0, 1, 1, 0, 0);
      return 32;
    });
    if (this.#ticks % 20 !== 0) return;
    const seqs = Uint16Array.of(Math.max(0, (this.#seq.get(VIDEO_SSRCS[2]!) ?? 0) - 20));
    write((at) => writeNack(bytes, at, me, VIDEO_SSRCS[0]!, seqs, 1, 1200));
  }

  #read(): void {
    const rx = this.#rx;
    for (let n = this.#io.receive(rx); n > 0; n = this.#io.receive(rx))
      for (let row = 0; row < n; row++) if (rx.status[row] === Status.ok) this.#row(row);
  }

  #row(row: number): void {
    const rx = this.#rx;
    const offset = rx.offset[row]!;
    const length = rx.length[row]!;
    const now = realRuntime.clock.now();
    const peer = this.#peers[rx.socket[row]!]!;
    if (rx.kind[row] === Kind.rtp) {
      this.received++;
      const isVideo = (rx.bytes[offset + 1]! & 0x7f) === VP8;
      if (isVideo && (rx.bytes[offset]! & 0x10) !== 0)
        peer.feedback.handlePacket(readUint16(rx.bytes, offset + 17), false, 1, now, now);
    } else if (rx.kind[row] === Kind.rtcp) {
      if (rx.bytes[offset + 1] === 206) this.#wantsKeyframe = true;
    } else {
      const bytes = rx.bytes.slice(offset, offset + length);
      const ip = formatIp(rx.address, row * 16, rx.family[row] === 4 ? 4 : 16);
      const remote = { ip, port: rx.port[row] ?? 0 };
      if (rx.kind[row] === Kind.stun) peer.transport.handleStun(0, remote, bytes, now);
      else peer.transport.handleDtls(bytes, now);
      this.#flush(peer);
    }
  }

  #flush(peer: Peer): void {
    const { transport, session, socket } = peer;
    for (let out = transport.poll(); out !== undefined; out = transport.poll()) {
      if (out.kind === "sendDatagram") this.#io.sendTo(socket, out.remote, out.bytes);
      else if (out.kind === "bindAddress") this.#io.bindAddress(session, socket, out.remote);
      else if (out.kind === "selectAddress") this.#io.selectAddress(session, socket, out.remote);
      else if (out.kind === "setKeys") {
        this.#io.setKeys(session, out.keys);
        peer.keyed = true;
      } else if (out.kind === "channelOpen" || out.kind === "channelMessage") peer.channel = true;
    }
    peer.timer?.cancel();
    const due = transport.pollTimeout();
    if (due === undefined) return;
    peer.timer = realRuntime.timers.after(Math.max(0, due - realRuntime.clock.now()), () => {
      transport.handleTimeout(realRuntime.clock.now());
      this.#flush(peer);
    });
  }
}

if (parentPort !== null) {
  const port = parentPort;
  const peers = new Peers(workerData as PeersPlan);
  const say = (message: FromPeers): void => port.postMessage(message);
  port.on("message", (message: ToPeers) => {
    if ("start" in message) {
      peers.start();
      setInterval(() => say({ received: peers.received }), 1000);
      return;
    }
    peers.connect(message.remotes);
    const waiting = setInterval(() => {
      if (!peers.connected) return;
      clearInterval(waiting);
      say({ connected: true });
    }, 20);
  });
  say({ descriptions: peers.descriptions() });
}
