/**
 * The bridge of one process: the cores of the main thread wired to each other and to the workers.
 * Implements what HTTP asks (`BridgeApi`).
 */
import type { Logger } from "#shared/logging/logger";
import { JVB_METRICS } from "#shared/metrics/negotiate";
import { threadCount } from "#shared/metrics/process-metrics";
import { MetricsRegistry, type MetricsView } from "#shared/metrics/registry";
import { Bug } from "#shared/runtime/bug";
import type { Millis, Runtime, Timer } from "#shared/runtime/runtime";
import { EXIT_CONFIG } from "#shared/runtime/shutdown";
import type { ConferenceModify } from "#shared/stanza/colibri2";
import { parseBareJid } from "#shared/xmpp/jid";
import type { BridgeConfig } from "../bridge-config.ts";
import type { DebugMode, Json } from "../conference/debug-state.ts";
import type { CaptureRequest } from "../export/captures.ts";
import { CpuMeter } from "../load/cpu-load.ts";
import { LastNReducer } from "../load/last-n-reducer.ts";
import { LOAD_SAMPLE_PERIOD_MS, LoadMonitor } from "../load/load-monitor.ts";
import { isPublicAddress } from "../local-addresses.ts";
import { BATCH, SLOT_BYTES, TX_SLOTS } from "../media/slab.ts";
import type { BridgeApi } from "../signaling/bridge-api.ts";
import type { ColibriWebSockets } from "../signaling/colibri-web-socket.ts";
import { ConferenceDirectory, type DirectoryEffect } from "../signaling/conference-directory.ts";
import { DelayStats } from "../signaling/delay-stats.ts";
import {
  Health,
  type HealthFacts,
  type HealthResult,
  type HealthSettings,
} from "../signaling/health.ts";
import { mucClientFaultText, parseMucClient } from "../signaling/muc-client-config.ts";
import type { MucClients } from "../signaling/muc-clients.ts";
import { Shutdown } from "../signaling/shutdown-state.ts";
import { BridgeMetrics, type MainCounter } from "../stats/bridge-metrics.ts";
import {
  type BridgeFacts,
  BridgeStats,
  bridgeStatistics,
  presenceStatistics,
  statisticsJson,
} from "../stats/bridge-stats.ts";
import { debugStatistics } from "../stats/debug-stats.ts";
import type { AddressMapping } from "../transport/ice/address-mapping.ts";
import type {
  ColibriOutcome,
  ConferenceStats,
  FromWorker,
  Tag,
  ToWorker,
} from "../worker-messages.ts";

/** First look at the CPU after the base line; upstream has its first value at once. */
const FIRST_LOAD_SAMPLE_MS = 1000;
/** A worker that does not answer a question of `/debug` by then is busy or gone. */
const ANSWER_TIMEOUT_MS = 1000;
/** Presences that were left out tell that this process stood still. */
const STANDSTILL_INTERVALS = 3;

/** Which keys an operator looks at when a check failed; empty when the log has said so. */
function adviceFor(facts: HealthFacts, wanted: HealthSettings): string {
  if (facts.bindError !== undefined) return "";
  if (wanted.requireValidAddress && !facts.hasValidAddress) {
    return " All addresses are private: name the public one in ice4j.harvest.mapping.static-mappings, or set videobridge.health.require-valid-address=false";
  }
  if (wanted.requireStun && !facts.stunSucceeded) {
    return "; check ice4j.harvest.mapping.stun.addresses, or set videobridge.health.require-stun=false";
  }
  return "";
}

/** The part of the XMPP connections that the bridge uses. */
export type Clients = Pick<MucClients, "ids" | "figures" | "publish" | "add" | "remove">;
/** The part of the WebSocket server that the bridge uses. */
export type Sockets = Pick<ColibriWebSockets, "handle" | "closeAllOf">;

export interface BridgeOptions {
  readonly config: BridgeConfig;
  readonly version: string;
  readonly runtime: Runtime;
  readonly log: Logger;
  readonly post: (worker: number, message: ToWorker) => void;
  /** Content of `/proc/stat`; empty where there is none. */
  readonly readProcStat: () => string;
  /** Shutdown over the API is over: end the process with status 0. */
  readonly onFinished: () => void;
  /** A worker found that this process cannot work. */
  readonly onFatal: (message: string, status: number) => void;
}

export class Bridge implements BridgeApi {
  readonly version: string;
  readonly #options: BridgeOptions;
  readonly #directory: ConferenceDirectory;
  readonly #health: Health;
  readonly #shutdown: Shutdown;
  readonly #load: LoadMonitor;
  readonly #reducer: LastNReducer | undefined;
  readonly #cpu = new CpuMeter();
  readonly #stats = new BridgeStats();
  readonly #registry: MetricsRegistry;
  readonly #metrics: BridgeMetrics;
  readonly #delays = {
    colibri: new DelayStats(),
    colibri_processing: new DelayStats(),
    health: new DelayStats(),
    version: new DelayStats(),
  };
  readonly #colibriWaiting = new Map<Tag, (outcome: ColibriOutcome) => void>();
  readonly #answerWaiting = new Map<Tag, (value: Json | undefined) => void>();
  readonly #sentAt = new Map<Tag, number>();
  readonly #localEndpoints: number[];
  readonly #bindFailed: boolean[];
  /** Workers that answer: others have no conference yet, or are being started again. */
  readonly #running = new Set<number>();
  #nextTag: Tag = 1;
  #mappings: readonly AddressMapping[];
  #stunSucceeded: boolean;
  #drain: boolean;
  #steal = 0;
  #publishedAt: Millis;
  /** A worker has been ready once. */
  #wasReady = false;
  #clients: Clients | undefined;
  #sockets: Sockets | undefined;
  #shutdownTimer: Timer | undefined;

  constructor(options: BridgeOptions) {
    const { config, runtime } = options;
    this.#options = options;
    this.version = options.version;
    this.#directory = new ConferenceDirectory({
      workers: config.workers,
      random: runtime.random,
      isRoomJid: (name) => parseBareJid(name) !== undefined && name.includes("@"),
    });
    this.#health = new Health(config.health, runtime.clock.now());
    this.#shutdown = new Shutdown(config.shutdown);
    this.#load = new LoadMonitor(config.load.thresholds);
    const { reducer } = config.load;
    if (reducer !== undefined)
      this.#reducer = new LastNReducer(reducer, config.settings.engine.bridgeLastN);
    this.#drain = config.initialDrain;
    this.#mappings = config.settings.sockets.mappings;
    this.#publishedAt = runtime.clock.now();
    this.#stunSucceeded = config.stunServers.length === 0;
    this.#localEndpoints = new Array<number>(config.workers).fill(0);
    this.#bindFailed = new Array<boolean>(config.workers).fill(false);
    this.#registry = new MetricsRegistry({ prefix: "jitsi_jvb", clock: runtime.clock });
    this.#metrics = new BridgeMetrics(this.#registry, {
      totals: () => this.#stats.totals(),
      facts: () => this.#facts(),
      cpuSteal: () => this.#steal,
      startedAt: runtime.clock.wallNow(),
    });
    if (config.settings.sockets.addresses.length === 0) {
      this.#bindFailed[0] = true;
      this.#checkHealth();
    }
  }

  /** For the process metrics, which belong to `main.ts`. */
  get registry(): MetricsRegistry {
    return this.#registry;
  }

  /** Begins health checks, load samples and the statistics presence. */
  start(clients: Clients, sockets: Sockets | undefined): void {
    const { config, runtime } = this.#options;
    const { timers } = runtime;
    this.#clients = clients;
    this.#sockets = sockets;
    timers.every(config.health.intervalMs, () => this.#checkHealth());
    this.#cpu.handleReading(this.#options.readProcStat());
    timers.after(FIRST_LOAD_SAMPLE_MS, () => this.#sampleLoad());
    timers.every(LOAD_SAMPLE_PERIOD_MS, () => this.#sampleLoad());
    this.#publish();
    timers.every(config.presenceIntervalMs, () => this.#publish());
    for (const client of config.mucClients) clients.add(client);
  }

  count(counter: MainCounter): void {
    this.#metrics.count(counter);
  }

  addDelay(kind: "colibri" | "health" | "version", delayMs: number): void {
    this.#delays[kind].add(delayMs);
  }

  /** Public addresses that STUN found; endpoints created from now on get their candidates. */
  addMappings(found: readonly AddressMapping[]): void {
    this.#stunSucceeded = found.length > 0;
    this.#mappings = [...this.#mappings, ...found];
    for (const worker of this.#running) this.#sendMappings(worker);
  }

  /** Sends to the worker of a conference; false when there is none. */
  toConference(conference: string, message: ToWorker): boolean {
    const entry = this.#directory.byConference(conference);
    if (entry === undefined) return false;
    this.#options.post(entry.worker, message);
    return true;
  }

  /** Takes one message of a worker. */
  handleWorker(worker: number, message: FromWorker): void {
    switch (message.kind) {
      case "ready":
        this.#workerReady(worker, message);
        return;
      case "fatal":
        this.#options.onFatal(message.message, message.status);
        return;
      case "colibriDone": {
        const { tag, outcome, expired } = message;
        this.#execute(this.#directory.handleDone(tag, outcome, expired));
        return;
      }
      case "conferenceExpired":
        this.#execute(this.#directory.handleExpired(message.conference));
        return;
      case "localEndpoints":
        this.#localEndpoints[worker] = message.count;
        this.#shutdown.handleEndpoints(this.#countEndpoints(), this.#options.runtime.clock.now());
        this.#armShutdown();
        return;
      case "channelVerdict":
      case "channelSend":
      case "channelClose":
        this.#sockets?.handle(message);
        return;
      case "answer": {
        const waiting = this.#answerWaiting.get(message.tag);
        this.#answerWaiting.delete(message.tag);
        waiting?.(message.value);
        return;
      }
      case "stats":
        this.#stats.handleReport(worker, message.stats);
        return;
      default:
        throw new Bug(message satisfies never);
    }
  }

  /** The thread is gone, and its conferences with it. */
  handleWorkerDeath(worker: number): void {
    this.#running.delete(worker);
    this.#localEndpoints[worker] = 0;
    this.#stats.handleWorkerGone(worker);
    const lost = this.#directory.conferencesOn(worker);
    this.#execute(this.#directory.handleWorkerGone(worker));
    for (const conference of lost) this.#sockets?.closeAllOf(conference);
    this.#shutdown.handleEndpoints(this.#countEndpoints(), this.#options.runtime.clock.now());
    this.#armShutdown();
  }

  health(): HealthResult {
    return this.#health.result(this.#options.runtime.clock.now());
  }

  async statistics(): Promise<Readonly<Record<string, number | boolean | string>>> {
    await this.#refreshStats();
    return statisticsJson(bridgeStatistics(this.#stats.totals(), this.#facts()));
  }

  async metrics(accept: string | undefined): Promise<MetricsView | undefined> {
    await this.#refreshStats();
    return this.#registry.view(accept, JVB_METRICS);
  }

  get drain(): boolean {
    return this.#drain;
  }

  setDrain(on: boolean): void {
    if (on !== this.#drain) this.#options.log.info(on ? "Drain mode on" : "Drain mode off");
    this.#drain = on;
    // Upstream waits for the next interval; the focus should know at once.
    this.#publish();
  }

  shutDown(graceful: boolean): void {
    const { log, runtime } = this.#options;
    const before = this.#shutdown.state;
    this.#shutdown.handleRequest(graceful, this.#countEndpoints(), runtime.clock.now());
    if (this.#shutdown.state === before) return;
    log.info("Shutdown asked for", { graceful, state: this.#shutdown.state });
    if (this.#shutdown.isGraceful) this.#directory.refuseCreation();
    this.#armShutdown();
    this.#publish();
  }

  conferenceOf(meetingId: string): string | undefined {
    return this.#directory.byMeeting(meetingId)?.conference;
  }

  colibri(request: ConferenceModify): Promise<ColibriOutcome> {
    const tag = this.#nextTag++;
    return new Promise((resolve) => {
      this.#colibriWaiting.set(tag, resolve);
      this.#execute(this.#directory.handleRequest(tag, request));
    });
  }

  async debug(
    conference: string | undefined,
    endpoint: string | undefined,
    mode: DebugMode,
  ): Promise<Readonly<Record<string, Json>>> {
    const entry = conference === undefined ? undefined : this.#directory.byConference(conference);
    if (conference !== undefined && entry === undefined) return {};
    const workers = entry === undefined ? this.#running : [entry.worker];
    const states = await Promise.all(
      [...workers].map((worker) =>
        this.#ask(worker, (tag) => ({ kind: "debug", tag, conference, endpoint, mode })),
      ),
    );
    return Object.assign({}, ...states) as Record<string, Json>;
  }

  get mayCapture(): boolean {
    return this.#options.config.settings.capture.enabled;
  }

  capture(request: CaptureRequest): Promise<Json | undefined> {
    const entry = this.#directory.byConference(request.conference);
    if (entry === undefined) return Promise.resolve(undefined);
    return this.#ask(entry.worker, (tag) => ({ kind: "capture", tag, request }));
  }

  speakers(conference: string): Promise<Json | undefined> {
    const entry = this.#directory.byConference(conference);
    if (entry === undefined) return Promise.resolve(undefined);
    return this.#ask(entry.worker, (tag) => ({ kind: "speakers", tag, conference }));
  }

  debugHead(): Readonly<Record<string, Json>> {
    const { success, hardFailure, message } = this.health();
    return {
      shutdown_state: this.#shutdown.state,
      drain: this.#drain,
      time: this.#options.runtime.clock.wallNow(),
      load_management: {
        state: this.#load.state,
        stress: String(this.#load.stress),
        reducer_enabled: String(this.#reducer !== undefined),
        ...(this.#reducer === undefined ? {} : { reducer: { jvbLastN: this.#reducer.lastN } }),
      },
      health: { success, hardFailure, responseCode: null, message: message ?? null },
    };
  }

  async debugStats(name: string): Promise<Json | undefined> {
    await this.#refreshStats();
    const delays = Object.entries(this.#delays).map(([kind, one]) => [kind, one.json()]);
    return debugStatistics(name, {
      stats: this.#stats,
      delays: Object.fromEntries(delays) as Record<string, Json>,
      waitingRequests: this.#colibriWaiting.size,
      localEndpoints: this.#localEndpoints,
      slabBytes: (BATCH + TX_SLOTS) * SLOT_BYTES,
    });
  }

  mucClients(): readonly string[] {
    return this.#clients?.ids ?? [];
  }

  addMucClient(id: string, properties: ReadonlyMap<string, string>): boolean {
    const parsed = parseMucClient(id, properties);
    if (!parsed.ok) {
      this.#options.log.warn("MUC client refused", {
        client: id,
        why: mucClientFaultText(parsed.error),
      });
      return false;
    }
    this.#clients?.add(parsed.value);
    return true;
  }

  removeMucClient(id: string): boolean {
    return this.#clients?.remove(id) ?? false;
  }

  #execute(effects: readonly DirectoryEffect[]): void {
    const { now } = this.#options.runtime.clock;
    for (const effect of effects) {
      if (effect.kind === "send") {
        if (effect.message.kind === "colibri") this.#sentAt.set(effect.message.tag, now());
        this.#options.post(effect.worker, effect.message);
        continue;
      }
      const sentAt = this.#sentAt.get(effect.tag);
      this.#sentAt.delete(effect.tag);
      if (sentAt !== undefined) this.#delays.colibri_processing.add(now() - sentAt);
      const waiting = this.#colibriWaiting.get(effect.tag);
      this.#colibriWaiting.delete(effect.tag);
      waiting?.(effect.outcome);
    }
  }

  /** Totals as of now; a worker that is busy for too long is shown as it was last. */
  async #refreshStats(): Promise<void> {
    await Promise.all(
      [...this.#running].map((worker) => this.#ask(worker, (tag) => ({ kind: "statsNow", tag }))),
    );
  }

  #ask(worker: number, message: (tag: Tag) => ToWorker): Promise<Json | undefined> {
    const tag = this.#nextTag++;
    return new Promise((resolve) => {
      const late = this.#options.runtime.timers.after(ANSWER_TIMEOUT_MS, () => {
        this.#answerWaiting.delete(tag);
        resolve(undefined);
      });
      this.#answerWaiting.set(tag, (value) => {
        late.cancel();
        resolve(value);
      });
      this.#options.post(worker, message(tag));
    });
  }

  #workerReady(worker: number, message: Extract<FromWorker, { kind: "ready" }>): void {
    const { log, onFatal } = this.#options;
    const { localAddresses, bindFailures } = message;
    const first = !this.#wasReady;
    this.#wasReady = true;
    this.#running.add(worker);
    this.#sendMappings(worker);
    if (this.#reducer !== undefined)
      this.#options.post(worker, { kind: "bridgeLastN", lastN: this.#reducer.lastN });
    const failed = localAddresses.length === 0;
    this.#bindFailed[worker] = failed;
    const taken = (failure: string): boolean => failure.endsWith("EADDRINUSE");
    if (first && failed && bindFailures.length > 0 && bindFailures.every(taken)) {
      const at = bindFailures.map((failure) => failure.split(" ", 1)[0]).join(", ");
      const line = `videobridge.ice.udp.port: UDP ${at} is taken; free the port or choose another`;
      onFatal(line, EXIT_CONFIG);
      return;
    }
    for (const failure of bindFailures) {
      log.error(`Cannot bind ${failure}; change videobridge.ice.udp.port or free the port`);
    }
    if (failed) {
      log.error("No UDP socket: this bridge takes no conference", { worker });
      this.#checkHealth();
      // The focus must not choose this bridge until the next interval.
      this.#publish();
      return;
    }
    const addresses = localAddresses.map(({ ip, port }) => `${ip}:${port}`).join(" ");
    log.info("Media worker ready", { worker, addresses });
  }

  #sendMappings(worker: number): void {
    this.#options.post(worker, { kind: "mappings", mappings: this.#mappings });
  }

  #countEndpoints(): number {
    return this.#localEndpoints.reduce((sum, count) => sum + count, 0);
  }

  #armShutdown(): void {
    this.#shutdownTimer?.cancel();
    const { clock, timers } = this.#options.runtime;
    const at = this.#shutdown.pollTimeout();
    if (at === undefined) return;
    this.#shutdownTimer = timers.after(Math.max(0, at - clock.now()), () => {
      this.#shutdown.handleTimeout(clock.now());
      if (this.#shutdown.isFinished) this.#options.onFinished();
      else this.#armShutdown();
    });
  }

  #checkHealth(): void {
    const { config, runtime, log } = this.#options;
    const now = runtime.clock.now();
    const before = this.#health.result(now);
    const { addresses } = config.settings.sockets;
    const mapped = this.#mappings.map(({ publicIp }) => publicIp);
    const known = [...addresses.map(({ ip }) => ip), ...mapped];
    const facts = {
      hasValidAddress: known.some(isPublicAddress),
      stunSucceeded: this.#stunSucceeded,
      bindError: this.#bindFailed.includes(true) ? "no socket" : undefined,
    };
    this.#health.handleCheck(facts, now);
    const after = this.#health.result(now);
    if (before.success && !after.success) {
      log.error(`Unhealthy: ${after.message ?? ""}${adviceFor(facts, config.health)}`);
    }
    if (!before.success && after.success) log.info("Healthy again");
  }

  #sampleLoad(): void {
    const { measurement, detectSteal } = this.#options.config.load;
    const { busy, steal } = this.#cpu.handleReading(this.#options.readProcStat());
    this.#steal = steal;
    const totals = this.#stats.totals();
    const load =
      measurement === "packet-rate"
        ? totals.incomingPps + totals.outgoingPps
        : busy + (detectSteal ? steal : 0);
    this.#load.handleSample(load);
    this.#reduce(totals.conferences);
  }

  /** Lowers or raises the bridge-wide last-n as load demands. */
  #reduce(conferences: readonly ConferenceStats[]): void {
    const { config, runtime, post, log } = this.#options;
    if (this.#reducer === undefined) return;
    const forwarded = conferences.map(({ mostForwarded }) => mostForwarded);
    const most = forwarded.length === 0 ? undefined : Math.max(...forwarded);
    if (!this.#reducer.handleSample(this.#load.level, most, runtime.clock.now())) return;
    const { lastN } = this.#reducer;
    log.warn("Changed the bridge-wide last-n for load", { lastN, stress: this.#load.stress });
    for (let worker = 0; worker < config.workers; worker++)
      post(worker, { kind: "bridgeLastN", lastN });
  }

  #publish(): void {
    const { config, runtime } = this.#options;
    const now = runtime.clock.now();
    // After a standstill the last check is old, and that is no sign of bad health.
    if (now - this.#publishedAt > STANDSTILL_INTERVALS * config.presenceIntervalMs) {
      this.#checkHealth();
    }
    this.#publishedAt = now;
    const stats = bridgeStatistics(this.#stats.totals(), this.#facts());
    this.#clients?.publish(presenceStatistics(stats, config.statsWhitelist));
  }

  #facts(): BridgeFacts {
    const { config, runtime } = this.#options;
    const figures = this.#clients?.figures();
    return {
      stress: this.#load.stress,
      averageParticipantStress: config.load.averageParticipantStress,
      gracefulShutdown: this.#shutdown.isGraceful,
      shuttingDown: this.#shutdown.isShuttingDown,
      drain: this.#drain,
      healthy: this.health().success,
      version: this.version,
      release: config.release,
      region: config.region,
      // Without relays a bridge must not be chosen as one of several.
      relayId: undefined,
      threads: config.jvmStats ? threadCount() : undefined,
      mucClientsConfigured: figures?.clientsConfigured ?? 0,
      mucClientsConnected: figures?.clientsConnected ?? 0,
      mucsConfigured: figures?.roomsConfigured ?? 0,
      mucsJoined: figures?.roomsJoined ?? 0,
      wallNow: runtime.clock.wallNow(),
    };
  }
}
