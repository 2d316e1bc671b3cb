import { Bug } from "#shared/runtime/bug";
import type { Millis } from "#shared/runtime/runtime";
import type { Bridge, BridgeEvent, BridgeJid, HealthOutcome } from "./bridge.ts";
import type { Liveness } from "./liveness.ts";
import { RecentCount } from "./recent-count.ts";
import type { BridgeReport } from "./report.ts";
import type { BridgeSettings } from "./settings.ts";

/**
 * One bridge over its time in the brewery: last report, our own marks and counters (spec jicofo 6.2).
 *
 * Inputs return what changed for others; `view` is the derived state at an instant.
 */
export class BridgeRecord {
  readonly jid: BridgeJid;
  readonly #settings: BridgeSettings;
  readonly #added: RecentCount;
  readonly #restarts: RecentCount;
  #report: BridgeReport;
  #reportedAt: Millis;
  #gracefulShutdown = false;
  #shuttingDown = false;
  /** Unknown counts as draining: a bridge that has not said all yet gets nobody. */
  #draining = true;
  /** Last verdict; `#failedAt` overrules a good one for a while. */
  #assigned = true;
  #failedAt: Millis | undefined;
  #lastCheck: HealthOutcome | undefined;
  #endpoints = 0;
  #failingIceUntil: Millis | undefined;
  #liveness: Liveness = "alive";
  #unsteadyUntil: Millis | undefined;

  constructor(jid: BridgeJid, report: BridgeReport, settings: BridgeSettings, now: Millis) {
    this.jid = jid;
    this.#settings = settings;
    this.#added = new RecentCount(settings.rampupInterval);
    this.#restarts = new RecentCount(settings.iceFailureDetection.interval);
    this.#report = report;
    this.#reportedAt = now;
    this.#note(report);
  }

  /** When presence with statistics last came. */
  get reportedAt(): Millis {
    return this.#reportedAt;
  }

  /** Whether it announced that it would go. */
  get announcedLeaving(): boolean {
    return this.#gracefulShutdown || this.#shuttingDown;
  }

  get healthyByPresence(): boolean {
    return this.#report.healthy ?? true;
  }

  /** New presence. Values it lacks stay as they were; the two shutdown flags never clear. */
  handleReport(report: BridgeReport, now: Millis): BridgeEvent[] {
    const before = {
      graceful: this.#gracefulShutdown,
      shutting: this.#shuttingDown,
      draining: this.#draining,
    };
    const old = this.#report;
    this.#report = {
      stress: report.stress ?? old.stress,
      averageParticipantStress: report.averageParticipantStress ?? old.averageParticipantStress,
      gracefulShutdown: report.gracefulShutdown ?? old.gracefulShutdown,
      shuttingDown: report.shuttingDown ?? old.shuttingDown,
      draining: report.draining ?? old.draining,
      healthy: report.healthy ?? old.healthy,
      version: report.version ?? old.version,
      // A release goes with its version: an upgrade without one must not keep the old one's.
      release: report.version === undefined ? old.release : report.release,
      region: report.region ?? old.region,
      relayId: report.relayId ?? old.relayId,
    };
    this.#reportedAt = now;
    this.#note(report);
    const bridge = this.jid;
    const events: BridgeEvent[] = [];
    if (this.#shuttingDown && !before.shutting) events.push({ kind: "shuttingDown", bridge });
    else if (this.#gracefulShutdown && !before.graceful)
      events.push({ kind: "gracefulShutdown", bridge });
    else if (this.#draining && !before.draining) events.push({ kind: "draining", bridge });
    else if (before.draining && !this.#draining && this.operational(now))
      events.push({ kind: "recovered", bridge });
    return events;
  }

  /** A health check ended; only a change is an event. */
  handleHealth(outcome: HealthOutcome, now: Millis): BridgeEvent[] {
    const was = this.operational(now);
    const news = this.#lastCheck !== outcome;
    this.#lastCheck = outcome;
    switch (outcome) {
      case "passed":
        this.#assigned = true;
        return !was && this.operational(now) ? [{ kind: "recovered", bridge: this.jid }] : [];
      case "failed":
        this.#fail(now);
        return news ? [{ kind: "failed", bridge: this.jid }] : [];
      case "timedOut":
        this.#fail(now);
        return news ? [{ kind: "unresponsive", bridge: this.jid }] : [];
    }
  }

  /** Whether anything is heard from it. One that was lost is not trusted at once when it is back. */
  handleLiveness(state: Liveness, now: Millis): BridgeEvent[] {
    const before = this.#liveness;
    if (state === before) return [];
    this.#liveness = state;
    const bridge = this.jid;
    if (before === "lost") this.#unsteadyUntil = now + this.#settings.failureResetThreshold;
    switch (state) {
      case "suspect":
        return [{ kind: "suspect", bridge }];
      case "lost":
        return [{ kind: "silent", bridge }];
      case "alive":
        return this.operational(now) ? [{ kind: "recovered", bridge }] : [];
      default:
        throw new Bug(state satisfies never);
    }
  }

  requestFailed(now: Millis): void {
    this.#fail(now);
  }

  refusedForShutdown(): void {
    this.#gracefulShutdown = true;
  }

  endpointAdded(now: Millis): void {
    this.#endpoints += 1;
    this.#added.add(now);
  }

  /** Takes nothing from the recent count: the bridge has had the work of setting it up. */
  endpointRemoved(): void {
    this.#endpoints = Math.max(0, this.#endpoints - 1);
  }

  restartRequested(now: Millis): void {
    this.#restarts.add(now);
    const rule = this.#settings.iceFailureDetection;
    if (!rule.enabled || this.#endpoints < rule.minEndpoints) return;
    if (this.#restarts.count(now) > this.#endpoints * rule.threshold)
      this.#failingIceUntil = now + rule.timeout;
  }

  /**
   * A failure mark holds for `failureResetThreshold` whatever checks say; after that the last
   * verdict counts. Without health checks nobody would ever give a better one, so time does.
   */
  operational(now: Millis): boolean {
    if (this.#liveness !== "alive") return false;
    if (this.#failedAt !== undefined) {
      if (now - this.#failedAt < this.#settings.failureResetThreshold) return false;
      if (!this.#settings.healthChecks) return true;
    }
    return this.#assigned;
  }

  view(now: Millis): Bridge {
    const report = this.#report;
    const failingIce = this.#failingIceUntil !== undefined && now < this.#failingIceUntil;
    const stress = report.stress ?? 0;
    const perEndpoint = report.averageParticipantStress ?? this.#settings.averageParticipantStress;
    const expected = stress + this.#added.count(now) * perEndpoint;
    const threshold = this.#settings.stressThreshold;
    const correctedStress = failingIce ? Math.max(expected, threshold + 0.01) : expected;
    return {
      jid: this.jid,
      nick: this.jid.slice(this.jid.indexOf("/") + 1),
      version: report.version,
      release: report.release,
      fullVersion: fullVersion(report),
      region: report.region,
      relayId: report.relayId,
      stress,
      correctedStress,
      overloaded: correctedStress >= threshold,
      operational: this.operational(now),
      silent: this.#liveness !== "alive",
      unsteady: this.#unsteadyUntil !== undefined && now < this.#unsteadyUntil,
      draining: this.#draining,
      gracefulShutdown: this.#gracefulShutdown,
      shuttingDown: this.#shuttingDown,
      healthy: this.healthyByPresence,
      failingIce,
      endpoints: this.#endpoints,
      restartRequests: this.#restarts.count(now),
    };
  }

  #fail(now: Millis): void {
    this.#assigned = false;
    this.#failedAt = now;
  }

  #note(report: BridgeReport): void {
    if (report.gracefulShutdown) this.#gracefulShutdown = true;
    if (report.shuttingDown) this.#shuttingDown = true;
    if (report.draining !== undefined) this.#draining = report.draining;
  }
}

function fullVersion(report: BridgeReport): string | undefined {
  if (report.version === undefined) return undefined;
  return report.release === undefined ? report.version : `${report.version}-${report.release}`;
}
