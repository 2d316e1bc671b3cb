/**
 * The bridge of one process without a process: main thread and one media worker joined by virtual
 * time, an in-memory network in place of sockets, and clients that speak ICE, DTLS (without
 * cryptography) and the bridge channel.
 */
import type { Timer } from "#shared/runtime/runtime";
import type { ColibriEndpoint, ConferenceModify } from "#shared/stanza/colibri2";
import { type RecordingLogger, recordingLogger } from "#shared/testing/recording-logger";
import { StoppableRuntime } from "#shared/testing/stoppable-runtime";
import { VirtualRuntime } from "#shared/testing/virtual-runtime";
import type { BridgeSettings } from "../../src/conference/settings.ts";
import { Bridge } from "../../src/main/bridge.ts";
import type { SocketAddress } from "../../src/media/packet-io.ts";
import type { DtlsEngine } from "../../src/transport/dtls/dtls-engine.ts";
import { fakeDtls } from "../../src/transport/dtls/fake-dtls.test.ts";
import { MediaWorker } from "../../src/worker/media-worker.ts";
import type { ColibriOutcome, FromWorker } from "../../src/worker-messages.ts";
import { Client } from "./client.ts";
import { ExportPeer } from "./export-peer.ts";
import { startUpMs, unwatch, watch } from "./invariants.ts";
import { addressKey, MemoryIo } from "./memory-io.ts";
import { creation, endpointRequest, modify, transportRequest } from "./requests.ts";
import { config, settings } from "./stage-settings.ts";
import { Traffic } from "./traffic.ts";

/** Enough for datagrams under way. */
const windDownMs = 500;
/** One way through the network. */
const DELAY_MS = 5;

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
  /** Files of captured packets, in order. */
  readonly captures: { readonly path: string; readonly parts: Buffer[]; closed: boolean }[] = [];
  /** Connections to recorders and transcribers, in order. */
  readonly exports: ExportPeer[] = [];
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
  /** What passed between the threads: conferences to be made, endpoints that came. */
  readonly seen = { conferences: 0, participants: 0 };
  /** What the scenario does again and again; it ends with the scenario. */
  readonly habits: Timer[] = [];
  /** Takes messages of the main thread. */
  readonly worker: MediaWorker;
  readonly #clients = new Map<string, Client>();

  constructor(
    over: Partial<BridgeSettings> = {},
    dtls: DtlsEngine = fakeDtls({ fingerprint: "BB:01" }),
  ) {
    const { runtime, process, log } = this;
    this.io = new MemoryIo(
      (to, bytes) => {
        this.traffic.sent(to, bytes);
        runtime.timers.after(DELAY_MS, () => this.#clients.get(addressKey(to))?.receive(bytes));
      },
      () => runtime.clock.now(),
    );
    const mine = { ...settings, ...over };
    this.io.localAddresses = mine.sockets.addresses;
    let localEndpoints = 0;
    this.worker = new MediaWorker({
      settings: mine,
      runtime: process,
      io: this.io,
      dtls,
      log,
      openExport: (url, headers, events) => {
        const socket = new ExportPeer(url, headers, events, () => runtime.clock.now());
        this.exports.push(socket);
        return socket;
      },
      openCapture: (path) => {
        const file = { path, parts: [] as Buffer[], closed: false };
        this.captures.push(file);
        return {
          write: (bytes) => void file.parts.push(bytes),
          close: () => {
            file.closed = true;
          },
        };
      },
      post: (message) => {
        if (message.kind === "localEndpoints") {
          this.seen.participants += Math.max(0, message.count - localEndpoints);
          localEndpoints = message.count;
        }
        process.timers.after(0, () => this.bridge.handleWorker(0, message));
      },
    });
    this.bridge = new Bridge({
      config: { ...config, settings: mine },
      version: "2.3.0-test",
      runtime: process,
      log,
      post: (_worker, message) => {
        if (message.kind === "createConference") this.seen.conferences++;
        process.timers.after(0, () => this.worker.handle(message));
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
    this.#clients.set(addressKey(client.address), client);
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

  async metrics(): Promise<Readonly<Record<string, number>>> {
    const views: string[] = [];
    void this.bridge.metrics("application/json").then((view) => void views.push(view?.body ?? ""));
    await this.run(10);
    return JSON.parse(views[0] ?? "{}") as Readonly<Record<string, number>>;
  }

  /** The client vanishes: nothing of it arrives any more. */
  vanish(client: Client): void {
    this.#clients.delete(addressKey(client.address));
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
