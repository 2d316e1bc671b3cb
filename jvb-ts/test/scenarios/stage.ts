/**
 * The bridge of one process without a process: main thread and one media worker joined by virtual
 * time, an in-memory network in place of sockets, and clients that speak ICE, DTLS (without
 * cryptography) and the bridge channel.
 */

import { encodeBridgeMessage } from "#shared/bridge-channel/encode";
import type { BridgeMessage } from "#shared/bridge-channel/messages";
import type { Timer } from "#shared/runtime/runtime";
import type {
  ColibriEndpoint,
  ColibriMediaSource,
  ColibriTransport,
  ConferenceModify,
} from "#shared/stanza/colibri2";
import type { IceTransport } from "#shared/stanza/media";
import { type RecordingLogger, recordingLogger } from "#shared/testing/recording-logger";
import { StoppableRuntime } from "#shared/testing/stoppable-runtime";
import { VirtualRuntime } from "#shared/testing/virtual-runtime";
import type { BridgeConfig } from "../../src/bridge-config.ts";
import type { BridgeSettings } from "../../src/conference/settings.ts";
import { Bridge } from "../../src/main/bridge.ts";
import { defaultEngineOptions } from "../../src/media/engine-options.ts";
import type { PacketCounters, PacketIo, SocketAddress } from "../../src/media/packet-io.ts";
import {
  BATCH,
  HEADROOM,
  Kind,
  NO_SESSION,
  type RxSlab,
  SLOT_BYTES,
  Status,
} from "../../src/media/slab.ts";
import type { DtlsEngine } from "../../src/transport/dtls/dtls-engine.ts";
import { fakeDtls } from "../../src/transport/dtls/fake-dtls.test.ts";
import { EndpointTransport } from "../../src/transport/endpoint-transport.ts";
import { IceDemux } from "../../src/transport/ice/ice-demux.ts";
import { defaultIceSettings } from "../../src/transport/ice/ice-settings.ts";
import { parseIp } from "../../src/transport/stun/ip-address.ts";
import { MediaWorker } from "../../src/worker/media-worker.ts";
import { noPacketIo } from "../../src/worker/no-packet-io.ts";
import type { ColibriOutcome, FromWorker } from "../../src/worker-messages.ts";
import { startUpMs, unwatch, watch } from "./invariants.ts";
import { Traffic } from "./traffic.ts";

const bridgeAddress: SocketAddress = { ip: "192.0.2.1", port: 10_000 };
/** Enough for datagrams under way. */
const windDownMs = 500;
/** One way through the network. */
const DELAY_MS = 5;

const key = ({ ip, port }: SocketAddress): string => `${ip} ${port}`;

/** A socket table without sockets; SRTP is left out, so rows carry plain RTP. */
class MemoryIo implements PacketIo {
  localAddresses: readonly SocketAddress[] = [bridgeAddress];
  onReadable: (() => void) | undefined;
  /** The process is stopped: datagrams wait in its socket. */
  stopped = false;
  readonly #queue: { readonly from: SocketAddress; readonly bytes: Uint8Array }[] = [];
  readonly #bound = new Map<string, number>();
  readonly #selected = new Map<number, SocketAddress>();
  readonly #keyed = new Set<number>();
  readonly #send: (to: SocketAddress, bytes: Uint8Array) => void;
  readonly #now: () => number;
  readonly open = new Set<number>();
  readonly ufrags = new Set<string>();
  #sessions = 0;

  constructor(send: (to: SocketAddress, bytes: Uint8Array) => void, now: () => number) {
    this.#send = send;
    this.#now = now;
  }

  deliver(from: SocketAddress, bytes: Uint8Array): void {
    this.#queue.push({ from, bytes });
    if (!this.stopped) this.onReadable?.();
  }

  /** The process goes on. */
  resume(): void {
    this.stopped = false;
    if (this.#queue.length > 0) this.onReadable?.();
  }

  receive(slab: RxSlab): number {
    let rows = 0;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      this.#fill(slab, rows++, next.from, next.bytes);
      if (rows === BATCH) break;
    }
    return rows;
  }

  #fill(slab: RxSlab, row: number, from: SocketAddress, bytes: Uint8Array): void {
    const first = bytes[0] ?? 0;
    const second = bytes[1] ?? 0;
    const session = this.#bound.get(key(from)) ?? NO_SESSION;
    const isRtcp = second >= 192 && second <= 223;
    const kind = first < 4 ? Kind.stun : first < 64 ? Kind.dtls : isRtcp ? Kind.rtcp : Kind.rtp;
    const media = kind === Kind.rtp || kind === Kind.rtcp;
    const offset = row * SLOT_BYTES + HEADROOM;
    slab.bytes.set(bytes, offset);
    slab.offset[row] = offset;
    slab.length[row] = bytes.length;
    slab.session[row] = session;
    slab.kind[row] = kind;
    slab.status[row] = media && !this.#keyed.has(session) ? Status.noKeys : Status.ok;
    slab.socket[row] = 0;
    slab.family[row] = 4;
    slab.address.set(parseIp(from.ip) ?? [], row * 16);
    slab.port[row] = from.port;
    slab.arrival[row] = this.#now();
  }

  send(slab: Parameters<PacketIo["send"]>[0]): number {
    const { count } = slab;
    for (let row = 0; row < count; row++) {
      const to = this.#selected.get(slab.session[row] ?? -1);
      const offset = slab.offset[row] ?? 0;
      if (to !== undefined)
        this.#send(to, slab.bytes.slice(offset, offset + (slab.length[row] ?? 0)));
    }
    slab.count = 0;
    return count;
  }

  sendTo(_socket: number, remote: SocketAddress, bytes: Uint8Array): void {
    this.#send(remote, bytes.slice());
  }

  openSession(): number {
    const session = this.#sessions++;
    this.open.add(session);
    return session;
  }

  closeSession(session: number): void {
    this.open.delete(session);
    this.#selected.delete(session);
    this.#keyed.delete(session);
    for (const [address, owner] of this.#bound) {
      if (owner === session) this.#bound.delete(address);
    }
  }

  bindAddress(session: number, _socket: number, remote: SocketAddress): void {
    this.#bound.set(key(remote), session);
  }

  unbindAddress(_session: number, _socket: number, remote: SocketAddress): void {
    this.#bound.delete(key(remote));
  }

  selectAddress(session: number, _socket: number, remote: SocketAddress): void {
    this.#selected.set(session, remote);
  }

  setKeys(session: number): void {
    this.#keyed.add(session);
  }

  registerUfrag(ufrag: string): void {
    this.ufrags.add(ufrag);
  }

  unregisterUfrag(ufrag: string): void {
    this.ufrags.delete(ufrag);
  }

  counters(): PacketCounters {
    return noPacketIo().counters();
  }

  close(): void {
    this.onReadable = undefined;
  }
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
  readonly #stage: Stage;

  constructor(stage: Stage, id: string, meetingId: string, host: number) {
    this.id = id;
    this.meetingId = meetingId;
    this.#stage = stage;
    this.address = { ip: `198.51.100.${host}`, port: 40_000 + host };
    const { runtime } = stage;
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
      log: stage.log,
    });
  }

  /** The transport as session-accept carries it: our side is the DTLS client. */
  describe(): IceTransport {
    const description = this.transport.describe();
    const fingerprints = description.fingerprints.map((one) => ({
      ...one,
      setup: "active" as const,
    }));
    return { ...description, fingerprints, candidates: [] };
  }

  connect(remote: IceTransport): void {
    const fingerprints = remote.fingerprints.map((one) => ({ ...one, setup: "passive" as const }));
    this.transport.setRemote({ ...remote, fingerprints }, this.#stage.runtime.clock.now());
    this.pump();
  }

  receive(bytes: Uint8Array): void {
    const now = this.#stage.runtime.clock.now();
    const first = bytes[0] ?? 0;
    if (first < 4) this.transport.handleStun(0, bridgeAddress, bytes, now);
    else if (first < 64) this.transport.handleDtls(bytes, now);
    else this.media.push(bytes);
    this.pump();
  }

  say(message: BridgeMessage): void {
    this.transport.sendChannel(encodeBridgeMessage(message), this.#stage.runtime.clock.now());
    this.pump();
  }

  sendMedia(bytes: Uint8Array): void {
    this.#stage.traffic.media(this.meetingId, bytes);
    this.#stage.toBridge(this.address, bytes);
  }

  /** Classes of the messages received. */
  classes(): string[] {
    return this.messages.map((text) => (JSON.parse(text) as { colibriClass: string }).colibriClass);
  }

  tick(): void {
    const now = this.#stage.runtime.clock.now();
    const due = this.transport.pollTimeout();
    if (due === undefined || due > now) return;
    this.transport.handleTimeout(now);
    this.pump();
  }

  pump(): void {
    for (let out = this.transport.poll(); out !== undefined; out = this.transport.poll()) {
      if (out.kind === "sendDatagram") this.#stage.toBridge(this.address, out.bytes.slice());
      else if (out.kind === "channelMessage") this.messages.push(out.text);
    }
  }
}

export function endpointRequest(id: string, over: Partial<ColibriEndpoint> = {}): ColibriEndpoint {
  return {
    id,
    statsId: undefined,
    mucRole: undefined,
    create: false,
    expire: false,
    diarize: undefined,
    media: [],
    transport: undefined,
    sources: undefined,
    forceMute: undefined,
    capabilities: [],
    initialLastN: undefined,
    ...over,
  };
}

export function transportRequest(over: Partial<ColibriTransport> = {}): ColibriTransport {
  return {
    iceControlling: true,
    useUniquePort: false,
    iceRestart: false,
    sctp: undefined,
    ice: undefined,
    ...over,
  };
}

/** An endpoint as the focus creates it. */
export function creation(id: string, over: Partial<ColibriEndpoint> = {}): ColibriEndpoint {
  return endpointRequest(id, {
    create: true,
    capabilities: ["source-names"],
    transport: transportRequest({ sctp: { port: undefined, role: undefined } }),
    sources: [],
    media: [
      {
        type: "audio",
        payloadTypes: [
          {
            id: 111,
            name: "opus",
            clockrate: 48_000,
            channels: 2,
            parameters: [],
            rtcpFeedback: [],
          },
        ],
        headerExtensions: [
          { id: 1, uri: "urn:ietf:params:rtp-hdrext:ssrc-audio-level", senders: undefined },
        ],
        extmapAllowMixed: true,
      },
    ],
    ...over,
  });
}

export function audioSource(endpoint: string, ssrc: number): ColibriMediaSource {
  const name = `${endpoint}-a0`;
  const none = { msid: undefined, videoType: undefined, rid: undefined, owner: undefined };
  return {
    type: "audio",
    id: name,
    synthetic: false,
    sources: [{ ssrc, name, ...none }],
    groups: [],
  };
}

export function modify(over: Partial<ConferenceModify> = {}): ConferenceModify {
  return {
    meetingId: "meeting-1",
    name: undefined,
    create: false,
    expire: false,
    rtcstatsEnabled: true,
    endpoints: [],
    relays: [],
    connects: [],
    ...over,
  };
}

const settings: BridgeSettings = {
  sockets: { addresses: [bridgeAddress], mappings: [], receiveBufferBytes: 1 },
  ice: defaultIceSettings,
  engine: defaultEngineOptions,
  dtls: { cipherSuites: [], srtpProfiles: [] },
  life: {
    expirationTimeoutMs: 60_000,
    expirationCheckMs: 60_000,
    firstTransferTimeoutMs: 15_000,
    maxInactivityMs: 8000,
    connectivityCheckMs: 500,
    statsIntervalMs: 5000,
    statsFilterThreshold: 20,
  },
  sctpEnabled: true,
  webSocketPrefixes: ["ws://bridge/colibri-ws/jvb1"],
  announcedVersion: undefined,
  redactRemoteAddresses: true,
};

const config: BridgeConfig = {
  workers: 1,
  settings,
  stunServers: [],
  version: undefined,
  release: undefined,
  region: undefined,
  initialDrain: false,
  jvmStats: false,
  statsIntervalMs: 5000,
  presenceIntervalMs: 5000,
  statsWhitelist: undefined,
  mucClients: [],
  privateHttp: { host: undefined, port: -1, portKey: "", tls: undefined },
  publicHttp: { host: undefined, port: -1, portKey: "", tls: undefined },
  apis: {
    colibri: true,
    debug: true,
    drain: true,
    health: true,
    prometheus: true,
    rtcstats: true,
    version: true,
    shutdown: true,
  },
  health: {
    intervalMs: 60_000,
    timeoutMs: 90_000,
    requireValidAddress: false,
    requireStun: false,
  },
  shutdown: {
    gracefulMaxDurationMs: 86_400_000,
    gracefulMinParticipants: 0,
    shuttingDownDelayMs: 60_000,
  },
  load: {
    measurement: "packet-rate",
    thresholds: { load: 50_000, recovery: 40_000 },
    detectSteal: false,
    averageParticipantStress: 0.01,
  },
  webSockets: {
    enabled: true,
    serverId: "jvb1",
    compression: false,
    pings: true,
    pingIntervalMs: 15_000,
    idleTimeoutMs: 60_000,
  },
};

type ChannelMessage = Extract<
  FromWorker,
  { readonly kind: "channelVerdict" | "channelSend" | "channelClose" }
>;

export class Stage {
  readonly runtime = new VirtualRuntime();
  /** The bridge's own, which `stop` stops. */
  readonly process = new StoppableRuntime(this.runtime);
  readonly log: RecordingLogger = recordingLogger("test", () => this.runtime.clock.now());
  readonly io: MemoryIo;
  readonly bridge: Bridge;
  /** What workers said about WebSockets. */
  readonly channel: ChannelMessage[] = [];
  /** Conferences whose WebSockets the main thread closed by itself. */
  readonly closed: string[] = [];
  /** The statistics of each presence. */
  readonly presences: ReadonlyMap<string, string>[] = [];
  finished = false;
  /** Bugs of ours that the scenario provokes. */
  expectedBugs = 0;
  /** Its worker is dead for the main thread, so nothing of it is cleaned up. */
  workerDied = false;
  /** Everybody who ever joined. */
  readonly joined: Client[] = [];
  /** Every meeting that was ever asked for. */
  readonly meetings = new Set<string>();
  /** Passwords that were made up; none may be logged. */
  readonly secrets: string[] = [];
  readonly traffic = new Traffic();
  /** What the scenario does again and again; it ends with the scenario. */
  readonly habits: Timer[] = [];
  readonly #worker: MediaWorker;
  readonly #clients = new Map<string, Client>();

  constructor(
    over: Partial<BridgeSettings> = {},
    dtls: DtlsEngine = fakeDtls({ fingerprint: "BB:01" }),
  ) {
    const { runtime, process, log } = this;
    this.io = new MemoryIo(
      (to, bytes) => {
        this.traffic.sent(to, bytes);
        runtime.timers.after(DELAY_MS, () => this.#clients.get(key(to))?.receive(bytes));
      },
      () => runtime.clock.now(),
    );
    const mine = { ...settings, ...over };
    this.io.localAddresses = mine.sockets.addresses;
    this.#worker = new MediaWorker({
      settings: mine,
      runtime: process,
      io: this.io,
      dtls,
      log,
      post: (message) => {
        process.timers.after(0, () => this.bridge.handleWorker(0, message));
      },
    });
    this.bridge = new Bridge({
      config: { ...config, settings: mine },
      version: "2.3.0-test",
      runtime: process,
      log,
      post: (_worker, message) => {
        process.timers.after(0, () => this.#worker.handle(message));
      },
      readProcStat: () => "",
      onFinished: () => {
        this.finished = true;
      },
      onFatal: () => {},
    });
    this.bridge.start(
      {
        ids: [],
        figures: () => ({
          clientsConfigured: 0,
          clientsConnected: 0,
          roomsConfigured: 0,
          roomsJoined: 0,
        }),
        publish: (stats) => void this.presences.push(new Map(stats)),
        add: () => {},
        remove: () => false,
      },
      {
        handle: (message) => void this.channel.push(message),
        closeAllOf: (conference) => void this.closed.push(conference),
      },
    );
    const { localAddresses } = this.io;
    this.bridge.handleWorker(0, { kind: "ready", localAddresses, bindFailures: [] });
    runtime.timers.every(10, () => {
      for (const client of this.#clients.values()) client.tick();
    });
    watch(this);
  }

  toBridge(from: SocketAddress, bytes: Uint8Array): void {
    this.traffic.received(from, bytes);
    this.runtime.timers.after(DELAY_MS, () => this.io.deliver(from, bytes));
  }

  /** Somebody does something every `ms` until the scenario is over. */
  every(ms: number, fn: () => void): Timer {
    const timer = this.runtime.timers.every(ms, fn);
    this.habits.push(timer);
    return timer;
  }

  /** SIGSTOP: for `ms` the bridge does nothing, and everybody else goes on. */
  async stop(ms: number): Promise<void> {
    this.process.stop();
    this.io.stopped = true;
    await this.run(ms);
    this.process.resume();
    this.io.resume();
  }

  async run(ms: number): Promise<void> {
    await this.runtime.advanceAsync(ms);
  }

  /** One COLIBRI2 request and its answer. */
  async ask(request: ConferenceModify): Promise<ColibriOutcome> {
    this.meetings.add(request.meetingId);
    const answers: ColibriOutcome[] = [];
    void this.bridge.colibri(request).then((outcome) => void answers.push(outcome));
    await this.run(20);
    const [answer] = answers;
    if (answer === undefined) throw new Error("no answer to the request");
    return answer;
  }

  /** Creates an endpoint (and the conference when it is the first), connects and returns it. */
  async join(
    id: string,
    over: Partial<ColibriEndpoint> = {},
    meetingId = "meeting-1",
  ): Promise<Client> {
    const create = this.bridge.conferenceOf(meetingId) === undefined;
    const name = create ? "room@conference.example" : undefined;
    const request = modify({ meetingId, create, name, endpoints: [creation(id, over)] });
    const created = await this.ask(request);
    if (!created.ok) throw new Error(created.error.text ?? created.error.condition);
    const description = created.modified.endpoints[0]?.transport?.ice;
    if (description === undefined) throw new Error("no description");
    const client = new Client(this, id, meetingId, this.#clients.size + 2);
    this.#clients.set(key(client.address), client);
    this.joined.push(client);
    this.secrets.push(description.pwd ?? "", client.describe().pwd ?? "");
    client.channelPassword = /pwd=(\w+)/.exec(description.webSockets[0] ?? "")?.[1] ?? "";
    const transport = transportRequest({ ice: client.describe() });
    const endpoints = [endpointRequest(id, { transport })];
    const accepted = await this.ask(modify({ meetingId, endpoints }));
    if (!accepted.ok) throw new Error(accepted.error.text ?? accepted.error.condition);
    client.connect(description);
    await this.run(1000);
    return client;
  }

  async windDown(): Promise<void> {
    for (const client of this.joined) this.vanish(client);
    for (const habit of this.habits) habit.cancel();
    for (const meetingId of this.meetings) {
      if (this.bridge.conferenceOf(meetingId) !== undefined) {
        await this.ask(modify({ meetingId, expire: true }));
      }
    }
    await this.run(windDownMs);
  }

  timersAtRest(): number {
    const idle = new Stage();
    unwatch(idle);
    idle.runtime.advance(startUpMs);
    return idle.runtime.pendingTimers;
  }

  /** The client vanishes: nothing of it arrives any more. */
  vanish(client: Client): void {
    this.#clients.delete(key(client.address));
  }

  async stats(): Promise<Readonly<Record<string, number | boolean | string>>> {
    const answers: Readonly<Record<string, number | boolean | string>>[] = [];
    void this.bridge.statistics().then((stats) => void answers.push(stats));
    await this.run(10);
    const [answer] = answers;
    if (answer === undefined) throw new Error("no statistics");
    return answer;
  }
}

/** `ok`, or reason (else condition) and text of a refusal. */
export function said(outcome: ColibriOutcome): string {
  if (outcome.ok) return "ok";
  const { reason, condition, text } = outcome.error;
  return `${reason ?? condition}: ${text}`;
}
