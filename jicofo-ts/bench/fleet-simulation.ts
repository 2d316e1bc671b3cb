/**
 * A fleet of bridges over hours, simulated: the focus' own registry and selection in virtual time, and
 * bridges that are their capacity, their load and what they report of it.
 */
import { VirtualRuntime } from "#shared/testing/virtual-runtime";
import type { ConferenceBridge } from "../src/bridge/bridge.ts";
import { BridgeRegistry } from "../src/bridge/registry.ts";
import type { BridgeReport } from "../src/bridge/report.ts";
import { defaultBridgeSettings } from "../src/bridge/settings.ts";

/** How often a bridge samples its load and how often it tells, as ours do by default (ms). */
const SAMPLE_PERIOD = 10_000;
const REPORT_PERIOD = 5_000;
/** Everybody of a conference comes within this time of its start (ms). */
const ARRIVING = 60_000;
/** Mean length of a conference (ms). */
const MEAN_LENGTH = 1_800_000;
/** Before that the fleet fills up; not counted (ms). */
const FILLING = 7_200_000;

/** Conference sizes: share of all conferences, least and most participants. */
const SIZES = [
  { share: 0.5, least: 2, most: 2 },
  { share: 0.35, least: 3, most: 5 },
  { share: 0.13, least: 6, most: 20 },
  { share: 0.02, least: 21, most: 60 },
] as const;

/**
 * Packets a second that a bridge sends to each participant of a conference of `size`: one or two
 * speak (50 each), one is on stage (1400 kbit/s) and up to eight more are tiles (150 kbit/s).
 */
export function packetsPerReceiver(size: number): number {
  if (size < 2) return 0;
  return 50 * Math.min(size - 1, 1.5) + 150 + 25 * (Math.min(size - 1, 9) - 1);
}

/** Mean of `f` over all conferences. */
function meanOverSizes(f: (size: number) => number): number {
  let sum = 0;
  for (const { share, least, most } of SIZES)
    for (let size = least; size <= most; size++) sum += (share / (most - least + 1)) * f(size);
  return sum;
}

/** What a fleet is and has to carry. */
export interface Fleet {
  readonly bridges: number;
  /** Packets a second that one bridge can send. */
  readonly capacity: number;
  /** Load that is offered, as a share of the whole fleet's capacity. */
  readonly offered: number;
  /** Hours that are counted, after two hours in which the fleet fills up. */
  readonly hours: number;
  readonly seed?: number;
}

/** What became of it. Loads are shares of one bridge's capacity. */
export interface FleetReport {
  /** Mean of all bridges over time. */
  readonly meanLoad: number;
  /** The busiest bridge: 99th percentile over time. */
  readonly busiestLoad: number;
  /** Share of all time of all bridges in which one had more to send than it can. */
  readonly overCapacity: number;
  /** Mean number of participants at a time. */
  readonly participants: number;
  readonly selections: number;
  /** Those for which there was no bridge. */
  readonly refused: number;
  /** Real time that one selection takes (us). */
  readonly selectionMicros: number;
}

interface SimulatedBridge {
  readonly jid: string;
  packets: number;
}

/** Runs one fleet; the same seed gives the same conferences. */
export function simulateFleet(fleet: Fleet): FleetReport {
  const { capacity, offered, hours, seed = 1 } = fleet;
  const runtime = new VirtualRuntime({ seed });
  const { clock, timers, random } = runtime;
  const registry = new BridgeRegistry(defaultBridgeSettings);
  const bridges = Array.from({ length: fleet.bridges }, (_, at): SimulatedBridge => {
    return { jid: `jvbbrewery@internal.example.com/jvb${at}`, packets: 0 };
  });
  const byJid = new Map(bridges.map((bridge) => [bridge.jid, bridge]));
  const end = FILLING + hours * 3_600_000;
  const counts = { selections: 0, refused: 0, selectionMs: 0, participants: 0 };
  const peaks: number[] = [];
  const sums = { load: 0, over: 0, participants: 0, samples: 0 };

  for (const bridge of bridges) {
    let sampled = 0;
    const report = (): void =>
      void registry.handleReport(bridge.jid, reportOf(sampled), clock.now());
    report();
    // Bridges were not started in the same moment.
    timers.after(random.int(SAMPLE_PERIOD), () =>
      timers.every(SAMPLE_PERIOD, () => {
        sampled = bridge.packets / capacity;
      }),
    );
    timers.after(random.int(REPORT_PERIOD), () => timers.every(REPORT_PERIOD, report));
  }

  /** One more participant; a conference stays on the bridges that it has. */
  const join = (conference: SimulatedConference): void => {
    const started = performance.now();
    const used: ConferenceBridge[] = Array.from(conference.bridges, ([bridge, participants]) => {
      return { bridge: bridge.jid, participants, recentlyAdded: 0 };
    });
    const chosen = registry.select(
      { conferenceBridges: used, region: undefined, pinnedVersion: undefined },
      clock.now(),
    );
    counts.selectionMs += performance.now() - started;
    counts.selections++;
    const bridge = byJid.get(chosen?.jid ?? "");
    if (bridge === undefined) {
      counts.refused++;
      return;
    }
    registry.endpointAdded(bridge.jid, clock.now());
    counts.participants++;
    conference.weigh(-1);
    conference.bridges.set(bridge, (conference.bridges.get(bridge) ?? 0) + 1);
    conference.size++;
    conference.weigh(1);
  };

  const leave = (conference: SimulatedConference): void => {
    conference.weigh(-1);
    for (const [bridge, participants] of conference.bridges) {
      counts.participants -= participants;
      for (let left = participants; left > 0; left--) registry.endpointRemoved(bridge.jid);
    }
  };

  const packetsPerConference = meanOverSizes((size) => size * packetsPerReceiver(size));
  const between = (MEAN_LENGTH * packetsPerConference) / (fleet.bridges * capacity * offered);
  const arrive = (): void => {
    const conference = new SimulatedConference();
    const length = ARRIVING + exponential(random.float(), MEAN_LENGTH - ARRIVING);
    for (let left = drawSize(random.float(), random.float()); left > 0; left--)
      timers.after(random.int(ARRIVING), () => join(conference));
    timers.after(length, () => leave(conference));
    timers.after(exponential(random.float(), between), arrive);
  };
  arrive();

  runtime.advance(FILLING);
  counts.selections = 0;
  counts.refused = 0;
  counts.selectionMs = 0;
  while (clock.now() < end) {
    runtime.advance(1000);
    let busiest = 0;
    for (const { packets } of bridges) {
      busiest = Math.max(busiest, packets / capacity);
      sums.load += packets / capacity;
      if (packets > capacity) sums.over++;
    }
    peaks.push(busiest);
    sums.participants += counts.participants;
    sums.samples++;
  }
  peaks.sort((one, other) => one - other);
  return {
    meanLoad: sums.load / sums.samples / fleet.bridges,
    busiestLoad: peaks[Math.floor(peaks.length * 0.99)] ?? 0,
    overCapacity: sums.over / sums.samples / fleet.bridges,
    participants: sums.participants / sums.samples,
    selections: counts.selections,
    refused: counts.refused,
    selectionMicros: (counts.selectionMs * 1000) / counts.selections,
  };
}

class SimulatedConference {
  /** Participants on each bridge. */
  readonly bridges = new Map<SimulatedBridge, number>();
  size = 0;

  /** Adds its packets to its bridges, or takes them away (-1). */
  weigh(sign: 1 | -1): void {
    const each = packetsPerReceiver(this.size);
    for (const [bridge, participants] of this.bridges) bridge.packets += sign * participants * each;
  }
}

function reportOf(stress: number): BridgeReport {
  return {
    stress,
    averageParticipantStress: undefined,
    gracefulShutdown: false,
    shuttingDown: false,
    draining: false,
    healthy: true,
    version: "1",
    release: undefined,
    region: undefined,
    relayId: undefined,
  };
}

function exponential(uniform: number, mean: number): number {
  return -Math.log(1 - uniform) * mean;
}

function drawSize(which: number, where: number): number {
  let left = which;
  for (const { share, least, most } of SIZES) {
    if (left < share) return least + Math.floor(where * (most - least + 1));
    left -= share;
  }
  return 2;
}
