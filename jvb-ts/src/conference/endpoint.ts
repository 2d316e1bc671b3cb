/**
 * One local endpoint of a conference: its transport, its place in the packet path and its bridge
 * channel, composed. The conference decides; this class carries out and reports activity.
 *
 * Every input ends with `#flush`, which executes what the transport asks for, so that after a call
 * nothing is pending but `deadline`.
 */
import { encodeBridgeMessage } from "#shared/bridge-channel/encode";
import type { BridgeMessage } from "#shared/bridge-channel/messages";
import type { Logger } from "#shared/logging/logger";
import { pii } from "#shared/logging/pii";
import { Bug } from "#shared/runtime/bug";
import type { Millis } from "#shared/runtime/runtime";
import type {
  ColibriEndpoint,
  ColibriMedia,
  ColibriMediaSource,
  ColibriTransport,
} from "#shared/stanza/colibri2";
import type { HeaderExtension, IceTransport, MediaType, PayloadType } from "#shared/stanza/media";
import type { MediaEndpoint } from "../media/media-engine.ts";
import type { SocketAddress } from "../media/packet-io.ts";
import { EndpointTransport } from "../transport/endpoint-transport.ts";
import type { RestartResult, TransportOutput } from "../transport/transport-output.ts";
import { ConnectionStatus } from "./connection-status.ts";
import type { ConferencePorts, EndpointPort, SocketId } from "./ports.ts";

/** Port of the SCTP association inside DTLS, on both sides. */
export const SCTP_PORT = 5000;
/** Without a bridge channel this long after DTLS the endpoint is counted (jvb-control 4.2). */
const CHANNEL_DELAY_MS = 30_000;
const PASSWORD_LENGTH = 24;
const PASSWORD_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** Which way the bridge channel runs. */
export type ChannelPath = "webSocket" | "dataChannel";

/** What an endpoint tells its conference, from inside a call to it. */
export interface EndpointEvents {
  channelOpened(endpoint: Endpoint, path: ChannelPath): void;
  channelText(endpoint: Endpoint, path: ChannelPath, text: string): void;
}

interface KnownMedia {
  readonly payloadTypes: Map<number, PayloadType>;
  readonly headerExtensions: Map<number, HeaderExtension>;
}

export interface EndpointOptions {
  readonly ports: ConferencePorts;
  readonly events: EndpointEvents;
  /** Bridge-local id of the conference. */
  readonly conference: string;
  readonly request: ColibriEndpoint;
  readonly transport: ColibriTransport;
  readonly now: Millis;
  readonly log: Logger;
}

export class Endpoint implements EndpointPort {
  readonly id: string;
  readonly conference: string;
  readonly statsId: string | undefined;
  readonly visitor: boolean;
  readonly diarize: boolean;
  /** Creation, later by the time in which we could not listen. */
  waitingSince: Millis;
  /** Password of the bridge-channel URL; unrelated to ICE, never changes. */
  readonly password: string;
  readonly session: number;
  readonly transport: EndpointTransport;
  readonly media: MediaEndpoint;
  readonly status: ConnectionStatus;
  readonly hasSctp: boolean;
  readonly log: Logger;
  /** Messages received and sent, by class. */
  readonly receivedCounts = new Map<string, number>();
  readonly sentCounts = new Map<string, number>();
  /** Messages to it that no channel could take. */
  messagesDropped = 0;
  /** Messages from it that were malformed or for nobody. */
  messagesRefused = 0;
  /** The client set constraints, so `initial-last-n` no longer counts. */
  hasConstraints = false;
  /** When `handleTimeout` wants to be called. */
  deadline: Millis | undefined;

  readonly #ports: ConferencePorts;
  readonly #events: EndpointEvents;
  readonly #ufrags = new Set<string>();
  readonly #media = new Map<MediaType, KnownMedia>();
  #socket: SocketId | undefined;
  #lastPath: ChannelPath | undefined;
  #lastData: Millis | undefined;
  /** Until then its silence is ours: the last standstill's end, less the silence before it. */
  #excused: Millis | undefined;
  #channelCheckAt: Millis | undefined;
  /** A channel was open before: a client may come and go as often as it likes. */
  #wasOpen = false;
  #claimedTaken = false;
  #flushing = false;
  #expired = false;

  constructor(options: EndpointOptions) {
    const { ports, request, transport, now } = options;
    this.#ports = ports;
    this.#events = options.events;
    this.id = request.id;
    this.conference = options.conference;
    this.statsId = request.statsId;
    this.visitor = request.mucRole === "visitor";
    this.diarize = request.diarize === true;
    this.waitingSince = now;
    this.log = options.log;
    this.hasSctp = transport.sctp !== undefined;
    this.password = newPassword(ports);
    this.status = new ConnectionStatus(ports.settings.life, now);
    this.session = ports.io.openSession();
    const rewritesSsrcs = request.capabilities.includes("ssrc-rewriting");
    this.media = ports.engine.addEndpoint(options.conference, {
      id: request.id,
      session: this.session,
      visitor: this.visitor,
      rewritesSsrcs,
      stampsMid: rewritesSsrcs && request.capabilities.includes("rtp-mid-demux"),
    });
    this.transport = new EndpointTransport({
      settings: ports.settings.ice,
      controlling: transport.iceControlling,
      privateAddresses:
        ports.settings.ice.advertisePrivateCandidates ||
        request.capabilities.includes("private-address-connectivity"),
      sctp: this.hasSctp ? "server" : "off",
      sockets: ports.io.localAddresses,
      mappings: ports.mappings(),
      demux: ports.demux,
      dtls: ports.dtls,
      handshakes: ports.handshakes,
      certificate: ports.certificate(),
      dtlsRules: ports.settings.dtls.rules,
      random: ports.random,
      now,
      wallNow: ports.clock.wallNow(),
      log: options.log,
    });
    ports.attach(this);
    this.#register(this.transport.describe().ufrag);
    this.#flush(now);
  }

  get isExpired(): boolean {
    return this.#expired;
  }

  /** Either channel can carry messages. */
  get hasChannel(): boolean {
    return this.#socket !== undefined || this.transport.channelReady;
  }

  /** Latest of media, bridge-channel data and consent; undefined while nothing ever came. */
  lastActivity(): Millis | undefined {
    const media = this.media.lastActivity();
    const ice = this.transport.lastIceActivity;
    const latest = Math.max(media ?? -1, ice ?? -1, this.#lastData ?? -1, this.#excused ?? -1);
    return latest < 0 ? undefined : latest;
  }

  /** We could not listen for that long, so it does not count as silence. */
  handleStandstill(stood: Millis): void {
    const last = this.lastActivity();
    if (last !== undefined) this.#excused = last + stood;
    this.waitingSince += stood;
    this.status.handleStandstill(stood);
    if (this.#channelCheckAt !== undefined) this.#channelCheckAt += stood;
  }

  /** The description for a create and for a restart that kept the agent. */
  describe(): ColibriTransport {
    return this.#outer(this.transport.describe());
  }

  /** Adds payload types and header extensions; a known id is overwritten, nothing is removed. */
  addMedia({ type, payloadTypes, headerExtensions }: ColibriMedia): void {
    let known = this.#media.get(type);
    if (known === undefined) {
      known = { payloadTypes: new Map(), headerExtensions: new Map() };
      this.#media.set(type, known);
    }
    for (const payloadType of payloadTypes) known.payloadTypes.set(payloadType.id, payloadType);
    for (const one of headerExtensions) known.headerExtensions.set(one.id, one);
    this.media.setPayloadTypes(type, [...known.payloadTypes.values()]);
    this.media.setHeaderExtensions(type, [...known.headerExtensions.values()]);
  }

  /** Replaces its sources; SSRCs that belong to another endpoint stay his, and that is said once. */
  setSources(sources: readonly ColibriMediaSource[]): void {
    const taken = this.media.setSources(sources);
    if (taken.length === 0) return;
    this.#ports.count("taken_ssrcs_refused", taken.length);
    if (this.#claimedTaken) return;
    this.#claimedTaken = true;
    const { remote } = this.transport.state;
    this.log.warn("Refused a source: its SSRC belongs to another endpoint", {
      ssrc: (taken[0] ?? 0) >>> 0,
      address: remote === undefined ? undefined : pii(remote.ip),
    });
  }

  setRemote(ice: IceTransport, now: Millis): void {
    this.transport.setRemote(ice, now);
    this.#flush(now);
  }

  /** An in-place ICE restart; the description to answer with, or undefined when refused. */
  restartIce(now: Millis): ColibriTransport | undefined {
    const result: RestartResult = this.transport.restartIce(now, this.#ports.clock.wallNow());
    this.#flush(now);
    switch (result) {
      case "started": {
        this.#ports.count("ice_restarts_started");
        const description = this.transport.describeRestart();
        this.#register(description?.ufrag);
        return description === undefined ? undefined : this.#outer(description);
      }
      case "keepExisting":
        this.#ports.count("ice_restarts_not_established");
        return this.describe();
      case "unavailable":
        this.#ports.count("ice_restarts_rejected");
        return undefined;
      default:
        throw new Bug(result satisfies never);
    }
  }

  handleStun(socket: number, remote: SocketAddress, bytes: Uint8Array, now: Millis): void {
    this.transport.handleStun(socket, remote, bytes, now);
    this.#flush(now);
  }

  handleDtls(bytes: Uint8Array, now: Millis): void {
    this.transport.handleDtls(bytes, now);
    this.#flush(now);
  }

  /** To be called when `deadline` has passed. */
  handleTimeout(now: Millis): void {
    if (this.#channelCheckAt !== undefined && this.#channelCheckAt <= now) {
      this.#channelCheckAt = undefined;
      if (!this.hasChannel) {
        this.#ports.count("endpoints_no_message_transport_after_delay");
        this.log.warn("No bridge channel long after DTLS");
      }
    }
    this.transport.handleTimeout(now);
    this.#flush(now);
  }

  /** A WebSocket with the right password is open; an earlier one is replaced. */
  handleSocketOpen(socket: SocketId, now: Millis): void {
    if (this.#socket !== undefined) this.#ports.socketClose(this.#socket, 1000, "replaced");
    this.#socket = socket;
    this.#lastPath = "webSocket";
    this.#logOpened("WebSocket");
    this.#events.channelOpened(this, "webSocket");
    this.#flush(now);
  }

  handleSocketText(socket: SocketId, text: string, now: Millis): void {
    if (socket !== this.#socket) return;
    this.#ports.count("colibri_web_socket_messages_received");
    this.#received("webSocket", text, now);
    this.#flush(now);
  }

  handleSocketClosed(socket: SocketId, code: number): void {
    if (socket !== this.#socket) return;
    this.#socket = undefined;
    this.log.debug("Bridge channel closed", { transport: "WebSocket", code });
  }

  /** Sends on the path last used by the client, else the data channel, else the WebSocket. */
  send(message: BridgeMessage, path?: ChannelPath): void {
    this.sendEncoded(message.kind, encodeBridgeMessage(message), path);
  }

  /** `send` with the text made once for many receivers. */
  sendEncoded(kind: string, text: string, path: ChannelPath | undefined = this.#path()): void {
    if (this.#expired) return;
    let sent = false;
    if (path === "webSocket" && this.#socket !== undefined) {
      this.#ports.socketSend(this.#socket, text);
      this.#ports.count("colibri_web_socket_messages_sent");
      sent = true;
    } else if (path === "dataChannel") {
      sent = this.transport.sendChannel(text, this.#ports.clock.now());
      if (sent) this.#ports.count("data_channel_messages_sent");
      this.#flush(this.#ports.clock.now());
    }
    if (sent) this.sentCounts.set(kind, (this.sentCounts.get(kind) ?? 0) + 1);
    else this.messagesDropped++;
  }

  /** Ends everything of this endpoint, whatever breaks on the way. Twice does nothing. */
  expire(now: Millis): void {
    if (this.#expired) return;
    if (this.transport.iceFailed) this.#ports.count("endpoints_ice_failed");
    else if (this.transport.iceConnected && !this.transport.dtlsConnected) {
      this.#ports.count("endpoints_dtls_failed");
    }
    if (this.#socket !== undefined) {
      this.#ports.socketClose(this.#socket, 1001, "endpoint closed");
      this.#socket = undefined;
    }
    try {
      this.transport.close(now);
      this.#flush(now);
    } finally {
      this.#expired = true;
      this.deadline = undefined;
      try {
        this.media.remove();
      } finally {
        this.#release();
      }
    }
  }

  #release(): void {
    for (const ufrag of this.#ufrags) this.#ports.io.unregisterUfrag(ufrag);
    this.#ports.detach(this);
    this.#ports.io.closeSession(this.session);
  }

  #outer(ice: IceTransport): ColibriTransport {
    const prefixes = this.#ports.settings.webSocketPrefixes;
    const webSockets = prefixes.map(
      (prefix) => `${prefix}/${this.conference}/${this.id}?pwd=${this.password}`,
    );
    return {
      iceControlling: false,
      useUniquePort: false,
      iceRestart: false,
      sctp: undefined,
      ice: { ...ice, webSockets },
    };
  }

  #register(ufrag: string | undefined): void {
    if (ufrag === undefined || this.#ufrags.has(ufrag)) return;
    this.#ufrags.add(ufrag);
    this.#ports.io.registerUfrag(ufrag, this.session);
  }

  #logOpened(transport: string): void {
    if (this.#wasOpen) this.log.debug("Bridge channel opened again", { transport });
    else this.log.info("Bridge channel opened", { transport });
    this.#wasOpen = true;
  }

  #path(): ChannelPath | undefined {
    if (this.#lastPath === "webSocket" && this.#socket !== undefined) return "webSocket";
    if (this.transport.channelReady) return "dataChannel";
    return this.#socket === undefined ? undefined : "webSocket";
  }

  #received(path: ChannelPath, text: string, now: Millis): void {
    this.#lastPath = path;
    this.#lastData = now;
    this.#events.channelText(this, path, text);
  }

  /** Executes what the transport asks for, in order. Calls from inside join the outer one. */
  #flush(now: Millis): void {
    if (this.#flushing || this.#expired) return;
    this.#flushing = true;
    try {
      for (;;) {
        const output = this.transport.poll();
        if (output === undefined) break;
        this.#execute(output, now);
      }
    } finally {
      this.#flushing = false;
    }
    const next = this.transport.pollTimeout();
    const check = this.#channelCheckAt;
    this.deadline = check === undefined || (next !== undefined && next < check) ? next : check;
  }

  #execute(output: TransportOutput, now: Millis): void {
    const { io } = this.#ports;
    switch (output.kind) {
      case "sendDatagram":
        io.sendTo(output.socket, output.remote, output.bytes);
        return;
      case "bindAddress":
        io.bindAddress(this.session, output.socket, output.remote);
        return;
      case "unbindAddress":
        io.unbindAddress(this.session, output.socket, output.remote);
        return;
      case "selectAddress":
        io.selectAddress(this.session, output.socket, output.remote);
        return;
      case "setKeys":
        io.setKeys(this.session, output.keys);
        return;
      case "iceConnected":
        this.#ports.count("ice_succeeded");
        if (output.relayed) this.#ports.count("ice_succeeded_relayed");
        return;
      case "iceFailed":
        this.#ports.count("ice_failed");
        return;
      case "iceRestart":
        this.#ports.count(`ice_restarts_${output.outcome}`);
        return;
      case "dtlsConnected":
        this.media.setTransportUp(true);
        this.#channelCheckAt = now + CHANNEL_DELAY_MS;
        return;
      case "dtlsFailed":
        // Counted when the endpoint ends; the transport has logged it.
        return;
      case "channelOpen":
        this.#lastPath ??= "dataChannel";
        this.#logOpened("data channel");
        this.#events.channelOpened(this, "dataChannel");
        return;
      case "channelMessage":
        this.#ports.count("data_channel_messages_received");
        this.#received("dataChannel", output.text, now);
        return;
      case "channelClosed":
        this.log.debug("Bridge channel closed", { transport: "data channel" });
        return;
      case "channelRejected":
        this.#ports.count("rejected_data_channels");
        return;
      case "channelSlowed":
        this.#ports.count("data_channel_slowed");
        return;
      case "channelFlooded":
        this.#ports.count("data_channel_flooded");
        return;
      default:
        throw new Bug(output satisfies never);
    }
  }
}

/** 24 letters and digits, each equally likely. */
function newPassword({ random }: ConferencePorts): string {
  let password = "";
  for (let at = 0; at < PASSWORD_LENGTH; at++) {
    password += PASSWORD_ALPHABET.charAt(random.int(PASSWORD_ALPHABET.length));
  }
  return password;
}
