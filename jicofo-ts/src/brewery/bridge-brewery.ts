import type { Logger } from "#shared/logging/logger";
import type { Millis, Runtime, Timer } from "#shared/runtime/runtime";
import { parseColibriStats } from "#shared/stanza/colibri-stats";
import { buildHealthcheck } from "#shared/stanza/healthcheck";
import { iqRequest } from "#shared/stanza/iq";
import type { XmppConnection } from "#shared/xmpp/connection";
import { domainOf, type Jid } from "#shared/xmpp/jid";
import type { MucEvent, Occupant } from "#shared/xmpp/muc";
import type { BridgeEvent, HealthOutcome } from "../bridge/bridge.ts";
import type { LivenessSettings } from "../bridge/liveness.ts";
import type { BridgeRegistry } from "../bridge/registry.ts";
import { readReport } from "../bridge/report.ts";
import { Brewery, type BreweryRoom } from "./brewery.ts";
import { BridgeDoctor, type HealthAnswer } from "./bridge-doctor.ts";
import { BridgePings } from "./bridge-pings.ts";
import { BridgeSessions } from "./bridge-sessions.ts";

/** How bridges are checked (spec jicofo 6.5). */
export interface BridgeChecks {
  readonly enabled: boolean;
  readonly interval: Millis;
  readonly retryDelay: Millis;
  readonly usePresence: boolean;
  readonly presenceTimeout: Millis;
}

/** Strangers named in the log; there may be any number. */
const mostStrangers = 100;

/** What the bridges' brewery is built from. */
export interface BridgeBreweryOptions {
  readonly room: BreweryRoom;
  /** Connection on which bridges are asked for their health. */
  readonly service: XmppConnection;
  readonly registry: BridgeRegistry;
  readonly checks: BridgeChecks;
  readonly liveness: LivenessSettings;
  /** Domains whose accounts may be bridges. */
  readonly trustedDomains: readonly string[];
  /** Whether occupants whose account the room does not show may be bridges. */
  readonly trustHidden: boolean;
  readonly replyTimeout: Millis;
  readonly keepMissing: boolean;
  readonly runtime: Runtime;
  readonly log: Logger;
  /** Told after the registry knows it. */
  readonly onEvent: (event: BridgeEvent) => void;
}

/**
 * Finds bridges by their presence in the brewery room, keeps the registry up to date and checks
 * their health. Presence without statistics is somebody else's and is ignored (spec jicofo 6.1).
 */
export class BridgeBrewery {
  readonly #options: BridgeBreweryOptions;
  readonly #brewery: Brewery;
  readonly #sessions = new BridgeSessions();
  readonly #doctor: BridgeDoctor;
  /** Absent where the liveness probe is switched off. */
  readonly #pings: BridgePings | undefined;
  /** Occupants that were refused, each named in the log once. */
  readonly #strangers = new Set<string>();
  #toldOfHidden = false;
  #rounds: Timer | undefined;

  constructor(options: BridgeBreweryOptions) {
    this.#options = options;
    const { runtime, checks } = options;
    this.#brewery = new Brewery({
      room: options.room,
      timers: runtime.timers,
      log: options.log,
      memory: options.replyTimeout,
      keepMissing: options.keepMissing,
      addressKey: "jicofo.bridge.brewery-jid",
      listener: {
        present: (jid, occupant, said) => this.#present(jid, occupant, said),
        gone: (jid) => this.#gone(jid),
      },
    });
    this.#doctor = new BridgeDoctor({
      timers: runtime.timers,
      interval: checks.interval,
      retryDelay: checks.retryDelay,
      ask: async (jid) => {
        const answer = await askHealth(options.service, jid, options.replyTimeout);
        if (answer === "healthy") this.heard(jid);
        return answer;
      },
      verdict: (jid, outcome) => this.#verdict(jid, outcome),
    });
    this.#pings = options.liveness.enabled ? this.#startPings() : undefined;
    if (checks.enabled && checks.usePresence)
      this.#rounds = runtime.timers.every(checks.interval, () => this.#checkPresence());
  }

  /** There is a new session, or the old one again. */
  handleSession(resumed: boolean): void {
    if (resumed) this.#brewery.handleResumed();
    else this.#brewery.handleSession();
  }

  handleDisconnected(): void {
    this.#brewery.handleDisconnected();
  }

  /** A bridge answered a request of somebody else here: it lives. */
  heard(jid: string): void {
    this.#pings?.heard(jid);
  }

  /** An event of the brewery room. */
  handle(event: MucEvent): void {
    if (event.kind === "lost" || event.kind === "removed") this.#sessions.forgetAll();
    this.#brewery.handle(event);
  }

  async stop(): Promise<void> {
    this.#rounds?.cancel();
    this.#doctor.stop();
    this.#pings?.stop();
    await this.#brewery.stop();
  }

  #present(jid: string, { presence, realJid }: Occupant, said: boolean): void {
    const stats = parseColibriStats(presence);
    if (!stats || !this.#trusts(jid, realJid)) return;
    const news = this.#sessions.handlePresence(jid, presence);
    if (news === "replaced") this.#gone(jid);
    if (news === "shadowed") this.#pings?.unreachable(jid);
    else if (said) this.heard(jid);
    const now = this.#options.runtime.clock.now();
    this.#tell(this.#options.registry.handleReport(jid, readReport(stats), now));
  }

  /**
   * Anybody who gets into the room could offer itself and be given calls. Upstream leaves that to
   * the room; we do so only where the operator says that the room is safe and hides who somebody is.
   */
  #trusts(jid: string, realJid: Jid | undefined): boolean {
    const { trustedDomains, log } = this.#options;
    if (realJid === undefined) return this.#trustsHidden(jid);
    if (trustedDomains.includes(domainOf(realJid))) return true;
    if (this.#strangers.size < mostStrangers && !this.#strangers.has(jid)) {
      this.#strangers.add(jid);
      log.warn("Not a bridge of ours; jicofo.ts.bridge.trusted-domains would make it one", {
        bridge: jid,
        domain: domainOf(realJid),
      });
    }
    return false;
  }

  #trustsHidden(jid: string): boolean {
    const { trustHidden, log } = this.#options;
    if (!trustHidden && !this.#toldOfHidden) {
      this.#toldOfHidden = true;
      log.warn(
        "The brewery hides accounts, so nobody in it is taken for a bridge: show them " +
          "(Prosody: muc_room_default_public_jids = true, or the focus among the admins of the " +
          "brewery's component), or set jicofo.ts.bridge.trust-hidden = true",
        { bridge: jid },
      );
    }
    return trustHidden;
  }

  #gone(jid: string): void {
    this.#sessions.forget(jid);
    this.#tell(this.#options.registry.handleLeft(jid));
  }

  #verdict(jid: string, outcome: HealthOutcome): void {
    const now = this.#options.runtime.clock.now();
    this.#tell(this.#options.registry.handleHealth(jid, outcome, now));
  }

  #startPings(): BridgePings {
    const { liveness, service, runtime, registry, log } = this.#options;
    return new BridgePings({
      settings: liveness,
      connection: service,
      runtime,
      onChange: ({ bridge, state }) =>
        this.#tell(registry.handleLiveness(bridge, state, runtime.clock.now())),
      onOwnFault: (fault) => {
        if (fault) log.warn("Most bridges are silent at once: nobody is moved off them");
        else log.info("Most bridges are heard again");
      },
    });
  }

  #checkPresence(): void {
    const { registry, checks, runtime } = this.#options;
    const now = runtime.clock.now();
    for (const { jid } of registry.bridges(now)) {
      const outcome = registry.checkPresence(jid, checks.presenceTimeout, now);
      if (outcome) this.#verdict(jid, outcome);
    }
  }

  #tell(events: readonly BridgeEvent[]): void {
    const { checks, log, onEvent } = this.#options;
    for (const event of events) {
      if (event.kind === "added" && checks.enabled && !checks.usePresence)
        this.#doctor.add(event.bridge);
      if (event.kind === "added") this.#pings?.add(event.bridge);
      if (event.kind === "removed") {
        this.#doctor.remove(event.bridge);
        this.#pings?.remove(event.bridge);
      }
      logBridgeEvent(log, event);
      onEvent(event);
    }
  }
}

/** One health question over XMPP. */
async function askHealth(
  connection: XmppConnection,
  jid: string,
  timeoutMs: Millis,
): Promise<HealthAnswer> {
  if (connection.state !== "online") return "disconnected";
  const question = iqRequest("get", jid, buildHealthcheck());
  const reply = await connection.request(question, timeoutMs);
  switch (reply.kind) {
    case "result":
      return "healthy";
    case "error": {
      const { condition } = reply.error;
      const unhealthy =
        condition === "internal-server-error" || condition === "service-unavailable";
      return unhealthy ? "unhealthy" : "unclear";
    }
    case "timeout":
    case "disconnected":
      return reply.kind;
  }
}

function logBridgeEvent(log: Logger, event: BridgeEvent): void {
  const [level, text] = bridgeLines[event.kind === "removed" && event.lost ? "lost" : event.kind];
  log[level](text, { bridge: event.bridge });
}

const bridgeLines: Record<BridgeEvent["kind"] | "lost", readonly ["info" | "warn", string]> = {
  added: ["info", "Added bridge"],
  removed: ["info", "Removed bridge"],
  lost: ["warn", "Lost bridge"],
  failed: ["warn", "Bridge says it is unhealthy"],
  unresponsive: ["warn", "Bridge does not answer health checks"],
  suspect: ["warn", "Bridge is silent, nobody new goes there"],
  silent: ["warn", "Bridge is silent, its participants move where another one is there"],
  recovered: ["info", "Bridge may be selected again"],
  shuttingDown: ["info", "Bridge is shutting down"],
  gracefulShutdown: ["info", "Bridge is in graceful shutdown"],
  draining: ["info", "Bridge is draining"],
};
