import { pii } from "#shared/logging/pii";
import { err, ok, type Result } from "#shared/runtime/result";
import { iqError } from "#shared/stanza/iq";
import { parseJingle } from "#shared/stanza/jingle";
import { muteNamespaces, parseMute } from "#shared/stanza/mute";
import { fault, type StanzaFault, stanzaError } from "#shared/stanza/stanza-error";
import type { IqRequest, Unsubscribe } from "#shared/xmpp/connection";
import { bareOf, type Jid } from "#shared/xmpp/jid";
import { NS } from "#shared/xmpp/namespaces";
import { type Element, parseInteger } from "#shared/xmpp/xml";
import type { BridgeEvent } from "../bridge/bridge.ts";
import { conferenceDebugState, type DebugObject } from "../conference/debug-state.ts";
import { refusalLines, warningBudget } from "../conference/refusals.ts";
import type { RequestProperties } from "../conference/state.ts";
import { actionName } from "../jingle/action-name.ts";
import { type Admission, defaultAdmissionLimits, RequestAdmission } from "./admission.ts";
import { ConferenceDriver } from "./conference-driver.ts";
import type {
  Focus,
  FocusFigures,
  FocusOptions,
  FocusPorts,
  MoveResult,
  RequestOptions,
} from "./door.ts";
import type { ConferenceRequest, ConferenceResponse, RequestFault } from "./request.ts";
import { parseRoomMetadata } from "./room-metadata.ts";

/** How long `stop` waits for rooms to confirm that we left. */
const stopDeadlineMs = 2_000;

/** Builds the focus and takes over Jingle and mute IQs of the client connection. */
export function createFocus(options: FocusOptions, ports: FocusPorts): Focus {
  return new Conferences(options, ports);
}

class Conferences implements Focus {
  readonly #options: FocusOptions;
  readonly #ports: FocusPorts;
  readonly #drivers = new Map<string, ConferenceDriver>();
  /** Room by meeting id: a meeting id names one conference in the process. */
  readonly #meetings = new Map<string, string>();
  readonly #jingleSent = new Map<string, number>();
  readonly #jingleReceived = new Map<string, number>();
  readonly #admission: RequestAdmission;
  /** Rooms whose conferences ended because we could not come back in time; joined when we can. */
  readonly #unjoined = new Map<string, ConferenceRequest>();
  readonly #noStanzas: Unsubscribe;
  readonly #noStates: Unsubscribe;
  readonly #warnings = warningBudget();
  #stopping = false;

  constructor(options: FocusOptions, ports: FocusPorts) {
    this.#options = options;
    this.#ports = ports;
    const limits = options.admission ?? defaultAdmissionLimits;
    this.#admission = new RequestAdmission(limits, ports.runtime, ports.log);
    const { client } = ports;
    client.handleIq({ type: "set", name: "jingle", ns: NS.jingle }, (iq) => this.#jingle(iq));
    for (const ns of Object.values(muteNamespaces)) {
      client.handleIq({ type: "set", name: "mute", ns }, (iq) => this.#mute(iq));
    }
    this.#noStanzas = client.onStanza((stanza) => this.#message(stanza));
    let online = client.state === "online";
    this.#noStates = client.onState(({ state, resumed }) => {
      if (state === "online") {
        for (const driver of this.#all()) driver.post({ kind: "connectionBack", resumed });
        const unjoined = [...this.#unjoined.values()];
        this.#unjoined.clear();
        for (const request of unjoined) this.#joinAgain(request);
        online = true;
      } else if (online) {
        online = false;
        for (const driver of this.#all()) driver.post({ kind: "connectionLost" });
      }
    });
  }

  admit(request: ConferenceRequest): Admission {
    const now = this.#ports.runtime.clock.now();
    return this.#admission.admit(request, this.has(request.room), now);
  }

  notReady(room: string): ConferenceResponse {
    return this.#response(room, false);
  }

  async request(
    request: ConferenceRequest,
    options: RequestOptions = {},
  ): Promise<Result<ConferenceResponse, RequestFault>> {
    const { room } = request;
    if (this.#stopping) return err(refusal("service-unavailable", "shutting down"));
    let driver = this.#drivers.get(room);
    // Health checks do not stand in line: a flood must not make the focus look dead.
    if (driver === undefined && options.statistics !== false) {
      if (!(await this.#admission.turn())) return ok(this.notReady(room));
      // While this one waited for its turn another may have opened the room, or everything ended.
      driver = this.#drivers.get(room);
      if (driver !== undefined || this.#stopping) this.#admission.joined();
      if (this.#stopping) return err(refusal("service-unavailable", "shutting down"));
    }
    if (driver === undefined) {
      driver = this.#create(request, options.statistics ?? true);
      // Only the one who asked first waits; others come back until the room is ready.
      if (!(await driver.started)) {
        return err(refusal("internal-server-error", "the conference could not be started"));
      }
    } else {
      driver.post({ kind: "requested" });
    }
    return ok(this.#response(room, driver.conference.state.phase === "running"));
  }

  #response(room: string, ready: boolean): ConferenceResponse {
    const { authentication } = this.#options;
    const properties = new Map([["authentication", `${authentication !== undefined}`]]);
    if (authentication) properties.set("externalAuth", `${authentication.external}`);
    if (this.#options.sipGatewayEnabled) properties.set("sipGatewayEnabled", "true");
    properties.set("visitors-supported", "false");
    return {
      room,
      focusJid: this.#options.focusJid,
      ready,
      sessionId: undefined,
      identity: undefined,
      vnode: undefined,
      properties,
    };
  }

  has(room: string): boolean {
    return this.#drivers.has(room);
  }

  hasBreakouts(room: string): boolean {
    for (const { mainRoom } of this.#drivers.values()) if (mainRoom === room) return true;
    return false;
  }

  memberAuthenticated(jid: Jid): void {
    // Who enters later is asked about then; thousands of other conferences need not hear of it.
    for (const driver of this.#all())
      if (driver.hasMember(jid)) driver.post({ kind: "authenticated", jid });
  }

  handleBridge(event: BridgeEvent): void {
    for (const driver of this.#all()) driver.post({ kind: "bridge", event });
  }

  rooms(): readonly string[] {
    return [...this.#drivers.keys()];
  }

  debugState(room: string, full: boolean): DebugObject | undefined {
    const driver = this.#drivers.get(room);
    return driver && conferenceDebugState(driver.conference.state, full, driver.statistics);
  }

  rtcstats(): DebugObject {
    const shown = this.#all().filter(
      ({ conference: { state }, statistics }) =>
        statistics && state.properties.rtcstatsEnabled && state.meetingId !== "",
    );
    return Object.fromEntries(
      shown.map(({ conference: { state } }) => [
        state.meetingId,
        conferenceDebugState(state, false, true),
      ]),
    );
  }

  participantCount(room: string): number {
    return this.#drivers.get(room)?.conference.state.participants.size ?? 0;
  }

  figures(): FocusFigures {
    // COMPAT(jicofo): an empty conference counts as one of 1 (spec jicofo 10.4).
    const sizes = this.#all()
      .filter(({ statistics }) => statistics)
      .map(({ conference }) => Math.max(1, conference.state.participants.size));
    return {
      conferences: sizes.length,
      participants: sizes.reduce((sum, size) => sum + size, 0),
      largestConference: Math.max(0, ...sizes),
      sizes,
      pairs: sizes.reduce((sum, size) => sum + size * size, 0),
      jingleSent: this.#jingleSent,
      jingleReceived: this.#jingleReceived,
    };
  }

  moveEndpoint(room: string, endpoint: string, bridge: string | undefined): MoveResult {
    const driver = this.#drivers.get(room);
    const session = driver?.conference.state.colibri?.sessionOf(endpoint);
    if (driver === undefined || session === undefined) return nothingMoved;
    if (bridge !== undefined && session.bridge.jid !== bridge) return nothingMoved;
    driver.post({ kind: "moveEndpoints", endpoints: [endpoint] });
    return { movedEndpoints: 1, conferences: 1 };
  }

  moveEndpoints(bridge: string, room: string | undefined, count: number): MoveResult {
    const candidates = this.#all()
      .filter(({ conference }) => room === undefined || conference.state.room === room)
      .map((driver) => ({
        driver,
        endpoints: [
          ...(driver.conference.state.colibri?.sessions.get(bridge)?.endpoints.keys() ?? []),
        ],
      }))
      .filter(({ endpoints }) => endpoints.length > 0)
      .sort((a, b) => b.endpoints.length - a.endpoints.length);
    let movedEndpoints = 0;
    let conferences = 0;
    for (const { driver, endpoints } of candidates) {
      const moved = endpoints.slice(0, count - movedEndpoints);
      if (moved.length === 0) break;
      driver.post({ kind: "moveEndpoints", endpoints: moved });
      movedEndpoints += moved.length;
      conferences++;
    }
    return { movedEndpoints, conferences };
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#noStanzas();
    this.#noStates();
    this.#admission.stop();
    const drivers = this.#all();
    const why = "the focus stops";
    for (const driver of drivers) driver.post({ kind: "stop", why, callGoesOn: true });
    const deadline = Promise.withResolvers<void>();
    const timer = this.#ports.runtime.timers.after(stopDeadlineMs, deadline.resolve);
    await Promise.race([Promise.all(drivers.map(({ left }) => left)), deadline.promise]);
    timer.cancel();
  }

  #all(): ConferenceDriver[] {
    return [...this.#drivers.values()];
  }

  #create(request: ConferenceRequest, statistics: boolean): ConferenceDriver {
    const { room } = request;
    let meeting: string | undefined;
    const driver = new ConferenceDriver({
      room,
      config: this.#options.conference,
      properties: requestProperties(request.properties),
      pinnedVersion: this.#options.pinOf?.(room),
      statistics,
      isAuthenticated: this.#options.authentication?.isAuthenticated,
      ports: this.#ports,
      claim: (meetingId) => {
        if (this.#meetings.has(meetingId)) return false;
        this.#meetings.set(meetingId, room);
        meeting = meetingId;
        return true;
      },
      hasBreakouts: () => this.hasBreakouts(room),
      onJingleSent: (action) => this.#jingleCounted(action, "sent"),
      onEnded: (again) => {
        this.#drivers.delete(room);
        if (meeting !== undefined) this.#meetings.delete(meeting);
        this.#options.onEnded?.(room);
        const { mainRoom } = driver;
        if (mainRoom !== undefined) this.#drivers.get(mainRoom)?.post({ kind: "breakoutEnded" });
        if (again && statistics) this.#joinAgain(request);
      },
    });
    this.#drivers.set(room, driver);
    if (statistics) this.#ports.count("conferences_created");
    if (statistics) void driver.started.then(() => this.#admission.joined());
    driver.post({ kind: "start" });
    return driver;
  }

  /**
   * Whoever is still in the room is invited anew, without having to ask. Not where authentication is
   * on: after a restart of the server that would open the room for guests.
   */
  #joinAgain(request: ConferenceRequest): void {
    if (this.#stopping || this.#options.authentication !== undefined) return;
    if (this.#ports.client.state === "online") void this.request(request);
    else this.#unjoined.set(request.room, request);
  }

  /** Metadata of a room counts from the component alone; anybody may send us messages. */
  #message(stanza: Element): void {
    if (stanza.name !== "message") return;
    const address = this.#options.componentAddress?.("room_metadata");
    if (address === undefined || stanza.attrs["from"] !== address) return;
    const metadata = parseRoomMetadata(stanza);
    if (metadata !== undefined) this.#drivers.get(metadata.room)?.metadata(metadata);
  }

  async #jingle(request: IqRequest): Promise<Element> {
    const parsed = parseJingle(request.payload);
    if (!parsed.ok) return this.#refuse("jingle", request, parsed.error);
    this.#jingleCounted(parsed.value.action, "received");
    const driver = this.#drivers.get(bareOf(request.from));
    if (driver === undefined) return this.#refuse("jingle", request, fault("unknown session"));
    return driver.jingle(request, parsed.value);
  }

  async #mute(request: IqRequest): Promise<Element> {
    const parsed = parseMute(request.payload);
    if (!parsed.ok) return this.#refuse("mute", request, parsed.error);
    const { media, jid, mute } = parsed.value;
    if (jid === undefined) return this.#refuse("mute", request, fault("jid missing"));
    const driver = this.#drivers.get(bareOf(request.from));
    if (driver === undefined)
      return this.#refuse("mute", request, fault("no such conference", "item-not-found"));
    return driver.mute(request, media, jid, mute);
  }

  /** Refuses what reaches no conference. A room whose conference just ended is named too. */
  #refuse(kind: keyof typeof refusalLines, { from, iq }: IqRequest, why: StanzaFault): Element {
    const { condition, text } = why;
    this.#ports.count(`${kind}_requests_refused`);
    if (this.#warnings.take(from, this.#ports.runtime.clock.now()))
      this.#ports.log.warn(refusalLines[kind], { from: pii(from), condition, text });
    return iqError(iq, stanzaError(condition, text));
  }

  /** Upstream's names: `jingle_session_accept_received`, `jingle_sourceadd_sent`. */
  #jingleCounted(action: string, way: "sent" | "received"): void {
    const counts = way === "sent" ? this.#jingleSent : this.#jingleReceived;
    counts.set(action, (counts.get(action) ?? 0) + 1);
    this.#ports.count(`jingle_${actionName(action)}_${way}`);
  }
}

const nothingMoved: MoveResult = { movedEndpoints: 0, conferences: 0 };

function refusal(
  condition: "internal-server-error" | "service-unavailable",
  text: string,
): RequestFault {
  return { type: "cancel", condition, text, application: undefined };
}

/** The properties that count, read as upstream reads them: what is invalid is ignored. */
function requestProperties(properties: ReadonlyMap<string, string>): RequestProperties {
  return {
    rtcstatsEnabled: properties.get("rtcstatsEnabled")?.toLowerCase() !== "false",
    startAudioMuted: parseInteger(properties.get("startAudioMuted"), 0),
    startVideoMuted: parseInteger(properties.get("startVideoMuted"), 0),
  };
}
