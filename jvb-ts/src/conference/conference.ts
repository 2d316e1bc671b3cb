/**
 * One conference: who is in it, what COLIBRI2 asks of it, and who hears what on the bridge
 * channels. Event in, calls on endpoints and ports out; all times are arguments.
 */
import { encodeBridgeMessage } from "#shared/bridge-channel/encode";
import type { BridgeMessage } from "#shared/bridge-channel/messages";
import { parseBridgeMessage } from "#shared/bridge-channel/parse";
import type { Logger } from "#shared/logging/logger";
import { Bug } from "#shared/runtime/bug";
import type { Millis } from "#shared/runtime/runtime";
import type {
  ColibriConnect,
  ColibriEndpoint,
  ColibriEndpointReply,
  ColibriError,
  ColibriMediaSource,
  ColibriTransport,
  ConferenceModified,
  ConferenceModify,
} from "#shared/stanza/colibri2";
import { ConferenceExporters } from "../export/conference-exporters.ts";
import type { BrokenConference, ConferenceSsrcs, MediaEvent } from "../media/media-engine.ts";
import { type ChannelPath, Endpoint, SCTP_PORT } from "./endpoint.ts";
import { exportPorts } from "./export-ports.ts";
import type { ConferencePorts } from "./ports.ts";
import { refusal } from "./refusal.ts";
import { structuralFault, toleratesUnknownIds } from "./request-rules.ts";
import { sameSecret } from "./same-secret.ts";

/** An endpoint that never did anything lives this long (jvb-control 3.9). */
const NEVER_ACTIVE_MS = 120_000;
/** An empty conference younger than this is left alone by the expiry run. */
const EMPTY_GRACE_MS = 20_000;

export interface ConferenceOptions {
  /** Bridge-local id. */
  readonly id: string;
  readonly meetingId: string;
  readonly name: string | undefined;
  readonly rtcstatsEnabled: boolean;
  readonly ports: ConferencePorts;
  readonly now: Millis;
}

/** Outcome of one request; `expired`: the conference is gone, whatever the outcome. */
export type RequestOutcome =
  | { readonly ok: true; readonly modified: ConferenceModified; readonly expired: boolean }
  | { readonly ok: false; readonly error: ColibriError; readonly expired: boolean };

type Step<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: ColibriError };

const fail = (error: ColibriError): { ok: false; error: ColibriError } => ({ ok: false, error });

export class Conference {
  readonly id: string;
  readonly meetingId: string;
  readonly name: string | undefined;
  readonly rtcstatsEnabled: boolean;
  readonly createdAt: Millis;
  readonly endpoints = new Map<string, Endpoint>();
  readonly exporters: ConferenceExporters;
  readonly #ports: ConferencePorts;
  readonly #log: Logger;
  readonly #ssrcs: ConferenceSsrcs;
  #nextExpiry: Millis;
  #nextConnectivity: Millis;
  /** Infinite when endpoints are not told. */
  #nextConnectionStats: Millis;
  #silence = false;
  #expired = false;

  constructor(options: ConferenceOptions) {
    const { ports, now } = options;
    this.id = options.id;
    this.meetingId = options.meetingId;
    this.name = options.name;
    this.rtcstatsEnabled = options.rtcstatsEnabled;
    this.createdAt = now;
    this.#ports = ports;
    this.#log = ports.log.child({ conf: options.id, meeting: options.meetingId });
    this.#ssrcs = ports.engine.addConference(options.id);
    this.exporters = new ConferenceExporters(
      exportPorts(this, ports, this.#log, (message) => this.#broadcast(message)),
    );
    this.#nextExpiry = now + ports.settings.life.expirationCheckMs;
    this.#nextConnectivity = nextOf(ports.settings.life.connectivityCheckMs, now);
    this.#nextConnectionStats = nextOf(ports.settings.life.connectionStatsMs, now);
    ports.count("conferences_created");
    this.#log.info("Conference created", { name: options.name });
  }

  get isExpired(): boolean {
    return this.#expired;
  }

  /** Processes one COLIBRI2 request to its end (jvb-control 2.3). There is no rollback. */
  handleRequest(request: ConferenceModify, now: Millis): RequestOutcome {
    const fault = structuralFault(request);
    if (fault !== undefined) return { ok: false, error: fault, expired: false };
    const tolerant = toleratesUnknownIds(request);
    const endpoints: ColibriEndpointReply[] = [];
    for (const wanted of request.endpoints) {
      const step = this.#handleEndpoint(wanted, tolerant, now);
      if (!step.ok) return { ok: false, error: step.error, expired: this.#expired };
      endpoints.push(step.value);
    }
    const refused = this.#relayFault(request) ?? this.#applyConnects(request.connects, now);
    if (refused !== undefined) return { ok: false, error: refused, expired: this.#expired };
    const wantsSources = request.create || request.endpoints.some((endpoint) => endpoint.create);
    const modified: ConferenceModified = {
      endpoints,
      relays: [],
      sources: wantsSources ? this.#feedbackSources() : undefined,
    };
    if (request.expire || (!request.create && this.endpoints.size === 0)) this.expire(now);
    return { ok: true, modified, expired: this.#expired };
  }

  /** The endpoint whose bridge channel may be opened with that password. */
  endpointForChannel(id: string, password: string): Endpoint | undefined {
    const endpoint = this.endpoints.get(id);
    return sameSecret(endpoint?.password, password) ? endpoint : undefined;
  }

  /** Periodic work: connectivity of endpoints, then expiry. May expire the conference. */
  handleTimeout(now: Millis): void {
    if (this.#nextConnectivity <= now) {
      this.#nextConnectivity = nextOf(this.#ports.settings.life.connectivityCheckMs, now);
      this.#checkConnectivity(now);
    }
    if (this.#nextConnectionStats <= now) {
      this.#nextConnectionStats = nextOf(this.#ports.settings.life.connectionStatsMs, now);
      this.#tellConnectionStats();
    }
    if (this.#nextExpiry <= now) {
      this.#nextExpiry = now + this.#ports.settings.life.expirationCheckMs;
      this.#checkExpiry(now);
    }
    this.exporters.handleTimeout(now);
  }

  /** We could not listen for that long: judges again only after what waited was read. */
  handleStandstill(stood: Millis, now: Millis): void {
    const { connectivityCheckMs } = this.#ports.settings.life;
    this.#nextConnectivity = Math.max(this.#nextConnectivity, now + connectivityCheckMs);
    this.#nextExpiry = Math.max(this.#nextExpiry, now + connectivityCheckMs);
    for (const endpoint of this.endpoints.values()) endpoint.handleStandstill(stood);
  }

  pollTimeout(): Millis | undefined {
    if (this.#expired) return undefined;
    return Math.min(
      this.#nextConnectivity,
      this.#nextConnectionStats,
      this.#nextExpiry,
      this.exporters.deadline,
    );
  }

  /** The earliest deadline of this and everybody in it: one timer is made for all, not one for each. */
  get earliest(): Millis {
    let at = this.pollTimeout() ?? Number.POSITIVE_INFINITY;
    for (const { deadline } of this.endpoints.values())
      if (deadline !== undefined && deadline < at) at = deadline;
    return at;
  }

  /** Takes one event of the packet path that concerns this conference. */
  handleMediaEvent(event: Exclude<MediaEvent, BrokenConference>): void {
    switch (event.kind) {
      case "dominantSpeakerChanged": {
        this.#silence = event.silence;
        if (event.endpoint === undefined) return;
        this.#log.debug("Dominant speaker", { endpoint: event.endpoint, silence: event.silence });
        this.#broadcast({
          kind: "DominantSpeakerEndpointChangeEvent",
          dominantSpeakerEndpoint: event.endpoint,
          previousSpeakers: event.previousSpeakers,
          silence: event.silence,
        });
        return;
      }
      case "forwardedSourcesChanged":
        this.endpoints
          .get(event.endpoint)
          ?.send({ kind: "ForwardedSources", forwardedSources: event.sources });
        return;
      case "senderSourceConstraints":
        this.endpoints.get(event.endpoint)?.send({
          kind: "SenderSourceConstraints",
          sourceName: event.sourceName,
          maxHeight: event.maxHeight,
        });
        return;
      case "videoSourcesMapped":
        this.endpoints
          .get(event.endpoint)
          ?.send({ kind: "VideoSourcesMap", mappedSources: event.mappings });
        return;
      case "audioSourcesMapped":
        this.endpoints
          .get(event.endpoint)
          ?.send({ kind: "AudioSourcesMap", mappedSources: event.mappings });
        return;
      default:
        throw new Bug(event satisfies never);
    }
  }

  /**
   * Ends the conference and everything in it. Twice does nothing. A bug on the way is thrown when
   * all the rest is ended.
   */
  expire(now: Millis): void {
    if (this.#expired) return;
    this.#expired = true;
    let bug: { readonly cause: unknown } | undefined;
    try {
      this.exporters.stop();
    } catch (cause) {
      bug = { cause };
    }
    for (const endpoint of [...this.endpoints.values()]) {
      try {
        this.#remove(endpoint, now);
      } catch (cause) {
        bug ??= { cause };
      }
    }
    this.endpoints.clear();
    try {
      this.#ports.engine.removeConference(this.id);
    } catch (cause) {
      bug ??= { cause };
    }
    this.#ports.count("conferences_completed");
    this.#ports.count("conference_seconds", Math.round((now - this.createdAt) / 1000));
    this.#log.info("Conference expired");
    if (bug !== undefined) throw bug.cause;
  }

  #handleEndpoint(
    request: ColibriEndpoint,
    tolerant: boolean,
    now: Millis,
  ): Step<ColibriEndpointReply> {
    const known = this.endpoints.get(request.id);
    if (request.expire) {
      if (known !== undefined) this.#remove(known, now);
      return { ok: true, value: { id: request.id, expire: true, transport: undefined } };
    }
    if (!request.create && known === undefined) {
      if (tolerant) {
        return { ok: true, value: { id: request.id, expire: false, transport: undefined } };
      }
      const text = `Endpoint not found for ID: ${request.id}`;
      return fail(refusal("item-not-found", text, "unknown_endpoint", request.id));
    }
    let endpoint = known;
    if (request.create) {
      const created = this.#create(request, now);
      if (!created.ok) return created;
      endpoint = created.value;
    }
    if (endpoint === undefined) throw new Bug("an endpoint that is neither known nor created");
    const fault = this.#update(endpoint, request, now);
    if (fault !== undefined) return fail(fault);
    let transport: ColibriTransport | undefined;
    if (request.create) transport = withSctp(endpoint.describe(), request);
    else if (request.transport?.iceRestart === true) {
      const restarted = endpoint.restartIce(now);
      transport = restarted === undefined ? undefined : withSctp(restarted, request);
    }
    return { ok: true, value: { id: request.id, expire: false, transport } };
  }

  #create(request: ColibriEndpoint, now: Millis): Step<Endpoint> {
    const { id, transport } = request;
    if (this.endpoints.has(id)) {
      return fail(refusal("conflict", `Endpoint with ID ${id} already exists`));
    }
    if (transport === undefined) {
      const text = `Attempt to create endpoint ${id} with no <transport>`;
      return fail(refusal("bad-request", text));
    }
    if (!request.capabilities.includes("source-names")) {
      return fail(refusal("bad-request", "Source name support is mandatory."));
    }
    // Upstream checks SCTP after it made the endpoint and leaves it behind; here nothing is made.
    const { sctp } = transport;
    if (sctp !== undefined) {
      if (!this.#ports.settings.sctpEnabled) {
        return fail(refusal("feature-not-implemented", "SCTP support is not configured"));
      }
      if (sctp.role !== undefined && sctp.role !== "server") {
        const text = `Unsupported SCTP role: ${sctp.role.toUpperCase()}`;
        return fail(refusal("feature-not-implemented", text));
      }
      if (sctp.port !== undefined && sctp.port !== SCTP_PORT) {
        return fail(refusal("bad-request", "Specific SCTP port requested, not supported."));
      }
    }
    if (request.mucRole === "visitor" && (request.sources?.length ?? 0) > 0) {
      return fail(refusal("bad-request", visitorSources(id)));
    }
    const log = this.#log.child({ endpoint: id });
    const endpoint = new Endpoint({
      ports: this.#ports,
      events: {
        channelOpened: (opened, path) => this.#channelOpened(opened, path),
        channelText: (from, path, text) => this.#channelText(from, path, text),
      },
      conference: this.id,
      request,
      transport,
      now,
      log,
    });
    this.endpoints.set(id, endpoint);
    this.#ports.count("endpoints");
    if (endpoint.visitor) this.#ports.count("visitors");
    log.info("Endpoint created", { statsId: request.statsId, visitor: endpoint.visitor });
    return { ok: true, value: endpoint };
  }

  /** The part that create and update share, in upstream's order (jvb-control 2.5). */
  #update(endpoint: Endpoint, request: ColibriEndpoint, now: Millis): ColibriError | undefined {
    const { media } = endpoint;
    for (const one of request.media) endpoint.addMedia(one);
    if (request.initialLastN !== undefined && !endpoint.hasConstraints) {
      media.setLastN(request.initialLastN);
    }
    if (request.transport?.ice !== undefined) endpoint.setRemote(request.transport.ice, now);
    if (request.sources !== undefined) {
      if (endpoint.visitor && request.sources.length > 0) {
        return refusal("bad-request", visitorSources(endpoint.id));
      }
      endpoint.setSources(request.sources);
    }
    const { forceMute } = request;
    if (forceMute !== undefined) media.setForceMute(forceMute.audio, forceMute.video);
    return undefined;
  }

  #applyConnects(connects: readonly ColibriConnect[], now: Millis): ColibriError | undefined {
    const fault = this.exporters.apply(connects, now);
    return fault && refusal(fault.condition, fault.text);
  }

  #relayFault(request: ConferenceModify): ColibriError | undefined {
    if (request.relays.length === 0) return undefined;
    return refusal("feature-not-implemented", "Octo is disabled in configuration.");
  }

  /** The bridge's own SSRCs, constant for the conference. */
  #feedbackSources(): ColibriMediaSource[] {
    const one = (type: "audio" | "video", id: string, ssrc: number): ColibriMediaSource => ({
      type,
      id,
      synthetic: false,
      sources: [
        { ssrc, name: id, msid: undefined, videoType: undefined, rid: undefined, owner: undefined },
      ],
      groups: [],
    });
    return [one("audio", "jvb-a0", this.#ssrcs.audio), one("video", "jvb-v0", this.#ssrcs.video)];
  }

  #remove(endpoint: Endpoint, now: Millis): void {
    endpoint.expire(now);
    this.endpoints.delete(endpoint.id);
    endpoint.log.info("Endpoint expired");
  }

  #checkConnectivity(now: Millis): void {
    for (const endpoint of this.endpoints.values()) {
      if (endpoint.visitor) continue;
      const change = endpoint.status.handleCheck(endpoint.lastActivity(), now);
      if (change === undefined) continue;
      const active = change.kind === "active";
      if (active) this.#ports.count("endpoints_reconnected");
      else if (!change.isFirst) this.#ports.count("endpoints_disconnected");
      endpoint.log.info(active ? "Endpoint is active again" : "Endpoint became inactive");
      this.#broadcast({
        kind: "EndpointConnectivityStatusChangeEvent",
        endpoint: endpoint.id,
        active,
      });
    }
  }

  /** Tells endpoints what their way from the bridge is estimated to carry. */
  #tellConnectionStats(): void {
    for (const endpoint of this.endpoints.values()) {
      const bps = endpoint.media.estimatedBandwidthBps();
      if (!Number.isFinite(bps) || !endpoint.hasChannel) continue;
      endpoint.send({ kind: "ConnectionStats", estimatedDownlinkBandwidth: Math.round(bps) });
    }
  }

  #checkExpiry(now: Millis): void {
    const { expirationTimeoutMs } = this.#ports.settings.life;
    for (const endpoint of [...this.endpoints.values()]) {
      const last = endpoint.lastActivity();
      const quiet =
        last === undefined
          ? now - endpoint.waitingSince > NEVER_ACTIVE_MS
          : now - last > expirationTimeoutMs;
      if (endpoint.transport.iceFailed || quiet) this.#remove(endpoint, now);
    }
    if (this.endpoints.size === 0 && now - this.createdAt > EMPTY_GRACE_MS) this.expire(now);
  }

  /** What a fresh channel is told, in upstream's order (jvb-control 4.4). */
  #channelOpened(endpoint: Endpoint, path: ChannelPath): void {
    if (path === "webSocket") endpoint.send(this.#serverHello(), path);
    endpoint.media.resendSenderConstraints();
    this.#ports.drainEngine();
    const forwardedSources = endpoint.media.forwardedSources();
    endpoint.send({ kind: "ForwardedSources", forwardedSources }, path);
    const { video, audio } = endpoint.media.sourceMappings();
    if (video.length > 0) endpoint.send({ kind: "VideoSourcesMap", mappedSources: video }, path);
    if (audio.length > 0) endpoint.send({ kind: "AudioSourcesMap", mappedSources: audio }, path);
    for (const other of this.endpoints.values()) {
      if (other.visitor || other.status.isActive) continue;
      const inactive = other.id;
      endpoint.send(
        { kind: "EndpointConnectivityStatusChangeEvent", endpoint: inactive, active: false },
        path,
      );
    }
    const [dominant, ...previousSpeakers] = this.#ports.engine.recentSpeakers(this.id);
    if (dominant === undefined) return;
    endpoint.send(
      {
        kind: "DominantSpeakerEndpointChangeEvent",
        dominantSpeakerEndpoint: dominant,
        previousSpeakers,
        silence: this.#silence,
      },
      path,
    );
  }

  #serverHello(): BridgeMessage {
    return { kind: "ServerHello", version: this.#ports.settings.announcedVersion };
  }

  #channelText(endpoint: Endpoint, path: ChannelPath, text: string): void {
    const parsed = parseBridgeMessage(text);
    if (!parsed.ok) {
      // Any client can cause it as often as it likes: nothing for an operator's log.
      endpoint.messagesRefused++;
      endpoint.log.debug("Bridge channel message dropped", { why: parsed.error.text });
      return;
    }
    const message = parsed.value;
    const counts = endpoint.receivedCounts;
    counts.set(message.kind, (counts.get(message.kind) ?? 0) + 1);
    this.#handleMessage(endpoint, path, message);
  }

  /** What each message of a client does (jvb-control 4.6). */
  #handleMessage(endpoint: Endpoint, path: ChannelPath, message: BridgeMessage): void {
    const { media } = endpoint;
    switch (message.kind) {
      case "ClientHello":
        endpoint.send(this.#serverHello(), path);
        return;
      case "EndpointMessage":
        if (endpoint.visitor) return;
        this.#relayMessage(endpoint, { ...message, from: endpoint.id });
        return;
      case "EndpointStats":
        if (endpoint.visitor) return;
        this.#relayStats(endpoint, { ...message, from: endpoint.id });
        return;
      case "LastNChangedEvent":
        endpoint.hasConstraints = true;
        media.setLastN(message.lastN);
        return;
      case "ReceiverVideoConstraints":
        if (!endpoint.hasConstraints) {
          endpoint.hasConstraints = true;
          this.#remindSenders();
        }
        media.setReceiverConstraints({
          lastN: message.lastN,
          selectedSources: message.selectedSources,
          onStageSources: message.onStageSources,
          defaultConstraints: message.defaultConstraints,
          constraints:
            message.constraints === undefined ? undefined : Object.fromEntries(message.constraints),
          assumedBandwidthBps: message.assumedBandwidthBps,
        });
        return;
      case "ReceiverAudioSubscription": {
        const { all, include, exclude } = message;
        media.setAudioSubscription({ all, include, exclude });
        return;
      }
      case "SourceVideoTypeMessage":
        media.setVideoType(message.sourceName, message.videoType);
        return;
      case "VideoTypeMessage":
        media.setVideoType(`${endpoint.id}-v0`, message.videoType);
        return;
      default:
        // Messages between bridges and those only a bridge sends mean nothing from a client.
        endpoint.log.debug("Bridge channel message ignored", { class: message.kind });
    }
  }

  /**
   * Two who talked directly come to the bridge when the third does. The newest client writes what the
   * bridge wants of it down for the session in use, so what came meanwhile it then does not know, and
   * may go by an old "nobody wants it" (decision 0022).
   */
  #remindSenders(): void {
    if (this.endpoints.size !== 3) return;
    const endpoints = [...this.endpoints.values()];
    if (!endpoints.every(({ hasConstraints }) => hasConstraints)) return;
    for (const { media } of endpoints) media.resendSenderConstraints();
  }

  #relayMessage(
    sender: Endpoint,
    message: Extract<BridgeMessage, { kind: "EndpointMessage" }>,
  ): void {
    if (message.to.trim() === "") {
      this.#broadcast(message, message.from);
      return;
    }
    const target = this.endpoints.get(message.to);
    if (target === undefined) {
      sender.messagesRefused++;
      sender.log.debug("Endpoint message for nobody dropped", { to: message.to.slice(0, 64) });
      return;
    }
    target.send(message);
  }

  #relayStats(sender: Endpoint, message: Extract<BridgeMessage, { kind: "EndpointStats" }>): void {
    const everybody =
      this.endpoints.size <= this.#ports.settings.life.statsFilterThreshold ||
      this.#ports.engine.recentSpeakers(this.id).includes(sender.id);
    const text = encodeBridgeMessage(message);
    for (const receiver of this.endpoints.values()) {
      if (receiver === sender || !receiver.hasChannel) continue;
      if (everybody || receiver.media.wantsSourceOf(sender.id)) {
        receiver.sendEncoded(message.kind, text);
      }
    }
  }

  /** To every endpoint with a channel but `except`. */
  #broadcast(message: BridgeMessage, except?: string): void {
    const text = encodeBridgeMessage(message);
    for (const endpoint of this.endpoints.values()) {
      if (endpoint.id === except || !endpoint.hasChannel) continue;
      endpoint.sendEncoded(message.kind, text);
    }
  }
}

/** The next multiple of a period: all conferences of a worker are checked in one turn. */
function nextOf(period: Millis | undefined, now: Millis): Millis {
  if (period === undefined) return Number.POSITIVE_INFINITY;
  return (Math.floor(now / period) + 1) * period;
}

function visitorSources(id: string): string {
  return `Attempt to set sources for visitor endpoint ${id}`;
}

function withSctp(transport: ColibriTransport, request: ColibriEndpoint): ColibriTransport {
  if (request.transport?.sctp === undefined) return transport;
  return { ...transport, sctp: { port: SCTP_PORT, role: "server" } };
}
