/**
 * One participant's way to a bridge: ICE, DTLS, SRTP on a socket of its own, and the bridge channel
 * over the WebSocket that the bridge offers, or over SCTP where it offers none.
 */
import { WebSocket } from "ws";
import { encodeBridgeMessage } from "#shared/bridge-channel/encode";
import type { Logger } from "#shared/logging/logger";
import { realRuntime } from "#shared/runtime/real-runtime";
import type { Timer } from "#shared/runtime/runtime";
import type { IceTransport } from "#shared/stanza/media";
import type { PacketIo, SocketAddress } from "../../src/media/packet-io.ts";
import type { DtlsCertificate, DtlsEngine } from "../../src/transport/dtls/dtls-engine.ts";
import { EndpointTransport } from "../../src/transport/endpoint-transport.ts";
import { IceDemux } from "../../src/transport/ice/ice-demux.ts";
import { defaultIceSettings } from "../../src/transport/ice/ice-settings.ts";

const { clock, random, timers } = realRuntime;

export class LoadPeer {
  readonly #io: PacketIo;
  readonly #socket: number;
  readonly session: number;
  readonly transport: EndpointTransport;
  #timer: Timer | undefined;
  #channel: WebSocket | undefined;
  readonly #isSctp: boolean;
  /** When its first ICE packet left, and when it had the keys of SRTP; `performance.now`, ms. */
  firstSentAt: number | undefined = undefined;
  keyedAt: number | undefined = undefined;
  #failed: string | undefined;
  #open = false;
  channelMessages = 0;

  /** @param socket index of its socket, which nobody else uses */
  constructor(
    io: PacketIo,
    socket: number,
    dtls: { readonly engine: DtlsEngine; readonly certificate: DtlsCertificate },
    log: Logger,
    channel: "websocket" | "sctp" = "websocket",
  ) {
    this.#isSctp = channel === "sctp";
    this.#io = io;
    this.#socket = socket;
    const local = io.localAddresses[socket];
    if (local === undefined) throw new Error("no socket for a participant");
    // Each has one socket, so its index among its own is 0.
    this.transport = new EndpointTransport({
      settings: defaultIceSettings,
      controlling: false,
      privateAddresses: true,
      sctp: channel === "sctp" ? "client" : "off",
      sockets: [local],
      mappings: [],
      demux: new IceDemux<EndpointTransport>(),
      dtls: dtls.engine,
      certificate: dtls.certificate,
      random,
      now: clock.now(),
      wallNow: clock.wallNow(),
      log,
    });
    this.session = io.openSession();
    io.registerUfrag(this.transport.describe().ufrag ?? "", this.session);
  }

  /** What its session-accept says: it is the DTLS client, as browsers are. */
  describe(): IceTransport {
    const all = this.transport.describe();
    const fingerprints = all.fingerprints.map((one) => ({ ...one, setup: "active" as const }));
    return { ...all, fingerprints };
  }

  /** Connects to the bridge's transport and opens the bridge channel that it names. */
  connect(remote: IceTransport): void {
    const fingerprints = remote.fingerprints.map((one) => ({ ...one, setup: "passive" as const }));
    this.transport.setRemote({ ...remote, fingerprints }, clock.now());
    this.#flush();
    if (!this.#isSctp) this.#openWebSocket(remote);
  }

  #openWebSocket(remote: IceTransport): void {
    const [url] = remote.webSockets;
    if (url === undefined) throw new Error("the bridge offers no WebSocket");
    this.#channel = new WebSocket(url);
    this.#channel.on("open", () => {
      this.#open = true;
    });
    this.#channel.on("message", () => {
      this.channelMessages++;
    });
    this.#channel.on("error", (error) => {
      this.#failed = `bridge channel: ${error.message}`;
    });
  }

  /** Why it will never be connected. */
  get failed(): string | undefined {
    return this.#failed;
  }

  get connected(): boolean {
    return this.keyedAt !== undefined && this.#open;
  }

  /** Asks for video of this height of everybody, and no more than that. */
  want(maxHeight: number): void {
    const text = encodeBridgeMessage({
      kind: "ReceiverVideoConstraints",
      lastN: -1,
      selectedSources: undefined,
      onStageSources: undefined,
      defaultConstraints: { maxHeight, maxFrameRate: -1 },
      constraints: undefined,
      assumedBandwidthBps: undefined,
    });
    if (this.#isSctp) {
      this.transport.sendChannel(text, clock.now());
      this.#flush();
    } else this.#channel?.send(text);
  }

  handleStun(remote: SocketAddress, bytes: Uint8Array): void {
    this.transport.handleStun(0, remote, bytes, clock.now());
    this.#flush();
  }

  handleDtls(bytes: Uint8Array): void {
    this.transport.handleDtls(bytes, clock.now());
    this.#flush();
  }

  close(): void {
    this.#channel?.close();
    this.transport.close(clock.now());
    this.#flush();
    this.#timer?.cancel();
    this.#io.closeSession(this.session);
  }

  #flush(): void {
    const { transport, session } = this;
    const io = this.#io;
    const socket = this.#socket;
    for (let out = transport.poll(); out !== undefined; out = transport.poll()) {
      if (out.kind === "sendDatagram") {
        this.firstSentAt ??= performance.now();
        io.sendTo(socket, out.remote, out.bytes);
      } else if (out.kind === "bindAddress") io.bindAddress(session, socket, out.remote);
      else if (out.kind === "unbindAddress") io.unbindAddress(session, socket, out.remote);
      else if (out.kind === "selectAddress") io.selectAddress(session, socket, out.remote);
      else if (out.kind === "setKeys") {
        io.setKeys(session, out.keys);
        this.keyedAt ??= performance.now();
      } else if (out.kind === "channelOpen") this.#open = true;
      else if (out.kind === "channelMessage") this.channelMessages++;
      else if (out.kind === "iceFailed") this.#failed = "ICE failed";
      else if (out.kind === "dtlsFailed") this.#failed = `DTLS: ${out.reason}`;
    }
    this.#timer?.cancel();
    const due = transport.pollTimeout();
    if (due === undefined) return;
    this.#timer = timers.after(Math.max(0, due - clock.now()), () => {
      transport.handleTimeout(clock.now());
      this.#flush();
    });
  }
}
