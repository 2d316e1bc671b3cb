/**
 * One endpoint's path to the bridge: ICE, DTLS and SCTP composed. Free of I/O: inputs are `handle*`
 * and the signalling calls, outputs are drained from `poll()`, the next deadline is `pollTimeout()`.
 *
 * This file is the door for the conference; the class below implements it.
 */
import type { Logger } from "#shared/logging/logger";
import type { Millis, Random } from "#shared/runtime/runtime";
import type { IceTransport } from "#shared/stanza/media";
import type { SocketAddress } from "../media/packet-io.ts";
import type { DtlsCertificate, DtlsEngine } from "./dtls/dtls-engine.ts";
import type { AddressMapping } from "./ice/address-mapping.ts";
import type { IceDemux } from "./ice/ice-demux.ts";
import type { IceSettings } from "./ice/ice-settings.ts";
import type { RestartResult, TransportOutput } from "./transport-output.ts";

export interface EndpointTransportOptions {
  readonly settings: IceSettings;
  /** `ice-controlling` of the COLIBRI2 transport: for endpoints usually true. */
  readonly controlling: boolean;
  /** False hides RFC 1918 addresses unless `advertisePrivateCandidates` (capability, relays). */
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
  readonly certificate: DtlsCertificate;
  readonly random: Random;
  /** Monotonic now. */
  readonly now: Millis;
  /** Epoch now: part of the ufrag. */
  readonly wallNow: Millis;
  /** Already carries `conf` and `endpoint`. */
  readonly log: Logger;
}

/** Signatures agreed with the conference; see the class for their meaning. */
export interface EndpointTransport {
  describe(): IceTransport;
  setRemote(remote: IceTransport, now: Millis): void;
  restartIce(now: Millis, wallNow: Millis): RestartResult;
  describeRestart(): IceTransport | undefined;
  handleStun(socket: number, remote: SocketAddress, bytes: Uint8Array, now: Millis): void;
  handleDtls(bytes: Uint8Array, now: Millis): void;
  sendChannel(text: string, now: Millis): boolean;
  handleTimeout(now: Millis): void;
  pollTimeout(): Millis | undefined;
  poll(): TransportOutput | undefined;
  close(now: Millis): void;
  readonly iceConnected: boolean;
  readonly iceFailed: boolean;
  readonly dtlsConnected: boolean;
  readonly channelReady: boolean;
  readonly lastIceActivity: Millis | undefined;
}
