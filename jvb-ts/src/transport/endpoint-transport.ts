/**
 * One endpoint's path to the bridge: ICE, DTLS and SCTP composed. Free of I/O.
 *
 * Contract: after every input (`setRemote`, `restartIce`, `handle*`, `sendChannel`, `close`) drain
 * `poll()` until undefined and execute the outputs in order, then call `handleTimeout` when
 * `pollTimeout()` is reached. Nothing a peer sends makes it throw.
 */
import type { Logger } from "#shared/logging/logger";
import { Bug } from "#shared/runtime/bug";
import type { Millis, Random } from "#shared/runtime/runtime";
import { type Allowance, TokenBucket } from "#shared/runtime/token-bucket";
import type { IceTransport as IceDescription } from "#shared/stanza/media";
import type { SocketAddress } from "../media/packet-io.ts";
import type { DtlsCertificate, DtlsEngine } from "./dtls/dtls-engine.ts";
import { type DtlsEvent, type DtlsRules, DtlsTransport } from "./dtls/dtls-transport.ts";
import type { HandshakeSlots } from "./dtls/handshake-slots.ts";
import type { AddressMapping } from "./ice/address-mapping.ts";
import type { IceDemux } from "./ice/ice-demux.ts";
import type { IceSettings } from "./ice/ice-settings.ts";
import {
  type IceLocalDescription,
  IceTransport,
  type IceTransportOutput,
} from "./ice/ice-transport.ts";
import { type ChannelEvent, SctpTransport } from "./sctp/sctp-transport.ts";
import { addressKey } from "./stun/ip-address.ts";
import { parseStun } from "./stun/stun-message.ts";
import type { RestartResult, TransportOutput } from "./transport-output.ts";

/**
 * Badly signed STUN that is looked at, from addresses that ICE has not validated and from those it
 * has: to check a signature costs more than all the rest of a datagram, and whoever knows a ufrag
 * may send 50,000 a second (spec benchmarks-and-faults G.5 E1). What is signed well costs nothing.
 */
const STRANGERS: Allowance = { rate: 100, burst: 200 };
const VALIDATED: Allowance = { rate: 500, burst: 500 };

export interface EndpointTransportOptions {
  readonly settings: IceSettings;
  /** `ice-controlling` of the COLIBRI2 transport: for endpoints usually true. */
  readonly controlling: boolean;
  /** False hides RFC 1918 addresses (`advertise-private-candidates`, capability, relays). */
  readonly privateAddresses: boolean;
  /** `server`: wait for INIT (endpoints); `client`: connect and open (relays); `off`: no SCTP. */
  readonly sctp: "off" | "server" | "client";
  /** Sockets of the single port (`PacketIo.localAddresses`); the index is the `socket` number. */
  readonly sockets: readonly SocketAddress[];
  /** NAT mappings known now. */
  readonly mappings: readonly AddressMapping[];
  /** One per worker: finds the transport of a STUN datagram. */
  readonly demux: IceDemux<EndpointTransport>;
  readonly dtls: DtlsEngine;
  /** Half-open handshakes of the worker; without it nothing limits them. */
  readonly handshakes?: HandshakeSlots | undefined;
  readonly certificate: DtlsCertificate;
  /** Upstream's without them. */
  readonly dtlsRules?: DtlsRules | undefined;
  readonly random: Random;
  /** Monotonic now. */
  readonly now: Millis;
  /** Epoch now: part of the ufrag. */
  readonly wallNow: Millis;
  /** Already carries `conf` and `endpoint`. */
  readonly log: Logger;
}

/** Packets of one layer, for the debug JSON. */
export interface LayerCounters {
  readonly received: number;
  readonly sent: number;
  readonly dropped: number;
}

/** State for the debug JSON (spec jvb-control 6.3). */
export interface EndpointTransportState {
  readonly closed: boolean;
  readonly iceWritable: boolean;
  readonly iceConnected: boolean;
  readonly iceFailed: boolean;
  readonly iceControlling: boolean;
  readonly iceState: string;
  readonly consentLost: boolean;
  readonly localUfrag: string;
  readonly iceGeneration: number;
  readonly restartPending: boolean;
  readonly pendingIceGeneration: number | undefined;
  readonly pendingLocalUfrag: string | undefined;
  readonly pendingChecksStarted: boolean;
  /** Remote end of the pair in use; to be shown through `pii()`. */
  readonly remote: SocketAddress | undefined;
  readonly dtlsRunning: boolean;
  readonly dtlsRole: string;
  readonly dtlsConnected: boolean;
  readonly cryptex: boolean;
  readonly channelReady: boolean;
  readonly ice: LayerCounters;
  readonly dtls: LayerCounters;
  readonly sctp: LayerCounters;
}

export class EndpointTransport {
  readonly #demux: IceDemux<EndpointTransport>;
  readonly #ice: IceTransport;
  readonly #dtls: DtlsTransport;
  readonly #sctp: SctpTransport | undefined;
  readonly #outputs: TransportOutput[] = [];
  /** Gets each SCTP packet in the clear, while it is set. */
  sctpTap: ((packet: Uint8Array, isReceived: boolean) => void) | undefined = undefined;
  #closed = false;
  #iceReceived = 0;
  #iceSent = 0;
  #iceJunk = 0;
  readonly #badStun: { readonly strangers: TokenBucket; readonly validated: TokenBucket };

  constructor(options: EndpointTransportOptions) {
    const { settings, controlling, privateAddresses, sockets, mappings, random, log } = options;
    const { demux, wallNow } = options;
    this.#demux = demux;
    this.#badStun = {
      strangers: new TokenBucket(STRANGERS, options.now),
      validated: new TokenBucket(VALIDATED, options.now),
    };
    this.#ice = new IceTransport({
      settings,
      controlling,
      privateAddresses,
      sockets,
      mappings,
      registry: {
        newTag: () => demux.newTag(random),
        hasUfrag: (ufrag) => demux.hasUfrag(ufrag),
        register: (ufrag, tag) => demux.register(ufrag, tag, this),
        unregister: (ufrag, tag) => demux.unregister(ufrag, tag),
      },
      random,
      wallNow,
      log,
    });
    this.#dtls = new DtlsTransport({
      engine: options.dtls,
      certificate: options.certificate,
      rules: options.dtlsRules,
      log,
      slots: options.handshakes,
    });
    this.#sctp =
      options.sctp === "off" ? undefined : new SctpTransport({ role: options.sctp, random, log });
  }

  // ---- signalling

  /** Description of the established (or first) agent; web sockets are the signalling's to add. */
  describe(): IceDescription {
    return this.#describe(this.#ice.describe());
  }

  /** Description of the pending restart with its `ice-generation`, if one is pending. */
  describeRestart(): IceDescription | undefined {
    const pending = this.#ice.describePending();
    return pending === undefined ? undefined : this.#describe(pending);
  }

  #describe({ ufrag, pwd, candidates, generation }: IceLocalDescription): IceDescription {
    return {
      ufrag,
      pwd,
      iceGeneration: generation,
      rtcpMux: true,
      fingerprints: [this.#dtls.describe()],
      candidates,
      webSockets: [],
    };
  }

  /** Applies the peer's description: credentials, candidates, fingerprints (spec 3.5, 3.7, 3.8). */
  setRemote(remote: IceDescription, now: Millis): void {
    if (this.#closed) return;
    this.#dtls.setRemote(remote.fingerprints, now);
    this.#ice.setRemote(remote, now);
    this.#settle(now);
  }

  /** Asks for an in-place restart; `started`: answer with `describeRestart()`. */
  restartIce(now: Millis, wallNow: Millis): RestartResult {
    const result = this.#ice.restart(now, wallNow);
    this.#settle(now);
    return result;
  }

  // ---- packets and time

  /**
   * Whether STUN is looked at now; false during a flood of badly signed messages, which are then
   * dropped unread. `validated`: the sender's address is bound to this endpoint.
   */
  admitsStun(validated: boolean, now: Millis): boolean {
    const { strangers, validated: known } = this.#badStun;
    if ((validated ? known : strangers).nextAt(now) <= now) return true;
    this.#iceReceived++;
    this.#iceJunk++;
    return false;
  }

  /** A STUN datagram that `IceDemux.route` gave to this transport. `bytes` is not kept. */
  handleStun(socket: number, remote: SocketAddress, bytes: Uint8Array, now: Millis): void {
    if (this.#closed) return;
    this.#iceReceived++;
    const message = parseStun(bytes);
    const dropped = this.#ice.dropped;
    if (message === undefined) this.#iceJunk++;
    else this.#ice.handleStun(socket, remote, message, now);
    if (message === undefined || this.#ice.dropped > dropped)
      this.#chargeBadStun(socket, remote, now);
    this.#settle(now);
  }

  #chargeBadStun(socket: number, remote: SocketAddress, now: Millis): void {
    const { strangers, validated } = this.#badStun;
    const owned = this.#demux.owns(addressKey(socket, remote), this);
    (owned ? validated : strangers).take(now);
  }

  /** A DTLS datagram (first byte 20 to 63) from one of this endpoint's addresses; not kept. */
  handleDtls(bytes: Uint8Array, now: Millis): void {
    if (this.#closed) return;
    this.#dtls.handleDatagram(bytes, now);
    this.#settle(now);
  }

  /** Sends one text on the data channel; false when there is none or its queue is full. */
  sendChannel(text: string, now: Millis): boolean {
    const taken = this.#sctp?.sendText(text, now) ?? false;
    this.#settle(now);
    return taken;
  }

  handleTimeout(now: Millis): void {
    if (this.#closed) return;
    this.#ice.handleTimeout(now);
    this.#dtls.handleTimeout(now);
    this.#sctp?.handleTimeout(now);
    this.#settle(now);
  }

  pollTimeout(): Millis | undefined {
    if (this.#closed) return undefined;
    const at = Math.min(
      this.#ice.pollTimeout() ?? Number.POSITIVE_INFINITY,
      this.#dtls.pollTimeout() ?? Number.POSITIVE_INFINITY,
      this.#sctp?.pollTimeout() ?? Number.POSITIVE_INFINITY,
    );
    return at === Number.POSITIVE_INFINITY ? undefined : at;
  }

  poll(): TransportOutput | undefined {
    return this.#outputs.shift();
  }

  /** Ends the association, DTLS and ICE; the last datagrams and unbindings come out of `poll`. */
  close(now: Millis): void {
    if (this.#closed) return;
    this.#sctp?.close(now);
    this.#settle(now);
    this.#dtls.close();
    this.#settle(now);
    this.#ice.close();
    this.#settle(now);
    this.#closed = true;
  }

  // ---- state

  get iceConnected(): boolean {
    return this.#ice.connected;
  }
  get iceFailed(): boolean {
    return this.#ice.failed;
  }
  get dtlsConnected(): boolean {
    return this.#dtls.connected;
  }
  get channelReady(): boolean {
    return this.#sctp?.ready ?? false;
  }
  /** When the peer last confirmed consent; part of the endpoint's activity. */
  get lastIceActivity(): Millis | undefined {
    return this.#ice.lastConsent;
  }

  get state(): EndpointTransportState {
    const ice = this.#ice;
    const dtls = this.#dtls;
    return {
      closed: this.#closed,
      iceWritable: ice.writable,
      iceConnected: ice.connected,
      iceFailed: ice.failed,
      iceControlling: ice.agent.controlling,
      iceState: ice.agent.state,
      consentLost: ice.agent.consentLost,
      localUfrag: ice.agent.credentials.ufrag,
      iceGeneration: ice.generation,
      restartPending: ice.pendingAgent !== undefined,
      pendingIceGeneration: ice.pendingGeneration,
      pendingLocalUfrag: ice.pendingAgent?.credentials.ufrag,
      pendingChecksStarted: ice.pendingAgent?.hasRemoteCredentials ?? false,
      remote: ice.path?.remote,
      dtlsRunning: dtls.running,
      dtlsRole: dtls.role,
      dtlsConnected: dtls.connected,
      cryptex: dtls.cryptex,
      channelReady: this.channelReady,
      ice: {
        received: this.#iceReceived,
        sent: this.#iceSent,
        dropped: this.#iceJunk + ice.dropped,
      },
      dtls: { received: dtls.packetsReceived, sent: dtls.packetsSent, dropped: dtls.dropped },
      sctp: this.#sctp?.counters ?? { received: 0, sent: 0, dropped: 0 },
    };
  }

  // ---- between the layers

  /** Moves what each layer put out to the next one, until all are quiet. */
  #settle(now: Millis): void {
    for (let moved = true; moved; ) {
      moved = false;
      for (let out = this.#ice.poll(); out !== undefined; out = this.#ice.poll()) {
        moved = true;
        this.#fromIce(out, now);
      }
      for (let event = this.#dtls.poll(); event !== undefined; event = this.#dtls.poll()) {
        moved = true;
        this.#fromDtls(event, now);
      }
      if (this.#sctp === undefined) continue;
      for (let event = this.#sctp.poll(); event !== undefined; event = this.#sctp.poll()) {
        moved = true;
        this.#fromSctp(event);
      }
    }
  }

  #fromIce(output: IceTransportOutput, now: Millis): void {
    switch (output.kind) {
      case "send":
        this.#iceSent++;
        this.#outputs.push({ ...output, kind: "sendDatagram" });
        break;
      case "bind":
        this.#bind(output.socket, output.remote);
        break;
      case "unbind":
        // Somebody else may own it by now: a client that came back from the same port.
        if (this.#demux.unbind(addressKey(output.socket, output.remote), this)) {
          this.#outputs.push({ ...output, kind: "unbindAddress" });
        }
        break;
      case "path":
        this.#outputs.push({ ...output, kind: "selectAddress" });
        this.#dtls.setWritable(now);
        break;
      case "completed":
        this.#outputs.push({ kind: "iceConnected", relayed: output.relayed });
        break;
      case "failed":
        this.#outputs.push({ kind: "iceFailed" });
        break;
      case "restart":
        this.#outputs.push({ kind: "iceRestart", outcome: output.outcome });
        break;
      default:
        throw new Bug(output satisfies never);
    }
  }

  #bind(socket: number, remote: SocketAddress): void {
    const key = addressKey(socket, remote);
    const previous = this.#demux.bind(key, this);
    if (previous !== undefined) previous.#ice.addressLost(key);
    this.#outputs.push({ kind: "bindAddress", socket, remote });
  }

  #fromDtls(event: DtlsEvent, now: Millis): void {
    switch (event.kind) {
      case "datagram": {
        const path = this.#ice.path;
        if (path === undefined) break;
        const { socket, remote } = path;
        this.#outputs.push({ kind: "sendDatagram", socket, remote, bytes: event.bytes });
        break;
      }
      case "connected":
        this.#outputs.push({ kind: "setKeys", keys: event.keys }, { kind: "dtlsConnected" });
        this.#sctp?.start(now);
        break;
      case "data":
        this.sctpTap?.(event.bytes, true);
        this.#sctp?.handlePacket(event.bytes, now);
        break;
      case "failed":
        this.#outputs.push({ kind: "dtlsFailed", reason: event.reason });
        break;
      default:
        throw new Bug(event satisfies never);
    }
  }

  #fromSctp(event: ChannelEvent): void {
    switch (event.kind) {
      case "packet":
        this.sctpTap?.(event.bytes, false);
        this.#dtls.send(event.bytes);
        break;
      case "open":
        this.#outputs.push({ kind: "channelOpen" });
        break;
      case "message":
        this.#outputs.push({ kind: "channelMessage", text: event.text });
        break;
      case "closed":
        this.#outputs.push({ kind: "channelClosed" });
        break;
      case "rejected":
        this.#outputs.push({ kind: "channelRejected" });
        break;
      case "slowed":
        this.#outputs.push({ kind: "channelSlowed" });
        break;
      case "flooded":
        this.#outputs.push({ kind: "channelFlooded" });
        break;
      default:
        throw new Bug(event satisfies never);
    }
  }
}
