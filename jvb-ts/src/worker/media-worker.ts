/**
 * One media worker: its conferences, the rows of its sockets, and the messages of the main thread.
 * All I/O comes in through ports, so scenarios run it on virtual time.
 *
 * Order of one turn: rows or a message, `endBatch` or `handleTimeout` of the engine, its events,
 * then one timer for the earliest deadline of everything.
 *
 * No bug of ours may leave a turn: thrown further it would end every conference here (`bug-fence.ts`).
 */
import type { Logger } from "#shared/logging/logger";
import { Bug } from "#shared/runtime/bug";
import type { Millis, Runtime, Timer } from "#shared/runtime/runtime";
import { createMediaEngine } from "../cc/create-media-engine.ts";
import { Conference } from "../conference/conference.ts";
import { type ConferenceCounter, zeroCounters } from "../conference/counters.ts";
import { conferenceState, type Json, speechActivity } from "../conference/debug-state.ts";
import type { ConferencePorts, EndpointPort, SocketId } from "../conference/ports.ts";
import { refusal } from "../conference/refusal.ts";
import type { BridgeSettings } from "../conference/settings.ts";
import { type CaptureFile, type CaptureRequest, Captures } from "../export/captures.ts";
import {
  type ExportSocketEvents,
  inTurns,
  type OpenExportSocket,
} from "../export/export-socket.ts";
import type { MediaEngine } from "../media/media-engine.ts";
import type { PacketIo } from "../media/packet-io.ts";
import { BATCH, Kind, NO_SESSION, RxSlab, Status } from "../media/slab.ts";
import type { DtlsEngine } from "../transport/dtls/dtls-engine.ts";
import { HandshakeSlots, MAX_HALF_OPEN } from "../transport/dtls/handshake-slots.ts";
import { RotatingCertificate } from "../transport/dtls/rotating-certificate.ts";
import type { EndpointTransport } from "../transport/endpoint-transport.ts";
import type { AddressMapping } from "../transport/ice/address-mapping.ts";
import { IceDemux } from "../transport/ice/ice-demux.ts";
import { formatIp } from "../transport/stun/ip-address.ts";
import type { FromWorker, ToWorker } from "../worker-messages.ts";
import { BugFence } from "./bug-fence.ts";
import { Standstill } from "./standstill.ts";
import { snapshotStats } from "./worker-stats.ts";

/** Batches read in one turn before messages and timers get theirs. */
const BATCHES_PER_TURN = 16;
/** The same after a standstill, and how long the timer waits for it. */
const BATCHES_AFTER_STANDSTILL = 256;
const READ_FIRST_MS = 10;
/** Never sleeps longer: a missed deadline shows as a late action, not as a dead conference. */
const LONGEST_SLEEP_MS = 500;

export interface MediaWorkerOptions {
  readonly settings: BridgeSettings;
  readonly runtime: Runtime;
  readonly io: PacketIo;
  readonly dtls: DtlsEngine;
  readonly log: Logger;
  readonly openExport: OpenExportSocket;
  readonly openCapture: (path: string) => CaptureFile;
  /** How many there are: they share the bounds of the whole bridge. Default 1. */
  readonly workers?: number;
  readonly post: (message: FromWorker) => void;
}

export class MediaWorker {
  readonly #options: MediaWorkerOptions;
  readonly #captures: Captures;
  readonly #engine: MediaEngine;
  readonly #rx = new RxSlab();
  readonly #conferences = new Map<string, Conference>();
  readonly #bySession: (EndpointPort | undefined)[] = [];
  readonly #byTransport = new Map<EndpointTransport, EndpointPort>();
  readonly #bySocket = new Map<SocketId, EndpointPort>();
  readonly #counters = zeroCounters();
  readonly #bugs: BugFence;
  readonly #ports: ConferencePorts;
  readonly #standstill: Standstill;
  #mappings: readonly AddressMapping[];
  #localEndpoints = 0;
  #timer: Timer | undefined;
  #wakeAt: Millis = Number.POSITIVE_INFINITY;
  /** When anything but the engine is due: that looks at everybody, the engine wakes far more often. */
  #controlAt: Millis = 0;
  /** Conferences whose media events broke; ended when nobody is in the middle of anything. */
  readonly #broken: { readonly conference: string; readonly cause: unknown }[] = [];
  #nextStats: Millis;
  #stopped = false;

  constructor(options: MediaWorkerOptions) {
    const { settings, runtime, io, dtls, log } = options;
    this.#options = options;
    this.#bugs = new BugFence(log, this.#counters);
    this.#mappings = settings.sockets.mappings;
    this.#captures = new Captures({
      settings: settings.capture,
      open: options.openCapture,
      wallNow: () => runtime.clock.wallNow(),
    });
    this.#engine = createMediaEngine({
      options: settings.engine,
      sender: {
        send: (slab) => {
          if (this.#captures.count > 0) this.#captures.sent(slab);
          return io.send(slab);
        },
      },
      random: runtime.random,
    });
    this.#nextStats = runtime.clock.now();
    this.#standstill = new Standstill(runtime.clock.now());
    const certificate = new RotatingCertificate(dtls, runtime.clock);
    this.#ports = {
      settings,
      io,
      dtls,
      handshakes: new HandshakeSlots(Math.ceil(MAX_HALF_OPEN / (options.workers ?? 1)), () => {
        this.#counters.dtls_handshakes_delayed++;
      }),
      engine: this.#engine,
      demux: new IceDemux<EndpointTransport>(),
      random: runtime.random,
      clock: runtime.clock,
      log,
      certificate: () => certificate.current,
      mappings: () => this.#mappings,
      count: (counter: ConferenceCounter, by = 1) => {
        this.#counters[counter] += by;
      },
      attach: (endpoint) => this.#attach(endpoint),
      detach: (endpoint) => this.#detach(endpoint),
      socketSend: (socket, text) => options.post({ kind: "channelSend", socket, text }),
      socketClose: (socket, code, reason) => {
        this.#bySocket.delete(socket);
        options.post({ kind: "channelClose", socket, code, reason });
      },
      openExport: (conference, url, headers, events) =>
        options.openExport(url, headers, this.#fenced(conference, events)),
      drainEngine: () => this.#drainEngine(),
    };
    io.onReadable = () => this.#onReadable();
    this.#rearm(runtime.clock.now());
  }

  /** Takes one message of the main thread. */
  handle(message: ToWorker): void {
    if (this.#stopped) return;
    const now = this.#options.runtime.clock.now();
    try {
      this.#handle(message, now);
    } catch (cause) {
      this.#bugs.complain(cause, now);
    }
  }

  #handle(message: ToWorker, now: Millis): void {
    this.#noticeStandstill(now);
    this.#dispatch(message, now);
    if (this.#stopped) return;
    if (message.kind === "channelText") {
      // There may be hundreds in a row, and each may concern anybody: looked at once for all.
      this.#afterTurn();
      this.#wake(now);
      return;
    }
    this.#engine.handleTimeout(now);
    this.#afterTurn();
    // To look changes nothing. Of thousands of conferences another message touches one.
    if (message.kind === "debug") return;
    if ("conference" in message) this.#wake(this.#conferences.get(message.conference)?.earliest);
    else if ("socket" in message) this.#wake(this.#bySocket.get(message.socket)?.deadline);
  }

  #dispatch(message: ToWorker, now: Millis): void {
    switch (message.kind) {
      case "createConference":
        this.#create(message, now);
        return;
      case "colibri":
        this.#colibri(message, now);
        return;
      case "channelOpen":
        this.#openChannel(message, now);
        return;
      case "channelReady": {
        const { socket } = message;
        this.#guardSocket(socket, (endpoint) => endpoint.handleSocketOpen(socket, now));
        return;
      }
      case "channelText": {
        const { socket, text } = message;
        this.#guardSocket(socket, (it) => it.handleSocketText(socket, text, now));
        return;
      }
      case "channelClosed": {
        const { socket, code } = message;
        this.#guardSocket(socket, (endpoint) => endpoint.handleSocketClosed(socket, code));
        this.#bySocket.delete(socket);
        return;
      }
      case "debug":
        this.#answer(message.tag, this.#debug(message, now));
        return;
      case "statsNow":
        this.#postStats(now);
        this.#answer(message.tag, undefined);
        return;
      case "speakers": {
        const conference = this.#conferences.get(message.conference);
        const look = (): Json => speechActivity(message.conference, this.#ports);
        this.#answer(message.tag, conference && this.#bugs.look(conference, look));
        return;
      }
      case "capture":
        this.#answer(message.tag, this.#capture(message.request));
        return;
      case "mappings":
        this.#mappings = message.mappings;
        return;
      case "bridgeLastN":
        this.#engine.setBridgeLastN(message.lastN);
        return;
      case "stop":
        this.#stop(now);
        return;
      default:
        throw new Bug(message satisfies never);
    }
  }

  #create(message: Extract<ToWorker, { kind: "createConference" }>, now: Millis): void {
    const { conference: id, meetingId, name, rtcstatsEnabled } = message;
    try {
      const ports = this.#ports;
      const conference = new Conference({ id, meetingId, name, rtcstatsEnabled, ports, now });
      this.#conferences.set(id, conference);
    } catch (cause) {
      // The request behind this message is told that there is none.
      this.#options.log.error("Bug while creating a conference", { conf: id }, cause);
      this.#engine.removeConference(id);
    }
  }

  #openChannel(message: Extract<ToWorker, { kind: "channelOpen" }>, now: Millis): void {
    const conference = this.#conferences.get(message.conference);
    const { socket, endpoint: id, password } = message;
    const endpoint =
      conference &&
      this.#bugs.guard(conference, now, () => conference.endpointForChannel(id, password));
    if (endpoint !== undefined) this.#bySocket.set(socket, endpoint);
    if (conference?.isExpired === true) this.#forget(conference);
    this.#options.post({ kind: "channelVerdict", socket, accepted: endpoint !== undefined });
  }

  #colibri(message: Extract<ToWorker, { kind: "colibri" }>, now: Millis): void {
    const { tag, request } = message;
    const conference = this.#conferences.get(message.conference);
    if (conference === undefined) {
      // Upstream drops what is still queued when the conference expires; the focus would time out.
      const text = `Conference not found for ID: ${request.meetingId}`;
      const error = refusal("item-not-found", text, "conference_not_found");
      const outcome = { ok: false, error } as const;
      this.#options.post({ kind: "colibriDone", tag, outcome, expired: true });
      return;
    }
    const done = this.#bugs.guard(conference, now, () => conference.handleRequest(request, now));
    const expired = conference.isExpired;
    if (expired) this.#conferences.delete(conference.id);
    const error = refusal("internal-server-error", "Internal error");
    const outcome = done ?? ({ ok: false, error } as const);
    this.#options.post({ kind: "colibriDone", tag, outcome, expired });
  }

  #debug(message: Extract<ToWorker, { kind: "debug" }>, now: Millis): Json {
    const { conference, endpoint, mode } = message;
    const states: Record<string, Json> = {};
    for (const one of this.#conferences.values()) {
      if (conference !== undefined && one.id !== conference) continue;
      if (mode === "stats" && !one.rtcstatsEnabled) continue;
      const look = (): Json => conferenceState(one, this.#ports, mode, endpoint, now);
      const state = this.#bugs.look(one, look);
      if (state !== undefined) states[one.id] = state;
    }
    return states;
  }

  /** Whether the endpoint is captured now; undefined: there is none. */
  #capture(request: CaptureRequest): boolean | undefined {
    const endpoint = this.#conferences.get(request.conference)?.endpoints.get(request.endpoint);
    return endpoint && this.#captures.switch(endpoint, request);
  }

  #answer(tag: number, value: Json | undefined): void {
    this.#options.post({ kind: "answer", tag, value });
  }

  #onReadable(): void {
    if (this.#stopped) return;
    try {
      this.#read();
      this.#afterTurn();
    } catch (cause) {
      this.#bugs.complain(cause, this.#options.runtime.clock.now());
    }
  }

  /** Reads some batches; the driver calls again for what is left. */
  #read(): void {
    const { io, runtime } = this.#options;
    const engine = this.#engine;
    let now: Millis = 0;
    for (let left = BATCHES_PER_TURN; left > 0; left--) {
      const rows = io.receive(this.#rx, engine.isMidFrame);
      // Each time: a process is stopped in the middle of a turn too, a turn of many batches takes a
      // while, and estimates go by when a packet really left.
      now = runtime.clock.now();
      if (this.#noticeStandstill(now)) left = BATCHES_AFTER_STANDSTILL;
      if (rows === 0) {
        if (engine.isMidFrame) engine.endBatch(now);
        this.#socketsDry(now);
        return;
      }
      const count = Math.min(rows, BATCH);
      if (this.#captures.count > 0) this.#captures.received(this.#rx, count);
      this.#handleRows(count, now);
      // What an SSRC means is told before packets with it go out.
      this.#drainEngine();
      if (!engine.isMidFrame) engine.endBatch(now);
    }
    if (engine.isMidFrame) engine.endBatch(now);
  }

  #socketsDry(now: Millis): void {
    const skipped = this.#standstill.handleDry(now);
    if (skipped === 0) return;
    this.#options.log.warn("Media that waited for too long was left out", { packets: skipped });
    this.#engine.requestKeyframes(now);
  }

  /** To be called first in each turn and after each batch. When it comes late, the time between was nobody's silence. */
  #noticeStandstill(now: Millis): boolean {
    const stood = this.#standstill.handleTurn(now);
    if (stood === 0 || this.#conferences.size === 0) return false;
    this.#options.log.warn("This media worker stood still", { milliseconds: Math.round(stood) });
    for (const conference of [...this.#conferences.values()]) {
      this.#bugs.guard(conference, now, () => conference.handleStandstill(stood, now));
      if (conference.isExpired) this.#forget(conference);
    }
    return true;
  }

  /** Walks a batch. A bug ends the conference of its row only, and the walk goes on behind it. */
  #handleRows(rows: number, now: Millis): void {
    const rx = this.#rx;
    let row = 0;
    while (row < rows) {
      try {
        for (; row < rows; row++) {
          if (rx.status[row] !== Status.ok) continue;
          const kind = rx.kind[row];
          if (kind === Kind.rtp) {
            if (this.#standstill.admit()) this.#engine.handleRtpRow(rx, row, now);
          } else if (kind === Kind.rtcp) this.#engine.handleRtcpRow(rx, row, now);
          else if (kind === Kind.stun) this.#handleStun(row, now);
          else if (kind === Kind.dtls) this.#handleDtls(row, now);
        }
      } catch (cause) {
        this.#endAfterBug(this.#endpointOf(row), now, cause);
        row++;
      }
    }
  }

  #endpointOf(row: number): EndpointPort | undefined {
    const session = this.#rx.session[row] ?? NO_SESSION;
    return session < 0 ? undefined : this.#bySession[session];
  }

  #handleStun(row: number, now: Millis): void {
    const rx = this.#rx;
    const offset = rx.offset[row] ?? 0;
    const length = rx.length[row] ?? 0;
    const transport = this.#ports.demux.route(rx.bytes, offset, length);
    const endpoint = transport === undefined ? undefined : this.#byTransport.get(transport);
    if (transport === undefined || endpoint === undefined) return;
    if (!transport.admitsStun(rx.session[row] === endpoint.session, now)) return;
    const bytes = rx.bytes.subarray(offset, offset + length);
    const ip = formatIp(rx.address, row * 16, rx.family[row] === 6 ? 16 : 4);
    const remote = { ip, port: rx.port[row] ?? 0 };
    try {
      endpoint.handleStun(rx.socket[row] ?? 0, remote, bytes, now);
    } catch (cause) {
      // The row's session says nothing here: the address may be new, or somebody else's.
      this.#endAfterBug(endpoint, now, cause);
      return;
    }
    this.#wake(endpoint.deadline);
  }

  #handleDtls(row: number, now: Millis): void {
    const endpoint = this.#endpointOf(row);
    if (endpoint === undefined) return;
    const offset = this.#rx.offset[row] ?? 0;
    const length = this.#rx.length[row] ?? 0;
    endpoint.handleDtls(this.#rx.bytes.subarray(offset, offset + length), now);
    this.#wake(endpoint.deadline);
  }

  /** Hands media events to their conferences. */
  #drainEngine(): void {
    for (;;) {
      const event = this.#engine.pollEvent();
      if (event === undefined) return;
      const { conference } = event;
      if (event.kind === "broken") {
        this.#broken.push(event);
        continue;
      }
      try {
        this.#conferences.get(conference)?.handleMediaEvent(event);
      } catch (cause) {
        this.#broken.push({ conference, cause });
      }
    }
  }

  #onTimer(): void {
    if (this.#stopped) return;
    const now = this.#options.runtime.clock.now();
    this.#wakeAt = Number.POSITIVE_INFINITY;
    try {
      if (now >= this.#controlAt) this.#tick(now);
      else this.#tickEngine(now);
    } catch (cause) {
      this.#bugs.complain(cause, now);
      this.#wake(now + LONGEST_SLEEP_MS);
    }
  }

  /** Media alone: probes, padding, requests to repeat. */
  #tickEngine(now: Millis): void {
    if (!this.#readsFirst(now)) this.#engine.handleTimeout(now);
    this.#wake(this.#controlAt);
    this.#afterTurn();
  }

  /** We could not listen: timers come before sockets, and what waits there is read first. */
  #readsFirst(now: Millis): boolean {
    if (!this.#noticeStandstill(now)) return false;
    this.#wake(now + READ_FIRST_MS);
    return true;
  }

  #tick(now: Millis): void {
    this.#controlAt = Number.POSITIVE_INFINITY;
    if (this.#readsFirst(now)) return;
    for (const conference of [...this.#conferences.values()]) {
      this.#bugs.guard(conference, now, () => {
        for (const endpoint of conference.endpoints.values()) {
          const { deadline } = endpoint;
          if (deadline !== undefined && deadline <= now) endpoint.handleTimeout(now);
        }
        const due = conference.pollTimeout();
        if (due !== undefined && due <= now) conference.handleTimeout(now);
      });
      if (conference.isExpired) this.#forget(conference);
    }
    this.#engine.handleTimeout(now);
    if (this.#nextStats <= now) {
      this.#nextStats = now + this.#options.settings.life.statsIntervalMs;
      this.#postStats(now);
    }
    this.#rearm(now);
  }

  /** Media events, then the engine's deadline. Endpoints that were touched wake by themselves. */
  #afterTurn(): void {
    this.#drainEngine();
    while (this.#broken.length > 0) this.#endBroken();
    this.#arm(this.#engine.pollTimeout());
  }

  #endBroken(): void {
    const now = this.#options.runtime.clock.now();
    for (const { conference: id, cause } of this.#broken.splice(0)) {
      const conference = this.#conferences.get(id);
      if (conference !== undefined) {
        this.#bugs.end(conference, now, cause);
        this.#forget(conference);
      } else if (id === "") this.#bugs.complain(cause, now);
    }
    // Those who are left may have been told something by it.
    this.#drainEngine();
  }

  /** `#afterTurn`, and the deadlines of everything: after the timer. */
  #rearm(now: Millis): void {
    this.#afterTurn();
    let at = Math.min(this.#nextStats, now + LONGEST_SLEEP_MS);
    for (const conference of this.#conferences.values()) at = Math.min(at, conference.earliest);
    this.#wake(at);
  }

  /** Makes sure that the timer fires at `at` or earlier. */
  #wake(at: Millis | undefined): void {
    if (at !== undefined && at < this.#controlAt) this.#controlAt = at;
    this.#arm(at);
  }

  #arm(at: Millis | undefined): void {
    if (at === undefined || at >= this.#wakeAt || this.#stopped) return;
    const { clock, timers } = this.#options.runtime;
    this.#timer?.cancel();
    this.#wakeAt = at;
    this.#timer = timers.after(Math.max(0, at - clock.now()), () => this.#onTimer());
  }

  #postStats(now: Millis): void {
    try {
      const stats = snapshotStats(
        {
          conferences: this.#conferences.values(),
          look: (conference, step) => this.#bugs.look(conference, step),
          counters: this.#counters,
          totals: this.#engine.totals(now),
          sockets: this.#options.io.counters(),
          standstill: this.#standstill,
        },
        now,
      );
      this.#options.post({ kind: "stats", stats });
    } catch (cause) {
      this.#bugs.complain(cause, now);
    }
  }

  #attach(endpoint: EndpointPort): void {
    this.#bySession[endpoint.session] = endpoint;
    this.#captures.attach(endpoint.session, endpoint.id);
    this.#byTransport.set(endpoint.transport, endpoint);
    this.#localEndpoints++;
    this.#options.post({ kind: "localEndpoints", count: this.#localEndpoints });
  }

  #detach(endpoint: EndpointPort): void {
    this.#bySession[endpoint.session] = undefined;
    this.#captures.detach(endpoint.session);
    this.#byTransport.delete(endpoint.transport);
    for (const [socket, owner] of this.#bySocket) {
      if (owner === endpoint) this.#bySocket.delete(socket);
    }
    this.#localEndpoints--;
    this.#options.post({ kind: "localEndpoints", count: this.#localEndpoints });
  }

  /** What an exporter's peer does is a turn like a message's; a bug in it ends its conference. */
  #fenced(id: string, events: ExportSocketEvents): ExportSocketEvents {
    return inTurns(events, (now, step) => {
      const conference = this.#conferences.get(id);
      if (this.#stopped || conference === undefined) return;
      this.#bugs.guard(conference, now, step);
      if (conference.isExpired) this.#forget(conference);
      this.#engine.handleTimeout(now);
      this.#afterTurn();
      this.#wake(conference.earliest);
    });
  }

  #guardSocket(socket: SocketId, step: (endpoint: EndpointPort) => void): void {
    const endpoint = this.#bySocket.get(socket);
    if (endpoint === undefined) return;
    try {
      step(endpoint);
    } catch (cause) {
      this.#endAfterBug(endpoint, this.#options.runtime.clock.now(), cause);
    }
  }

  #endAfterBug(endpoint: EndpointPort | undefined, now: Millis, cause: unknown): void {
    const conference = this.#conferences.get(endpoint?.conference ?? "");
    if (conference !== undefined) {
      this.#bugs.end(conference, now, cause);
      this.#forget(conference);
    } else this.#bugs.complain(cause, now);
  }

  #forget(conference: Conference): void {
    if (!this.#conferences.delete(conference.id)) return;
    this.#options.post({ kind: "conferenceExpired", conference: conference.id });
  }

  #stop(now: Millis): void {
    for (const conference of this.#conferences.values()) {
      this.#bugs.guard(conference, now, () => conference.expire(now));
    }
    this.#conferences.clear();
    this.#stopped = true;
    this.#timer?.cancel();
    this.#options.io.close();
  }
}
