/**
 * One connection to a recorder or transcriber, `<connect>`: kept up while it is wanted, fed with the
 * audio of a conference, listened to (spec jvb-control 2.9, 9.4). Times are arguments; frames to a
 * peer that does not read are dropped and counted.
 */
import type { JsonObject } from "#shared/bridge-channel/messages";
import type { Logger } from "#shared/logging/logger";
import type { RtpHeader } from "#shared/rtp/rtp-header";
import type { Millis } from "#shared/runtime/runtime";
import type { ColibriConnect } from "#shared/stanza/colibri2";
import type { PayloadParameter } from "#shared/stanza/media";
import type { AudioTap, Injected } from "../media/audio-tap.ts";
import type { ExportCounter } from "./export-counters.ts";
import { zeroExportCounts } from "./export-counters.ts";
import type { ExportSettings } from "./export-settings.ts";
import type { ExportSocket, ExportSocketEvents, OpenExportSocket } from "./export-socket.ts";
import { ExportedSource } from "./exported-source.ts";
import {
  infoEvent,
  mediaEvent,
  type PeerEvent,
  parsePeerEvent,
  pingEvent,
  sessionEndEvent,
  sourcesEvent,
  startEvent,
} from "./media-json.ts";

/** Media that waits for a peer that reads slowly: 1024 packets of speech. */
const MAX_BUFFERED_BYTES = 512 * 1024;
/** Sources whose numbers are remembered. */
const MAX_SOURCES = 1_000;
/** Names for which audio came and which are no synthetic source: said once for each. */
const MAX_COMPLAINTS = 100;
const NEVER = Number.POSITIVE_INFINITY;
const NORMAL = 1000;
const GOING_AWAY = 1001;
const INTERNAL_ERROR = 1011;

/** What an exporter needs from its conference. */
export interface ExportPorts {
  readonly settings: ExportSettings;
  readonly log: Logger;
  readonly open: OpenExportSocket;
  /** Totals of the bridge. */
  count(counter: ExportCounter): void;
  /** Items of an endpoint's payload type. */
  payloadParameters(endpoint: string, payloadType: number): readonly PayloadParameter[];
  /** The endpoint asked for its voices to be told apart. */
  diarizes(endpoint: string): boolean;
  /** Tells everybody what was transcribed. */
  transcribed(event: JsonObject): void;
  /** A source that the bridge sends in somebody's name begins or ends. */
  sendingChanged(source: string, sending: boolean, timestamp: number): void;
  inject(
    source: string,
    payload: Uint8Array,
    seq: number,
    timestamp: number,
    now: Millis,
  ): Injected;
}

export class Exporter implements AudioTap {
  /** The one it was made of, with the lists that hold now. */
  connect: ColibriConnect;
  /** Of this one alone. */
  readonly counts = zeroExportCounts();
  /** Frames that the peer did not read. */
  dropped = 0;
  reconnectAttempts = 0;
  readonly #ports: ExportPorts;
  readonly #startedAt: Millis;
  readonly #sources = new Map<string, ExportedSource>();
  readonly #complained = new Set<string>();
  #exports: ReadonlySet<string>;
  #hadLists = false;
  #socket: ExportSocket | undefined;
  #isOpen = false;
  #stopped = false;
  /** Counts connections: `start` goes once over each. */
  #connection = 0;
  #openedAt: Millis = 0;
  #retryAt: Millis = NEVER;
  #sequenceNumber = 0;
  #pingAt: Millis = NEVER;
  #pongBy: Millis = NEVER;
  #pingId = 0;
  #lastPong: Millis | undefined;

  constructor(connect: ColibriConnect, ports: ExportPorts, now: Millis) {
    this.connect = connect;
    this.#exports = new Set(connect.exports);
    this.#ports = ports;
    this.#startedAt = now;
    this.#open();
  }

  /** When `handleTimeout` wants to be called. */
  get deadline(): Millis {
    return Math.min(this.#retryAt, this.#pingAt, this.#pongBy);
  }

  /** Other names to send or to be sent. */
  update(exports: readonly string[], requests: readonly string[]): void {
    this.connect = { ...this.connect, exports, requests };
    this.#exports = new Set(exports);
    this.#sendSources();
  }

  handleTimeout(now: Millis): void {
    if (now >= this.#retryAt) {
      this.#retryAt = NEVER;
      this.#open();
    }
    if (now >= this.#pongBy) {
      this.#ports.log.warn("An exporter's peer does not answer pings", this.#context());
      this.#socket?.close(NORMAL, "Ping timeout");
      this.#abandon(NORMAL, "no answer to a ping", now);
      return;
    }
    if (now >= this.#pingAt) this.#ping(now);
  }

  handleOpus(
    source: string,
    endpoint: string,
    header: RtpHeader,
    seq: number,
    level: number,
    vad: boolean,
    now: Millis,
  ): void {
    if (!this.#isOpen || (this.#exports.size > 0 && !this.#exports.has(source))) return;
    const exported = this.#source(source, now);
    const chunk = exported.chunk(seq);
    const timestamp = exported.timestamp(header.timestamp);
    if (chunk < 0 || timestamp < 0) return;
    if (exported.startedIn !== this.#connection || exported.payloadType !== header.payloadType)
      this.#start(exported, source, endpoint, header.payloadType);
    const { bytes, payloadOffset, payloadLength } = header;
    const payload = Buffer.from(bytes.buffer, bytes.byteOffset + payloadOffset, payloadLength);
    const number = this.#sequenceNumber + 1;
    const base64 = payload.toString("base64");
    const text = mediaEvent(number, exported.quotedName, chunk, timestamp, base64, level, vad);
    if (!this.#send(text)) return;
    this.#sequenceNumber = number;
    this.#count("exporter_packets_sent");
  }

  /** Ends it for good. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#retryAt = this.#pingAt = this.#pongBy = NEVER;
    if (this.#isOpen) this.#socket?.send(sessionEndEvent());
    this.#isOpen = false;
    this.#socket?.close(GOING_AWAY, "closing");
  }

  /** As `/debug` shows it. */
  state(now: Millis) {
    const { connect, counts } = this;
    return {
      tag: connect.id ?? "",
      url: connect.url ?? "",
      type: connect.type ?? "",
      exports: connect.exports ?? [],
      requests: connect.requests ?? [],
      is_connected: this.#isOpen,
      is_shutting_down: this.#stopped,
      reconnect_attempts: this.reconnectAttempts,
      packets_sent: counts.exporter_packets_sent,
      packets_dropped: this.dropped,
      websocket_failures: counts.exporter_websocket_failures,
      websocket_internal_errors: counts.exporter_websocket_internal_errors,
      starts: counts.exporter_starts,
      transcripts_received: counts.exporter_transcripts_received,
      media_events_received: counts.exporter_media_events_received,
      sending_changes_received: counts.exporter_sending_changes_received,
      other_messages_received: counts.exporter_other_messages_received,
      parse_failures: counts.exporter_parse_failures,
      info_received: counts.exporter_info_received,
      queue_size: this.#socket?.bufferedBytes ?? 0,
      ping_enabled: connect.ping !== undefined,
      ping_interval_ms: connect.ping?.interval ?? null,
      ping_timeout_ms: connect.ping?.timeout ?? null,
      last_pong_received_ms: this.#lastPong === undefined ? null : Math.round(now - this.#lastPong),
    };
  }

  #open(): void {
    const { url = "", headers = [] } = this.connect;
    const connection = ++this.#connection;
    const current = (): boolean => connection === this.#connection && !this.#stopped;
    const events: ExportSocketEvents = {
      opened: (now) => {
        if (current()) this.#opened(now);
      },
      received: (text, now) => {
        if (current()) this.#received(text, now);
      },
      closed: (code, why, now) => {
        if (current()) this.#abandon(code, why, now);
      },
    };
    this.#socket = this.#ports.open(url, headers, events);
  }

  #opened(now: Millis): void {
    this.#isOpen = true;
    this.#openedAt = now;
    const { ping } = this.connect;
    if (ping !== undefined) this.#pingAt = now + ping.interval;
    this.#ports.log.info("An exporter is connected", this.#context());
    this.#sendSources();
    this.#send(infoEvent(this.#ports.settings.version, this.#ports.settings.region));
  }

  /** The connection is over, or never came about: plans the next. */
  #abandon(code: number, why: string | undefined, now: Millis): void {
    const { baseDelayMs, maxDelayMs, maxReconnectAttempts, stableConnectionMs } =
      this.#ports.settings;
    if (code === INTERNAL_ERROR) this.#count("exporter_websocket_internal_errors");
    else if (!this.#isOpen || code === 1006) this.#count("exporter_websocket_failures");
    const wasStable = this.#isOpen && now - this.#openedAt > stableConnectionMs;
    this.reconnectAttempts = wasStable ? 0 : this.reconnectAttempts + 1;
    // What still comes over the old one is not listened to.
    this.#connection++;
    this.#isOpen = false;
    this.#socket = undefined;
    this.#pingAt = this.#pongBy = NEVER;
    const attempt = this.reconnectAttempts;
    if (maxReconnectAttempts !== undefined && attempt > maxReconnectAttempts) {
      this.#ports.log.warn("An exporter is given up", this.#context());
      return;
    }
    const delay = attempt === 0 ? 0 : Math.min(maxDelayMs, baseDelayMs * 2 ** (attempt - 1));
    this.#ports.log.info("An exporter lost its peer", { ...this.#context(), code, why, delay });
    this.#retryAt = now + delay;
  }

  #received(text: string | undefined, now: Millis): void {
    const parsed = text === undefined ? undefined : parsePeerEvent(text);
    if (parsed?.ok !== true) {
      this.#count("exporter_parse_failures");
      this.#ports.log.debug("Dropped what an exporter's peer said", {
        ...this.#context(),
        why: parsed?.error ?? "no text",
      });
      return;
    }
    this.#handle(parsed.value, now);
  }

  #handle(event: PeerEvent, now: Millis): void {
    switch (event.kind) {
      case "pong":
        if (event.id !== this.#pingId) return;
        this.#pongBy = NEVER;
        this.#lastPong = now;
        return;
      case "transcript":
        this.#count("exporter_transcripts_received");
        this.#ports.transcribed(event.event);
        return;
      case "media":
        this.#count("exporter_media_events_received");
        this.#inject(event, now);
        return;
      case "sending":
        this.#count("exporter_sending_changes_received");
        if (event.timestamp === undefined) return;
        this.#ports.sendingChanged(event.tag, event.sending, event.timestamp);
        return;
      case "info":
        this.#count("exporter_info_received");
        this.#ports.log.info("An exporter's peer says what it is", {
          ...this.#context(),
          application: event.application.slice(0, 64),
        });
        return;
      case "other":
        this.#count("exporter_other_messages_received");
    }
  }

  #inject(event: Extract<PeerEvent, { kind: "media" }>, now: Millis): void {
    const { tag, payload, seq, timestamp } = event;
    const outcome = this.#ports.inject(tag, payload, seq, timestamp, now);
    if (outcome !== "unknownSource" && outcome !== "noOpus") return;
    const key = outcome === "noOpus" ? outcome : tag;
    if (this.#complained.has(key) || this.#complained.size >= MAX_COMPLAINTS) return;
    this.#complained.add(key);
    const why = outcome === "noOpus" ? "nobody has Opus yet" : "there is no such source";
    this.#ports.log.warn("Dropped audio of an exporter's peer", { ...this.#context(), why });
  }

  #source(name: string, now: Millis): ExportedSource {
    const known = this.#sources.get(name);
    if (known !== undefined) return known;
    if (this.#sources.size >= MAX_SOURCES)
      for (const oldest of this.#sources.keys()) {
        this.#sources.delete(oldest);
        break;
      }
    const source = new ExportedSource(name, now - this.#startedAt);
    this.#sources.set(name, source);
    return source;
  }

  #start(exported: ExportedSource, tag: string, endpointId: string, payloadType: number): void {
    const sequenceNumber = this.#sequenceNumber + 1;
    const parameters = this.#ports.payloadParameters(endpointId, payloadType);
    const diarize = this.#ports.diarizes(endpointId);
    const start = { sequenceNumber, tag, endpointId, parameters, diarize };
    if (!this.#send(startEvent(start))) return;
    this.#sequenceNumber = sequenceNumber;
    exported.startedIn = this.#connection;
    exported.payloadType = payloadType;
    this.#count("exporter_starts");
  }

  #sendSources(): void {
    const { exports = [], requests = [] } = this.connect;
    this.#hadLists ||= exports.length > 0 || requests.length > 0;
    if (this.#hadLists) this.#send(sourcesEvent(exports, requests));
  }

  #ping(now: Millis): void {
    const { ping } = this.connect;
    if (ping === undefined || !this.#isOpen) return;
    this.#pingAt = now + Math.max(1, ping.interval);
    // The one before was answered, or is still waited for.
    if (this.#pongBy !== NEVER) return;
    this.#pingId++;
    this.#pongBy = now + ping.timeout;
    this.#send(pingEvent(this.#pingId));
  }

  /** False when it was dropped. */
  #send(text: string): boolean {
    const socket = this.#socket;
    if (socket === undefined || !this.#isOpen) return false;
    if (socket.bufferedBytes > MAX_BUFFERED_BYTES) {
      this.dropped++;
      return false;
    }
    socket.send(text);
    return true;
  }

  #count(counter: ExportCounter): void {
    this.counts[counter]++;
    this.#ports.count(counter);
  }

  #context(): { readonly exporter: string } {
    return { exporter: this.connect.id ?? "" };
  }
}
