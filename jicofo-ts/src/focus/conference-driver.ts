/**
 * Joins one conference's core to the world: room events, IQs and timers become events, effects
 * become stanzas, timers and log lines. All asynchrony of a conference is here.
 */
import type { Logger } from "#shared/logging/logger";
import { Mailbox } from "#shared/runtime/mailbox";
import type { Timer } from "#shared/runtime/runtime";
import type { ConferenceModified } from "#shared/stanza/colibri2";
import { parseColibriError, parseConferenceModified } from "#shared/stanza/colibri2-reply";
import { buildConferenceModify } from "#shared/stanza/colibri2-request";
import { isYes } from "#shared/stanza/data-form";
import { iqError, iqRequest, iqResult } from "#shared/stanza/iq";
import { buildJingle, type Jingle } from "#shared/stanza/jingle";
import { buildMute, type MuteMedia } from "#shared/stanza/mute";
import { type StanzaError, stanzaError } from "#shared/stanza/stanza-error";
import type { IqReply, IqRequest } from "#shared/xmpp/connection";
import { type BareJid, type Jid, parseBareJid, parseJid } from "#shared/xmpp/jid";
import type { FormFields, MucEvent, MucRoomDoor } from "#shared/xmpp/muc";
import { NS } from "#shared/xmpp/namespaces";
import { childOf, type Element } from "#shared/xmpp/xml";
import type { ColibriReply } from "../colibri/reaction.ts";
import { Conference } from "../conference/conference.ts";
import type { ConferenceConfig } from "../conference/config.ts";
import type { ConferenceEvent, Effect, TimerName } from "../conference/events.ts";
import { type RequestProperties, uuid } from "../conference/state.ts";
import { defaultFeatures, featuresOf } from "../jingle/features.ts";
import type { FocusPorts } from "./door.ts";
import type { RoomMetadata } from "./room-metadata.ts";

/** How long a room with presets is waited for its metadata. */
const metadataWaitMs = 10_000;

/** Who may see members' addresses, in the room's form. */
const whois = "muc#roomconfig_whois";

/** What a driver is told. */
export interface DriverOptions {
  readonly room: string;
  readonly config: ConferenceConfig;
  readonly properties: RequestProperties;
  readonly pinnedVersion: string | undefined;
  /** Whether it counts in figures. */
  readonly statistics: boolean;
  /** Where authentication is on: whether that member is authenticated. */
  readonly isAuthenticated: ((member: Jid) => boolean) | undefined;
  readonly ports: FocusPorts;
  /** Claims a meeting id for this process; `false` when another room has it. */
  readonly claim: (meetingId: string) => boolean;
  readonly onJingleSent: (action: string) => void;
  /** Whether breakout rooms of this one have conferences. */
  readonly hasBreakouts: () => boolean;
  /** Told once, when the conference is over; `again`: its room may go on and is to be joined anew. */
  readonly onEnded: (again: boolean) => void;
}

interface Answer {
  readonly request: IqRequest;
  readonly answer: (reply: Element) => void;
}

export class ConferenceDriver {
  readonly conference: Conference;
  readonly statistics: boolean;
  readonly #options: DriverOptions;
  readonly #ports: FocusPorts;
  readonly #log: Logger;
  readonly #mailbox: Mailbox<ConferenceEvent>;
  readonly #room: MucRoomDoor | undefined;
  readonly #timers = new Map<TimerName, Timer>();
  readonly #answers = new Map<number, Answer>();
  /** Room events that came before the room was configured. */
  #early: MucEvent[] | undefined = [];
  #requests = 0;
  #mainRoom: BareJid | undefined;
  readonly #started = Promise.withResolvers<boolean>();
  /** Resolves with the first metadata of the room. */
  readonly #described = Promise.withResolvers<void>();
  #left: Promise<void> = Promise.resolve();
  #over = false;

  constructor(options: DriverOptions) {
    const { room, config, properties, pinnedVersion, ports } = options;
    this.#options = options;
    this.#ports = ports;
    this.statistics = options.statistics;
    this.#log = ports.log.child({ room }, "Conference");
    this.conference = new Conference({
      room,
      config,
      properties,
      ...(pinnedVersion === undefined ? {} : { pinnedVersion }),
      pool: ports.bridges,
      random: ports.runtime.random,
      isAuthenticated: options.isAuthenticated,
      hasBreakouts: options.hasBreakouts,
    });
    this.#mailbox = new Mailbox({
      name: `conference ${room}`,
      log: this.#log,
      handle: (event) => this.#handle(event),
      onBug: () => this.#abandon(),
    });
    const jid = parseBareJid(room);
    this.#room = jid && ports.openRoom(jid, config.nick, (event) => this.#roomEvent(event));
  }

  /** Resolves with whether the conference is running, once that is decided. */
  get started(): Promise<boolean> {
    return this.#started.promise;
  }

  /** Whether somebody with that real full JID is in the room. */
  hasMember(jid: Jid): boolean {
    for (const { member } of this.conference.state.members.values())
      if (member.realJid === jid) return true;
    return false;
  }

  /** Where this is a breakout room: the room it belongs to. */
  get mainRoom(): string | undefined {
    return this.#mainRoom;
  }

  /** Resolves when the room was left. */
  get left(): Promise<void> {
    return this.#left;
  }

  post(event: ConferenceEvent): void {
    this.#mailbox.post(event);
  }

  /** The room's metadata came; joining may have waited for it. */
  metadata({ startMuted }: RoomMetadata): void {
    this.#described.resolve();
    if (startMuted !== undefined) this.post({ kind: "startMuted", startMuted });
  }

  /** A Jingle IQ of an occupant; resolves with the answer. */
  jingle(request: IqRequest, jingle: Jingle): Promise<Element> {
    return this.#ask(request, (id) => ({
      kind: "jingle",
      request: id,
      from: request.from,
      jingle,
    }));
  }

  /** A mute IQ of an occupant; resolves with the answer. */
  mute(request: IqRequest, media: MuteMedia, target: Jid, mute: boolean): Promise<Element> {
    const { from } = request;
    return this.#ask(request, (id) => ({ kind: "mute", request: id, from, media, target, mute }));
  }

  #ask(request: IqRequest, event: (id: number) => ConferenceEvent): Promise<Element> {
    const id = ++this.#requests;
    return new Promise((answer) => {
      this.#answers.set(id, { request, answer });
      this.post(event(id));
      // A conference that ended because of a bug answers nobody by itself.
      if (this.#over) this.#answer(id, iqError(request.iq, stanzaError("item-not-found")));
    });
  }

  #answer(id: number, reply: Element): void {
    const waiting = this.#answers.get(id);
    this.#answers.delete(id);
    waiting?.answer(reply);
  }

  #handle(event: ConferenceEvent): void {
    const effects = this.conference.handle(event, this.#ports.runtime.clock.now());
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: Effect): void {
    const { client, runtime } = this.#ports;
    switch (effect.kind) {
      case "joinRoom":
        this.#background(this.#join());
        break;
      case "leaveRoom":
        if (this.#room !== undefined) this.#left = this.#room.leave();
        break;
      case "setPresence":
        this.#room?.setPresenceExtension(effect.name, effect.ns, effect.extension);
        break;
      case "grantOwner":
        this.#background(this.#grant(effect.jid));
        break;
      case "discover":
        this.#background(this.#discover(effect));
        break;
      case "jingle":
        this.#options.onJingleSent(effect.jingle.action);
        this.#background(this.#sendJingle(effect));
        break;
      case "mute": {
        const { to, media, actor } = effect;
        const payload = buildMute({ media, jid: undefined, actor, mute: true });
        // Clients never answer a mute (wire A14); nobody waits.
        this.#background(client.request(iqRequest("set", to, payload)));
        break;
      }
      case "colibri":
        this.#background(this.#sendColibri(effect));
        break;
      case "reply": {
        const iq = this.#answers.get(effect.request)?.request.iq;
        if (iq === undefined) break;
        const { fault } = effect;
        const reply =
          fault === undefined
            ? iqResult(iq)
            : iqError(iq, stanzaError(fault.condition, fault.text));
        this.#answer(effect.request, reply);
        break;
      }
      case "setTimer": {
        const { name, delay } = effect;
        // One that runs already fires no later than a batch may wait, and is set again if too early.
        if ((name === "signal" || name === "sources") && this.#timers.has(name)) break;
        this.#timers.get(name)?.cancel();
        const timer = runtime.timers.after(delay, () => {
          this.#timers.delete(name);
          this.post({ kind: "timer", name });
        });
        this.#timers.set(name, timer);
        break;
      }
      case "cancelTimer":
        this.#timers.get(effect.name)?.cancel();
        this.#timers.delete(effect.name);
        break;
      case "count":
        if (this.statistics) this.#ports.count(effect.metric, effect.by);
        break;
      case "log":
        this.#log[effect.level](effect.message, {
          meeting_id: this.conference.state.meetingId || undefined,
          ...effect.context,
        });
        break;
      case "ready":
        this.#started.resolve(true);
        break;
      case "ended":
        this.#end(effect.again);
        break;
    }
  }

  /** A bug of ours broke the conference: bridges and room are told as far as that still works. */
  #abandon(): void {
    try {
      this.#handle({ kind: "stop", why: "internal error", callGoesOn: false });
    } catch (cause) {
      this.#log.error("Could not end the conference in order", {}, cause);
    }
    this.#end();
  }

  /** Also after a bug: whatever happened, the room is left and nobody waits. */
  #end(again = false): void {
    if (this.#over) return;
    this.#over = true;
    this.#mailbox.close();
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    for (const [id, { request }] of [...this.#answers]) {
      this.#answer(id, iqError(request.iq, stanzaError("item-not-found")));
    }
    this.#described.resolve();
    this.#started.resolve(false);
    if (this.#room?.joined === true) this.#left = this.#room.leave();
    this.#options.onEnded(again);
  }

  async #join(): Promise<void> {
    const outcome = await this.#enter();
    if (this.#over) {
      // Given up meanwhile; what was joined is left again.
      if (this.#room?.joined === true) this.#left = this.#room.leave();
      return;
    }
    this.post(outcome);
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const event of early) this.#roomEvent(event);
  }

  /**
   * Joins the room, reads its form and lets members see each other's addresses (spec jicofo 3.2),
   * which most servers are set up to do by themselves.
   */
  async #enter(): Promise<ConferenceEvent> {
    const room = this.#room;
    const { config, claim } = this.#options;
    const failed = (why: string): ConferenceEvent => ({ kind: "joinFailed", why });
    if (room === undefined) return failed("not a room for conferences");
    const result = await room.join({ timeoutMs: config.clientReplyTimeout });
    if (result.kind === "refused") return failed(result.error.condition);
    if (result.kind !== "joined") return failed(result.kind);
    const form = await room.readConfig(config.clientReplyTimeout);
    if (!isForm(form)) return failed(`room configuration: ${reason(form)}`);
    const meetingId = value(form, "muc#roominfo_meetingId") || uuid(this.#ports.runtime.random);
    if (this.#over) return failed("given up");
    if (!claim(meetingId)) return failed(`meeting id ${meetingId} is in use`);
    if (value(form, whois) !== "anyone") {
      const refused = await room.writeConfig({ [whois]: "anyone" }, config.clientReplyTimeout);
      if (refused !== undefined) return failed(`room configuration: ${reason(refused)}`);
    }
    if (isYes(form, "muc#roominfo_conference_presets_service_enabled")) await this.#awaitMetadata();
    const breakout = isYes(form, "muc#roominfo_isbreakout");
    if (breakout) this.#mainRoom = parseBareJid(value(form, "muc#roominfo_breakout_main_room"));
    return { kind: "joined", self: this.#ports.client.jid ?? "", meetingId, breakout };
  }

  /** The room is ready only with what the presets say of it, or when they take too long. */
  async #awaitMetadata(): Promise<void> {
    const { promise, resolve } = this.#described;
    const timer = this.#ports.runtime.timers.after(metadataWaitMs, resolve);
    await promise;
    timer.cancel();
  }

  #roomEvent(event: MucEvent): void {
    if (this.#early !== undefined && event.kind !== "lost" && event.kind !== "destroyed") {
      this.#early.push(event);
      return;
    }
    switch (event.kind) {
      case "occupantJoined":
      case "presenceChanged":
        this.post({ kind: "occupant", occupant: event.occupant });
        break;
      case "occupantLeft": {
        const { occupant, departure } = event;
        this.post({ kind: "left", nick: occupant.nick, status: departure.status });
        break;
      }
      case "selfChanged":
        if (event.self.affiliation !== "owner") {
          this.post({ kind: "roomLost", why: "the focus is no longer owner of the room" });
        }
        break;
      case "removed":
        this.post({ kind: "roomLost", why: "the focus was removed from the room" });
        break;
      case "destroyed":
        this.post({ kind: "roomLost", why: "the room was destroyed" });
        break;
      case "lost":
      case "rejoinFailed":
        this.post({ kind: "connectionBack", resumed: false });
        break;
      case "joined":
      case "configChanged":
      case "message":
        break;
    }
  }

  async #grant(bare: BareJid): Promise<void> {
    const refused = await this.#room?.setAffiliation(
      bare,
      "owner",
      this.#options.config.clientReplyTimeout,
    );
    if (refused !== undefined) {
      this.#log.warn("Could not make a member owner", { why: reason(refused) });
    }
  }

  async #discover(effect: Extract<Effect, { readonly kind: "discover" }>): Promise<void> {
    const { nick, arrival, occupantJid } = effect;
    const jid = parseJid(occupantJid);
    const presence = this.#room?.occupants.get(nick)?.presence;
    const uris =
      jid === undefined || presence === undefined
        ? undefined
        : await this.#ports.discover(jid, presence);
    const features = uris === undefined ? defaultFeatures : featuresOf(uris);
    this.post({ kind: "features", nick, arrival, features });
  }

  async #sendJingle(effect: Extract<Effect, { readonly kind: "jingle" }>): Promise<void> {
    const { to, jingle, tag } = effect;
    const iq = iqRequest("set", to, buildJingle(jingle));
    const reply = await this.#ports.client.request(iq, this.#options.config.clientReplyTimeout);
    if (tag === undefined) return;
    const error = reply.kind === "error" ? reply.error.condition : undefined;
    this.post({ kind: "initiateAnswered", tag, error });
  }

  async #sendColibri(effect: Extract<Effect, { readonly kind: "colibri" }>): Promise<void> {
    const { tag, modify } = effect;
    const iq = iqRequest("get", tag.bridge, buildConferenceModify(modify));
    const reply = await this.#ports.service.request(iq, this.#options.config.serviceReplyTimeout);
    if (reply.kind === "result") this.#ports.bridgeAnswered?.(tag.bridge);
    this.post({ kind: "colibriReply", tag, reply: colibriReply(reply) });
  }

  #background(work: Promise<unknown>): void {
    work.catch((cause: unknown) => {
      this.#log.error("Unexpected failure", {}, cause);
    });
  }
}

/** An answer to a COLIBRI2 request as the core takes it. */
export function colibriReply(reply: IqReply): ColibriReply<ConferenceModified> {
  switch (reply.kind) {
    case "result": {
      const payload = childOf(reply.iq, "conference-modified", NS.colibri2);
      if (payload === undefined) return { kind: "unusable", why: "no conference-modified" };
      const parsed = parseConferenceModified(payload);
      return parsed.ok
        ? { kind: "result", value: parsed.value }
        : { kind: "unusable", why: parsed.error.text };
    }
    case "error":
      return { kind: "error", error: parseColibriError(reply.iq) };
    case "timeout":
    case "disconnected":
      return { kind: reply.kind };
  }
}

function isForm(form: FormFields | StanzaError | string): form is FormFields {
  return form instanceof Map;
}

function reason(refused: StanzaError | string): string {
  return typeof refused === "string" ? refused : refused.condition;
}

function value(form: FormFields, name: string): string {
  return form.get(name)?.[0] ?? "";
}
