/**
 * What an `EndpointTransport` asks its driver to do, as data. The driver drains `poll()` after every
 * input and executes the entries in order; nothing else leaves a transport.
 */
import type { SocketAddress, SrtpKeys } from "../media/packet-io.ts";

export type TransportOutput =
  /** Send one datagram now (`PacketIo.sendTo`): STUN and DTLS. */
  | {
      readonly kind: "sendDatagram";
      readonly socket: number;
      readonly remote: SocketAddress;
      readonly bytes: Uint8Array;
    }
  /** Datagrams from here belong to this endpoint from now on (`PacketIo.bindAddress`). */
  | { readonly kind: "bindAddress"; readonly socket: number; readonly remote: SocketAddress }
  | { readonly kind: "unbindAddress"; readonly socket: number; readonly remote: SocketAddress }
  /** Media leaves from `socket` to `remote` (`PacketIo.selectAddress`); always bound before. */
  | { readonly kind: "selectAddress"; readonly socket: number; readonly remote: SocketAddress }
  /** DTLS is done (`PacketIo.setKeys`); comes before `dtlsConnected`. */
  | { readonly kind: "setKeys"; readonly keys: SrtpKeys }
  /** The first pair was nominated. `relayed`: the remote candidate is a relay. Once per endpoint. */
  | { readonly kind: "iceConnected"; readonly relayed: boolean }
  /** ICE gave up; the endpoint goes at the next expiry run (spec jvb-control 3.6). Once. */
  | { readonly kind: "iceFailed" }
  /** How an ICE restart ended, for the `ice_restarts_*` counters. */
  | { readonly kind: "iceRestart"; readonly outcome: "succeeded" | "failed" | "superseded" }
  | { readonly kind: "dtlsConnected" }
  /** The handshake failed for good: wrong certificate, no common profile, 30 s time-out. */
  | { readonly kind: "dtlsFailed"; readonly reason: string }
  /** The data channel can carry messages in both directions. */
  | { readonly kind: "channelOpen" }
  | { readonly kind: "channelMessage"; readonly text: string }
  | { readonly kind: "channelClosed" }
  /** The peer opened a further data channel; ignored (`rejected_data_channels`). */
  | { readonly kind: "channelRejected" }
  /** It sends more messages than its budget, and has to wait (`data_channel_slowed`). */
  | { readonly kind: "channelSlowed" }
  /** It would not stop and was closed (`data_channel_flooded`). */
  | { readonly kind: "channelFlooded" };

/** Result of `EndpointTransport.restartIce` (spec jvb-control 3.7). */
export type RestartResult = "started" | "keepExisting" | "unavailable";
