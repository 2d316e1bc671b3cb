/**
 * The bridge's XMPP connections: each joins its brewery rooms, keeps the statistics presence there
 * and answers the IQs that come through them (jvb-control 1).
 */
import type { Logger } from "#shared/logging/logger";
import type { Millis, Timer, Timers } from "#shared/runtime/runtime";
import { buildColibriStats } from "#shared/stanza/colibri-stats";
import type { ConferenceModify } from "#shared/stanza/colibri2";
import { buildConferenceModified, colibriErrorReply } from "#shared/stanza/colibri2-reply";
import { parseConferenceModify } from "#shared/stanza/colibri2-request";
import { buildDiscoInfo, buildEntityCaps, capsVersion } from "#shared/stanza/disco-info";
import { iqError, iqResult } from "#shared/stanza/iq";
import { stanzaError } from "#shared/stanza/stanza-error";
import { buildSoftwareVersion } from "#shared/stanza/version";
import type { IqHandler, IqRequest, XmppConnection } from "#shared/xmpp/connection";
import { type BareJid, bareOf, parseBareJid } from "#shared/xmpp/jid";
import type { MucEvent, MucRoomDoor } from "#shared/xmpp/muc";
import { NS } from "#shared/xmpp/namespaces";
import { attr, type Element, xml } from "#shared/xmpp/xml";
import { refusal } from "../conference/refusal.ts";
import type { ColibriOutcome } from "../worker-messages.ts";
import { colibriLogText } from "./colibri-log.ts";
import type { HealthResult } from "./health.ts";
import { isSameAccount, type MucClientConfig, resourceOf } from "./muc-client-config.ts";

const FIRST_RETRY_MS = 2000;
const LONGEST_RETRY_MS = 60_000;

/** What a bridge says about itself (jvb-control 1.6). */
const discoInfo = {
  identities: [{ category: "client", type: "bot", name: "jvb-ts" }],
  features: [NS.discoInfo, NS.ping, NS.healthcheck, NS.dtls, NS.ice, NS.version],
  forms: [],
};
const CAPS_NODE = "https://jitsi.org/jitsi-videobridge";

export interface MucClientsOptions {
  readonly version: string;
  readonly timers: Timers;
  readonly log: Logger;
  /** `resource`: known beforehand, so that a bridge that died takes its old session's place. */
  readonly connect: (config: MucClientConfig, resource: string) => XmppConnection;
  readonly openRoom: (
    connection: XmppConnection,
    room: BareJid,
    nick: string,
    onEvent: (event: MucEvent) => void,
  ) => MucRoomDoor;
  readonly colibri: (request: ConferenceModify) => Promise<ColibriOutcome>;
  readonly health: () => HealthResult;
  /** A session was lost or closed (`xmpp_disconnects`). */
  readonly onDisconnect: () => void;
  /** An answer came after its request had been given up (`xmpp_late_replies`). */
  readonly onLateReply: () => void;
  /** How long one IQ took, by `colibri`, `health`, `version`. */
  readonly onDelay: (kind: "colibri" | "health" | "version", delayMs: Millis) => void;
  readonly now: () => Millis;
  /** Leave addresses of participants out of the log. */
  readonly hideAddresses: boolean;
}

interface Room {
  readonly jid: BareJid;
  /** Of the configuration that names it. */
  readonly key: string;
  readonly room: MucRoomDoor;
  everJoined: boolean;
  retryMs: Millis;
  retry: Timer | undefined;
}

interface Client {
  readonly config: MucClientConfig;
  readonly connection: XmppConnection;
  readonly rooms: readonly Room[];
}

/** For the statistics (`muc_clients_*`, `mucs_*`). */
export interface MucFigures {
  readonly clientsConfigured: number;
  readonly clientsConnected: number;
  readonly roomsConfigured: number;
  readonly roomsJoined: number;
}

export class MucClients {
  readonly #options: MucClientsOptions;
  readonly #clients = new Map<string, Client>();
  #stats: readonly (readonly [name: string, value: string])[] | undefined;

  constructor(options: MucClientsOptions) {
    this.#options = options;
  }

  /** Ids of the clients, sorted. */
  get ids(): string[] {
    return [...this.#clients.keys()].sort();
  }

  figures(): MucFigures {
    const clients = [...this.#clients.values()];
    const rooms = clients.flatMap((client) => client.rooms);
    return {
      clientsConfigured: clients.length,
      clientsConnected: clients.filter(({ connection }) => connection.state === "online").length,
      roomsConfigured: rooms.length,
      roomsJoined: rooms.filter(({ room }) => room.joined).length,
    };
  }

  /** Connects. An account that is there already stays; one that differs is replaced (1.9). */
  add(config: MucClientConfig): void {
    const old = this.#clients.get(config.id);
    if (old !== undefined) {
      if (isSameAccount(old.config, config)) return;
      this.#end(old);
    }
    const log = this.#options.log.child({ client: config.id });
    const others = [...this.#clients.values()].filter((other) => other !== old);
    const resource = resourceOf(
      config,
      others.map((other) => other.config),
    );
    const connection = this.#options.connect(config, resource);
    const rooms = config.mucJids.flatMap((text) => {
      const room = this.#makeRoom(connection, config, text, log);
      return room === undefined ? [] : [room];
    });
    const client: Client = { config, connection, rooms };
    this.#clients.set(config.id, client);
    this.#handleIqs(client);
    let wasOnline = false;
    connection.onState(({ state, resumed }) => {
      if (wasOnline && state !== "online") this.#options.onDisconnect();
      wasOnline = state === "online";
      if (state !== "online" || resumed) return;
      for (const room of rooms) if (!room.everJoined) this.#join(room, log);
    });
    connection.onLateReply(this.#options.onLateReply);
    connection.start();
  }

  /** Disconnects; false when there is none of that id. */
  remove(id: string): boolean {
    const client = this.#clients.get(id);
    if (client === undefined) return false;
    this.#end(client);
    return true;
  }

  /** Sends the statistics to every room. */
  publish(stats: readonly (readonly [name: string, value: string])[]): void {
    this.#stats = stats;
    for (const { rooms } of this.#clients.values()) {
      for (const { room } of rooms) this.#setPresence(room);
    }
  }

  async stop(): Promise<void> {
    await Promise.all(
      [...this.#clients.values()].map(async ({ connection, rooms }) => {
        for (const room of rooms) room.retry?.cancel();
        await connection.stop();
      }),
    );
    this.#clients.clear();
  }

  #end(client: Client): void {
    this.#clients.delete(client.config.id);
    for (const room of client.rooms) room.retry?.cancel();
    client.connection.stop().catch((cause: unknown) => {
      this.#options.log.warn("Closing an XMPP connection failed", {}, cause);
    });
  }

  #makeRoom(
    connection: XmppConnection,
    config: MucClientConfig,
    text: string,
    log: Logger,
  ): Room | undefined {
    const jid = parseBareJid(text);
    if (jid === undefined) {
      log.error("Ignoring a room that is no JID", { room: text });
      return undefined;
    }
    const onEvent = (event: MucEvent): void => this.#onRoomEvent(room, event, connection, log);
    const door = this.#options.openRoom(connection, jid, config.mucNickname, onEvent);
    const room: Room = {
      jid,
      key: `videobridge.apis.xmpp-client.configs.${config.id}.muc_jids`,
      room: door,
      everJoined: false,
      retryMs: FIRST_RETRY_MS,
      retry: undefined,
    };
    const ver = capsVersion(discoInfo);
    if (ver !== undefined) {
      const caps = buildEntityCaps({ hash: "sha-1", node: CAPS_NODE, ver });
      door.setPresenceExtension("c", NS.caps, caps);
    }
    this.#setPresence(door);
    return room;
  }

  #setPresence(room: MucRoomDoor): void {
    if (this.#stats === undefined) return;
    room.setPresenceExtension("stats", NS.colibri, buildColibriStats(this.#stats));
  }

  #join(room: Room, log: Logger): void {
    room.retry?.cancel();
    room.retry = undefined;
    if (room.room.joined) return;
    room.room.join().then(
      (result) => {
        if (result.kind === "joined") return;
        // A room we were removed from does not come back by itself with the next session.
        if (result.kind === "disconnected") {
          if (room.everJoined) this.#retryJoin(room, log);
          return;
        }
        const why = result.kind === "refused" ? result.error.condition : result.kind;
        log.warn(`Joining the room failed, check ${room.key}`, { room: room.jid, why });
        this.#retryJoin(room, log);
      },
      (cause: unknown) => log.error("Joining the room failed", { room: room.jid }, cause),
    );
  }

  /** Upstream gives up until the next login; here each room is tried again by itself. */
  #retryJoin(room: Room, log: Logger): void {
    room.retry?.cancel();
    room.retry = this.#options.timers.after(room.retryMs, () => this.#join(room, log));
    room.retryMs = Math.min(room.retryMs * 2, LONGEST_RETRY_MS);
  }

  #onRoomEvent(room: Room, event: MucEvent, connection: XmppConnection, log: Logger): void {
    switch (event.kind) {
      case "joined":
        room.everJoined = true;
        room.retryMs = FIRST_RETRY_MS;
        if (event.created) this.#configure(room, log);
        connection.send(xml("presence"));
        return;
      case "removed":
      case "destroyed":
        log.warn("Out of the room", { room: room.jid });
        this.#retryJoin(room, log);
        return;
      case "rejoinFailed":
        this.#retryJoin(room, log);
        return;
      default:
    }
  }

  /** The focus wants to see real addresses. */
  #configure(room: Room, log: Logger): void {
    room.room.writeConfig({ "muc#roomconfig_whois": "anyone" }).then(
      (fault) => {
        if (fault === undefined) return;
        const why = typeof fault === "string" ? fault : fault.condition;
        log.warn("Configuring the new room failed", { room: room.jid, why });
      },
      (cause: unknown) => log.error("Configuring the new room failed", {}, cause),
    );
  }

  #handleIqs(client: Client): void {
    const { connection } = client;
    const { health, version, onDelay, now } = this.#options;
    const rooms = new Set<string>(client.rooms.map(({ jid }) => jid));
    const guarded =
      (handler: IqHandler): IqHandler =>
      (request) => {
        if (rooms.has(bareOf(request.from))) return handler(request);
        return iqError(request.iq, stanzaError("forbidden"));
      };
    const take = (name: string, ns: string, handler: IqHandler): void => {
      connection.handleIq({ type: "any", name, ns }, guarded(handler));
    };
    take("conference-modify", NS.colibri2, (request) => this.#conferenceModify(request));
    take("healthcheck", NS.healthcheck, ({ iq }) => {
      const started = now();
      const { success, message } = health();
      onDelay("health", now() - started);
      return success ? iqResult(iq) : iqError(iq, stanzaError("internal-server-error", message));
    });
    take("query", NS.version, ({ iq }) => {
      onDelay("version", 0);
      return iqResult(iq, buildSoftwareVersion({ name: "JVB", version, os: "Linux" }));
    });
    for (const name of ["force-shutdown", "graceful-shutdown"]) {
      take(name, NS.colibri, ({ iq }) =>
        iqError(iq, stanzaError("service-unavailable", `Unsupported IQ request ${name}`)),
      );
    }
    connection.handleIq({ type: "get", name: "query", ns: NS.discoInfo }, ({ iq, payload }) =>
      iqResult(iq, buildDiscoInfo(discoInfo, attr(payload, "node"))),
    );
  }

  async #conferenceModify({ iq, payload }: IqRequest): Promise<Element> {
    const started = this.#options.now();
    this.#logColibri("RECV colibri2 request", payload);
    const request = parseConferenceModify(payload);
    // Upstream does not answer what it cannot parse, and the focus waits 15 s.
    if (!request.ok) {
      const { condition, text } = request.error;
      return colibriErrorReply(iq, refusal(condition, text));
    }
    const outcome = await this.#options.colibri(request.value);
    this.#options.onDelay("colibri", this.#options.now() - started);
    const answer = outcome.ok
      ? iqResult(iq, buildConferenceModified(outcome.modified))
      : colibriErrorReply(iq, outcome.error);
    this.#logColibri("SENT colibri2 response", answer);
    return answer;
  }

  /** Upstream's words, which operators search for; at `debug`, for there are many. */
  #logColibri(what: string, el: Element): void {
    const { log, hideAddresses } = this.#options;
    if (log.enabled("debug")) log.debug(`${what}: ${colibriLogText(el, hideAddresses)}`);
  }
}
