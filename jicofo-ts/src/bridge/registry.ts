import type { Millis } from "#shared/runtime/runtime";
import type {
  Bridge,
  BridgeEvent,
  BridgeJid,
  BridgePool,
  HealthOutcome,
  SelectionRequest,
} from "./bridge.ts";
import { BridgeRecord } from "./bridge-record.ts";
import type { Liveness } from "./liveness.ts";
import type { BridgeReport } from "./report.ts";
import { selectBridge } from "./select.ts";
import type { BridgeSettings } from "./settings.ts";

/**
 * All bridges of the brewery, as pure state: presence and health outcomes come in, events for
 * conferences go out as return values, and selection asks for the state at an instant.
 *
 * Owns no timer and no socket. What it does not know it answers with nothing.
 */
export class BridgeRegistry implements BridgePool {
  readonly #settings: BridgeSettings;
  readonly #records = new Map<BridgeJid, BridgeRecord>();
  #lost = 0;
  #rateLimited = 0;

  constructor(settings: BridgeSettings) {
    this.#settings = settings;
  }

  /** Bridges that left without having announced it. */
  get lost(): number {
    return this.#lost;
  }

  /** Selections in which a conference had reached its growth limit on a bridge. */
  get rateLimited(): number {
    return this.#rateLimited;
  }

  /** Presence with statistics from an occupant of the brewery. */
  handleReport(jid: BridgeJid, report: BridgeReport, now: Millis): BridgeEvent[] {
    const known = this.#records.get(jid);
    if (known) return known.handleReport(report, now);
    this.#records.set(jid, new BridgeRecord(jid, report, this.#settings, now));
    return [{ kind: "added", bridge: jid }];
  }

  /** The occupant left the brewery or was removed from it. */
  handleLeft(jid: BridgeJid): BridgeEvent[] {
    const record = this.#records.get(jid);
    if (!record) return [];
    this.#records.delete(jid);
    const lost = !record.announcedLeaving;
    if (lost) this.#lost += 1;
    return [{ kind: "removed", bridge: jid, lost }];
  }

  handleHealth(jid: BridgeJid, outcome: HealthOutcome, now: Millis): BridgeEvent[] {
    return this.#records.get(jid)?.handleHealth(outcome, now) ?? [];
  }

  /** Whether anything is heard from it. */
  handleLiveness(jid: BridgeJid, state: Liveness, now: Millis): BridgeEvent[] {
    return this.#records.get(jid)?.handleLiveness(state, now) ?? [];
  }

  /**
   * The health check that needs no question (spec jicofo 6.5, `use-presence`): presence older than
   * `timeout` is a bridge that does not answer, `healthy=false` one that failed.
   */
  checkPresence(jid: BridgeJid, timeout: Millis, now: Millis): HealthOutcome | undefined {
    const record = this.#records.get(jid);
    if (!record) return undefined;
    if (now - record.reportedAt > timeout) return "timedOut";
    return record.healthyByPresence ? "passed" : "failed";
  }

  select(request: SelectionRequest, now: Millis): Bridge | undefined {
    const selection = selectBridge(this.bridges(now), request, this.#settings);
    if (selection.rateLimited) this.#rateLimited += 1;
    return selection.bridge;
  }

  get(jid: BridgeJid, now: Millis): Bridge | undefined {
    return this.#records.get(jid)?.view(now);
  }

  has(jid: BridgeJid): boolean {
    return this.#records.has(jid);
  }

  /** By full JID, or by nick alone as operators type it. */
  find(name: string, now: Millis): Bridge | undefined {
    for (const record of this.#records.values())
      if (record.jid === name || record.jid.endsWith(`/${name}`)) return record.view(now);
    return undefined;
  }

  /** All of them, in the order in which they came. */
  bridges(now: Millis): Bridge[] {
    return Array.from(this.#records.values(), (record) => record.view(now));
  }

  endpointAdded(jid: BridgeJid, now: Millis): void {
    this.#records.get(jid)?.endpointAdded(now);
  }

  endpointRemoved(jid: BridgeJid): void {
    this.#records.get(jid)?.endpointRemoved();
  }

  requestFailed(jid: BridgeJid, now: Millis): void {
    this.#records.get(jid)?.requestFailed(now);
  }

  refusedForShutdown(jid: BridgeJid): void {
    this.#records.get(jid)?.refusedForShutdown();
  }

  restartRequested(jid: BridgeJid, now: Millis): void {
    this.#records.get(jid)?.restartRequested(now);
  }
}
