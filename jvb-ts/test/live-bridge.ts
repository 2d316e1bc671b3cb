/**
 * Test kit: endpoint transports on real sockets and real DTLS, the smallest possible media worker.
 */
import { realRuntime } from "#shared/runtime/real-runtime";
import type { Timer } from "#shared/runtime/runtime";
import { recordingLogger } from "#shared/testing/recording-logger";
import type { PacketIo } from "../src/media/packet-io.ts";
import { HEADROOM, Kind, RxSlab, Status, TxSlab } from "../src/media/slab.ts";
import { createDtlsEngine } from "../src/net/native-dtls.ts";
import { openNativePacketIo } from "../src/net/native-packet-io.ts";
import { EndpointTransport } from "../src/transport/endpoint-transport.ts";
import { IceDemux } from "../src/transport/ice/ice-demux.ts";
import { defaultIceSettings } from "../src/transport/ice/ice-settings.ts";
import { formatIp } from "../src/transport/stun/ip-address.ts";
import type { TransportOutput } from "../src/transport/transport-output.ts";

interface Entry {
  readonly transport: EndpointTransport;
  readonly session: number;
  readonly events: TransportOutput[];
  timer: Timer | undefined;
}

/** Each has sockets of its own. */
let made = 0;

export class LiveBridge {
  readonly io: PacketIo;
  readonly log = recordingLogger();
  readonly #demux = new IceDemux<EndpointTransport>();
  readonly #dtls = createDtlsEngine();
  readonly #certificate = this.#dtls.createCertificate();
  readonly #entries = new Map<EndpointTransport, Entry>();
  readonly #rx = new RxSlab();
  readonly #tx = new TxSlab();
  /** RTP and RTCP rows decrypted. */
  media = 0;
  /** Gets each decrypted RTP packet; the bytes are good until it returns. */
  onRtp: (bytes: Uint8Array) => void = () => {};
  onEvent: (transport: EndpointTransport, event: TransportOutput) => void = () => {};

  constructor(ip = "127.0.0.1") {
    const { io } = openNativePacketIo({
      addresses: [{ ip, port: 0 }],
      receiveBufferBytes: 1_000_000,
      worker: 0,
      workers: 1,
      group: `live bridge ${made++}`,
      clock: realRuntime.clock,
    });
    if (io === undefined) throw new Error("cannot bind");
    this.io = io;
    io.onReadable = () => this.#read();
  }

  open(controlling = true): EndpointTransport {
    const now = realRuntime.clock.now();
    const transport = new EndpointTransport({
      settings: defaultIceSettings,
      controlling,
      privateAddresses: true,
      sctp: "server",
      sockets: this.io.localAddresses,
      mappings: [],
      demux: this.#demux,
      dtls: this.#dtls,
      certificate: this.#certificate,
      random: realRuntime.random,
      now,
      wallNow: realRuntime.clock.wallNow(),
      log: this.log,
    });
    const session = this.io.openSession();
    this.#entries.set(transport, { transport, session, events: [], timer: undefined });
    this.io.registerUfrag(transport.describe().ufrag ?? "", session);
    return transport;
  }

  /** Call after every input. */
  flush(transport: EndpointTransport): void {
    const entry = this.#entries.get(transport);
    if (entry === undefined) return;
    for (let output = transport.poll(); output !== undefined; output = transport.poll()) {
      this.#execute(entry, output);
    }
    entry.timer?.cancel();
    const due = transport.pollTimeout();
    entry.timer =
      due === undefined
        ? undefined
        : realRuntime.timers.after(Math.max(0, due - realRuntime.clock.now()), () => {
            transport.handleTimeout(realRuntime.clock.now());
            this.flush(transport);
          });
    const pending = transport.describeRestart()?.ufrag;
    if (pending !== undefined) this.io.registerUfrag(pending, entry.session);
  }

  #execute({ transport, session, events }: Entry, output: TransportOutput): void {
    switch (output.kind) {
      case "sendDatagram":
        this.io.sendTo(output.socket, output.remote, output.bytes);
        return;
      case "bindAddress":
        this.io.bindAddress(session, output.socket, output.remote);
        break;
      case "unbindAddress":
        this.io.unbindAddress(session, output.socket, output.remote);
        break;
      case "selectAddress":
        this.io.selectAddress(session, output.socket, output.remote);
        break;
      case "setKeys":
        this.io.setKeys(session, output.keys);
        break;
      default:
    }
    events.push(output);
    this.onEvent(transport, output);
  }

  #read(): void {
    const rx = this.#rx;
    for (let count = this.io.receive(rx); count > 0; count = this.io.receive(rx)) {
      for (let row = 0; row < count; row++) this.#row(row);
    }
  }

  #row(row: number): void {
    const rx = this.#rx;
    if (rx.status[row] !== Status.ok) return;
    const offset = rx.offset[row] ?? 0;
    const length = rx.length[row] ?? 0;
    const bytes = rx.bytes.subarray(offset, offset + length);
    const now = realRuntime.clock.now();
    if (rx.kind[row] === Kind.stun) {
      const transport = this.#demux.route(rx.bytes, offset, length);
      const ip = formatIp(rx.address, row * 16, rx.family[row] === 4 ? 4 : 16);
      transport?.handleStun(rx.socket[row] ?? 0, { ip, port: rx.port[row] ?? 0 }, bytes, now);
      if (transport !== undefined) this.flush(transport);
    } else if (rx.kind[row] === Kind.dtls) {
      const entry = [...this.#entries.values()].find(({ session }) => session === rx.session[row]);
      entry?.transport.handleDtls(bytes, now);
      if (entry !== undefined) this.flush(entry.transport);
    } else {
      this.media++;
      if (rx.kind[row] === Kind.rtp) this.onRtp(bytes);
    }
  }

  /** Sends one RTP packet, encrypted, once the transport is connected. */
  sendRtp(transport: EndpointTransport, bytes: Uint8Array): void {
    const tx = this.#tx;
    tx.bytes.set(bytes, HEADROOM);
    tx.offset[0] = HEADROOM;
    tx.length[0] = bytes.length;
    tx.session[0] = this.#entries.get(transport)?.session ?? -1;
    tx.kind[0] = Kind.rtp;
    tx.count = 1;
    this.io.send(tx);
  }

  events(transport: EndpointTransport): readonly TransportOutput[] {
    return this.#entries.get(transport)?.events ?? [];
  }

  close(): void {
    for (const { transport, timer } of this.#entries.values()) {
      timer?.cancel();
      transport.close(realRuntime.clock.now());
      this.flush(transport);
    }
    this.io.close();
  }
}
