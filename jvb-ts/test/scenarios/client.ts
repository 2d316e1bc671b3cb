import { encodeBridgeMessage } from "#shared/bridge-channel/encode";
import type { BridgeMessage } from "#shared/bridge-channel/messages";
import type { Runtime } from "#shared/runtime/runtime";
import type { IceTransport } from "#shared/stanza/media";
import { recordingLogger } from "#shared/testing/recording-logger";
import type { SocketAddress } from "../../src/media/packet-io.ts";
import { fakeDtls } from "../../src/transport/dtls/fake-dtls.test.ts";
import { EndpointTransport } from "../../src/transport/endpoint-transport.ts";
import { IceDemux } from "../../src/transport/ice/ice-demux.ts";
import { defaultIceSettings } from "../../src/transport/ice/ice-settings.ts";
import { withSetup } from "../dtls-setup.ts";
import { bridgeAddress } from "./memory-io.ts";
import type { Traffic } from "./traffic.ts";

/** What a client reaches the bridge through. */
export interface ClientWorld {
  readonly runtime: Runtime;
  readonly traffic: Traffic;
  toBridge(from: SocketAddress, bytes: Uint8Array): void;
}

/** A peer with a transport of its own. Its bridge channel is the data channel. */
export class Client {
  readonly id: string;
  readonly meetingId: string;
  readonly address: SocketAddress;
  readonly transport: EndpointTransport;
  /** Texts received on the bridge channel. */
  readonly messages: string[] = [];
  /** Of the address of its bridge channel. */
  channelPassword = "";
  /** RTP and RTCP received. */
  readonly media: Uint8Array[] = [];
  readonly #world: ClientWorld;

  constructor(world: ClientWorld, id: string, meetingId: string, host: number) {
    this.id = id;
    this.meetingId = meetingId;
    this.#world = world;
    this.address = { ip: `198.51.100.${host}`, port: 40_000 + host };
    const { runtime } = world;
    const dtls = fakeDtls({
      fingerprint: `AA:${host.toString(16).toUpperCase().padStart(2, "0")}`,
    });
    this.transport = new EndpointTransport({
      settings: defaultIceSettings,
      controlling: false,
      privateAddresses: true,
      sctp: "client",
      sockets: [this.address],
      mappings: [],
      demux: new IceDemux<EndpointTransport>(),
      dtls,
      certificate: dtls.createCertificate(),
      random: runtime.random,
      now: runtime.clock.now(),
      wallNow: runtime.clock.wallNow(),
      // Not the bridge's log: what is "local" here is the address of a participant.
      log: recordingLogger("client"),
    });
  }

  /** The transport as session-accept carries it: our side is the DTLS client. */
  describe(): IceTransport {
    return { ...withSetup(this.transport.describe(), "active"), candidates: [] };
  }

  connect(remote: IceTransport): void {
    this.transport.setRemote(withSetup(remote, "passive"), this.#world.runtime.clock.now());
    this.pump();
  }

  receive(bytes: Uint8Array): void {
    const now = this.#world.runtime.clock.now();
    const first = bytes[0] ?? 0;
    if (first < 4) this.transport.handleStun(0, bridgeAddress, bytes, now);
    else if (first < 64) this.transport.handleDtls(bytes, now);
    else this.media.push(bytes);
    this.pump();
  }

  say(message: BridgeMessage): void {
    this.transport.sendChannel(encodeBridgeMessage(message), this.#world.runtime.clock.now());
    this.pump();
  }

  sendMedia(bytes: Uint8Array): void {
    this.#world.traffic.media(this.meetingId, bytes);
    this.#world.toBridge(this.address, bytes);
  }

  /** Classes of the messages received. */
  classes(): string[] {
    return this.messages.map((text) => (JSON.parse(text) as { colibriClass: string }).colibriClass);
  }

  tick(): void {
    const now = this.#world.runtime.clock.now();
    const due = this.transport.pollTimeout();
    if (due === undefined || due > now) return;
    this.transport.handleTimeout(now);
    this.pump();
  }

  pump(): void {
    for (let out = this.transport.poll(); out !== undefined; out = this.transport.poll()) {
      if (out.kind === "sendDatagram") this.#world.toBridge(this.address, out.bytes.slice());
      else if (out.kind === "channelMessage") this.messages.push(out.text);
    }
  }
}
