/**
 * Test kit: a participant with ICE, DTLS, SRTP and data channel on one UDP socket of its own, who
 * may also send whatever else a test wants from the address that ICE has validated.
 */
import { createSocket, type Socket } from "node:dgram";
import { realRuntime } from "#shared/runtime/real-runtime";
import type { Timer } from "#shared/runtime/runtime";
import type { IceTransport } from "#shared/stanza/media";
import { recordingLogger } from "#shared/testing/recording-logger";
import type { SocketAddress } from "../src/media/packet-io.ts";
import { createDtlsEngine } from "../src/net/native-dtls.ts";
import { createNativeSrtp, SRTP_TRAILER, type SrtpTransform } from "../src/net/srtp-transform.ts";
import { EndpointTransport } from "../src/transport/endpoint-transport.ts";
import { IceDemux } from "../src/transport/ice/ice-demux.ts";
import { defaultIceSettings } from "../src/transport/ice/ice-settings.ts";
import { withSetup } from "./dtls-setup.ts";

const { clock, random, timers } = realRuntime;
const dtls = createDtlsEngine();
const certificate = dtls.createCertificate();

export class LiveClient {
  readonly socket: Socket;
  readonly transport: EndpointTransport;
  /** Texts of the bridge channel. */
  readonly texts: string[] = [];
  /** RTP of others, in the clear. */
  readonly rtp: Uint8Array[] = [];
  /** Datagrams of first byte 20 to 63 that came. */
  dtlsReceived = 0;
  #srtp: SrtpTransform | undefined;
  #remote: SocketAddress | undefined;
  #timer: Timer | undefined;
  #closed = false;

  private constructor(socket: Socket, local: SocketAddress) {
    this.socket = socket;
    this.transport = new EndpointTransport({
      settings: defaultIceSettings,
      controlling: false,
      privateAddresses: true,
      sctp: "client",
      sockets: [local],
      mappings: [],
      demux: new IceDemux<EndpointTransport>(),
      dtls,
      certificate,
      random,
      now: clock.now(),
      wallNow: clock.wallNow(),
      log: recordingLogger(),
    });
    socket.on("message", (bytes, { address, port }) => this.#take(bytes, { ip: address, port }));
    socket.on("error", () => {});
  }

  static async open(): Promise<LiveClient> {
    const socket = createSocket("udp4");
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    return new LiveClient(socket, { ip: "127.0.0.1", port: socket.address().port });
  }

  /** What the focus would tell the bridge: our side is the DTLS client. */
  describe(): IceTransport {
    return { ...withSetup(this.transport.describe(), "active"), candidates: [] };
  }

  connect(bridge: IceTransport): void {
    this.transport.setRemote(withSetup(bridge, "passive"), clock.now());
    this.#flush();
  }

  get connected(): boolean {
    return this.transport.dtlsConnected;
  }

  /** Any datagram from the validated address; undefined is where media goes. */
  sendRaw(bytes: Uint8Array): void {
    if (this.#remote !== undefined && !this.#closed) {
      this.socket.send(bytes, this.#remote.port, this.#remote.ip);
    }
  }

  /** A packet of ours as it goes on the wire. */
  protect(packet: Uint8Array, kind: "rtp" | "rtcp"): Uint8Array {
    const room = new Uint8Array(packet.length + SRTP_TRAILER);
    room.set(packet);
    const length =
      kind === "rtp"
        ? this.#srtp?.protectRtp(room, 0, packet.length)
        : this.#srtp?.protectRtcp(room, 0, packet.length);
    return room.slice(0, length);
  }

  say(text: string): boolean {
    const said = this.transport.sendChannel(text, clock.now());
    this.#flush();
    return said;
  }

  close(): void {
    if (this.#closed) return;
    this.#timer?.cancel();
    this.transport.close(clock.now());
    this.#flush();
    this.#timer?.cancel();
    this.#closed = true;
    this.socket.close();
  }

  #take(bytes: Uint8Array, from: SocketAddress): void {
    const first = bytes[0] ?? 0;
    if (first < 4) this.transport.handleStun(0, from, bytes, clock.now());
    else if (first < 64) {
      this.dtlsReceived++;
      this.transport.handleDtls(bytes, clock.now());
    } else this.#takeMedia(bytes);
    this.#flush();
  }

  #takeMedia(bytes: Uint8Array): void {
    const second = bytes[1] ?? 0;
    if (this.#srtp === undefined || (second >= 192 && second <= 223)) return;
    const room = new Uint8Array(bytes.length + SRTP_TRAILER);
    room.set(bytes);
    const length = this.#srtp.unprotectRtp(room, 0, bytes.length);
    if (length > 0) this.rtp.push(room.slice(0, length));
  }

  #flush(): void {
    if (this.#closed) return;
    for (let out = this.transport.poll(); out !== undefined; out = this.transport.poll()) {
      if (out.kind === "sendDatagram") {
        this.socket.send(out.bytes, out.remote.port, out.remote.ip);
      } else if (out.kind === "selectAddress") this.#remote = out.remote;
      else if (out.kind === "setKeys") this.#srtp = createNativeSrtp(out.keys);
      else if (out.kind === "channelMessage") this.texts.push(out.text);
    }
    this.#timer?.cancel();
    const due = this.transport.pollTimeout();
    if (due === undefined) return;
    this.#timer = timers.after(Math.max(0, due - clock.now()), () => {
      this.transport.handleTimeout(clock.now());
      this.#flush();
    });
  }
}
