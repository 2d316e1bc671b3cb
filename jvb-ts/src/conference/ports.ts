/** What a conference needs from the worker it lives in. */
import type { Logger } from "#shared/logging/logger";
import type { Clock, Millis, Random } from "#shared/runtime/runtime";
import type { ExportSocket, ExportSocketEvents, HttpHeader } from "../export/export-socket.ts";
import type { MediaEngine } from "../media/media-engine.ts";
import type { PacketIo, SocketAddress } from "../media/packet-io.ts";
import type { DtlsCertificate, DtlsEngine } from "../transport/dtls/dtls-engine.ts";
import type { HandshakeSlots } from "../transport/dtls/handshake-slots.ts";
import type { EndpointTransport } from "../transport/endpoint-transport.ts";
import type { AddressMapping } from "../transport/ice/address-mapping.ts";
import type { IceDemux } from "../transport/ice/ice-demux.ts";
import type { ConferenceCounter } from "./counters.ts";
import type { BridgeSettings } from "./settings.ts";

/** One WebSocket of the public server that carries a bridge channel. */
export type SocketId = number;

/** An endpoint as the worker sees it: where rows, frames and timers go. */
export interface EndpointPort {
  readonly id: string;
  readonly session: number;
  /** Bridge-local id of its conference. */
  readonly conference: string;
  readonly transport: EndpointTransport;
  /** When `handleTimeout` wants to be called. */
  readonly deadline: Millis | undefined;
  handleStun(socket: number, remote: SocketAddress, bytes: Uint8Array, now: Millis): void;
  handleDtls(bytes: Uint8Array, now: Millis): void;
  handleSocketOpen(socket: SocketId, now: Millis): void;
  handleSocketText(socket: SocketId, text: string, now: Millis): void;
  handleSocketClosed(socket: SocketId, code: number): void;
}

export interface ConferencePorts {
  readonly settings: BridgeSettings;
  readonly io: PacketIo;
  readonly dtls: DtlsEngine;
  readonly handshakes: HandshakeSlots;
  readonly engine: MediaEngine;
  readonly demux: IceDemux<EndpointTransport>;
  readonly random: Random;
  readonly clock: Clock;
  readonly log: Logger;
  /** The certificate for a new transport. */
  certificate(): DtlsCertificate;
  /** NAT mappings known now. */
  mappings(): readonly AddressMapping[];
  count(counter: ConferenceCounter, by?: number): void;
  /** From now on rows of the endpoint's session and STUN for its transport go to it. */
  attach(endpoint: EndpointPort): void;
  detach(endpoint: EndpointPort): void;
  /** Sends one text frame on an accepted WebSocket. */
  socketSend(socket: SocketId, text: string): void;
  /** Closes a WebSocket from our side. */
  socketClose(socket: SocketId, code: number, reason: string): void;
  /** Opens the WebSocket of an exporter of a conference. */
  openExport(
    conference: string,
    url: string,
    headers: readonly HttpHeader[],
    events: ExportSocketEvents,
  ): ExportSocket;
  /** Hands queued media events to their conferences now. */
  drainEngine(): void;
}
