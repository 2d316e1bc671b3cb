/**
 * What holds after every scenario of the bridge (spec benchmarks-and-faults G.0). A stage registers
 * itself here when it is made; the root hook below ends every meeting and looks at what is left.
 */

import { redactPii } from "#shared/logging/pii";
import {
  logFaults,
  type SharedObjects,
  sharedObjectFaults,
  sharedObjects,
} from "#shared/testing/invariants";
import type { RecordingLogger } from "#shared/testing/recording-logger";
import type { VirtualRuntime } from "#shared/testing/virtual-runtime";
import type { Traffic } from "./traffic.ts";

/** Past everything a bridge does once after its start. */
export const startUpMs = 11_000;

/** What is looked at of somebody who joined. */
interface Participant {
  readonly id: string;
  readonly meetingId: string;
  readonly address: { readonly ip: string };
  readonly messages: readonly string[];
  readonly media: readonly Uint8Array[];
}

/** What is looked at: a stage, in the words of this file. */
export interface Scene {
  readonly runtime: VirtualRuntime;
  readonly log: RecordingLogger;
  readonly io: {
    readonly open: ReadonlySet<number>;
    readonly ufrags: ReadonlySet<string>;
    readonly rows: { readonly received: number; readonly sent: number };
  };
  readonly traffic: Traffic;
  /** What passed between the threads: conferences to be made, endpoints that came. */
  readonly seen: { readonly conferences: number; readonly participants: number };
  readonly joined: readonly Participant[];
  readonly secrets: readonly string[];
  readonly expectedBugs: number;
  readonly workerDied: boolean;
  /** Ends every meeting and everybody in it. */
  windDown(): Promise<void>;
  stats(): Promise<Readonly<Record<string, number | boolean | string>>>;
  metrics(): Promise<Readonly<Record<string, number>>>;
  /** Timers of a bridge that serves nobody. */
  timersAtRest(): number;
}

const stages = new Set<Scene>();
const broken: string[] = [];
let before: SharedObjects = sharedObjects();
let idleTimers: number | undefined;

/** Every stage is looked at after the test that made it. */
export function watch(stage: Scene): void {
  stages.add(stage);
  redactPii(true);
}

beforeEach(() => {
  before = sharedObjects();
});

afterEach(async function () {
  const faults = sharedObjectFaults(before);
  for (const stage of [...stages]) faults.push(...(await faultsOf(stage)));
  redactPii(false);
  if (faults.length > 0) broken.push(`${this.currentTest?.fullTitle()}: ${faults.join("; ")}`);
});

// A root hook that throws ends the whole run, so all that is broken is told once, at the end.
after(() => {
  if (broken.length > 0) throw new Error(`invariants broken:\n${broken.join("\n")}`);
});

/** Ends every meeting and says what is wrong then. A test that breaks one on purpose calls it first. */
export async function faultsOf(stage: Scene): Promise<string[]> {
  stages.delete(stage);
  const { io, log, runtime, traffic, joined } = stage;
  const faults = [...separationFaults(stage)];
  await stage.windDown();
  runtime.advance(startUpMs);
  const expect = (what: string, left: number): void => {
    if (left > 0) faults.push(`${left} ${what} left`);
  };
  if (!stage.workerDied) {
    const { conferences, endpoints } = await stage.stats();
    expect("conferences", Number(conferences));
    expect("endpoints", Number(endpoints));
    expect("sessions", io.open.size);
    expect("ufrags", io.ufrags.size);
    idleTimers ??= stage.timersAtRest();
    expect("timers", runtime.pendingTimers - idleTimers);
    faults.push(...(await counterFaults(stage)));
  }
  faults.push(...traffic.faults);
  const addresses = joined.map(({ address }) => address.ip);
  const forbidden = [...addresses, ...stage.secrets];
  faults.push(...logFaults(log.lines, { expectedBugs: stage.expectedBugs, forbidden }));
  return faults;
}

/** Counters say what the network and the other thread saw (I8). */
async function counterFaults(stage: Scene): Promise<string[]> {
  const { log, io, seen } = stage;
  const stats = await stage.stats();
  const metrics = await stage.metrics();
  const lines = (text: string): number =>
    log.lines.filter(({ message }) => message === text).length;
  const conferences = seen.conferences - lines("Bug while creating a conference");
  const received =
    Number(stats["total_packets_received"]) + (metrics["standstill_packets_dropped_total"] ?? 0);
  const counted: readonly (readonly [string, unknown, number])[] = [
    ["conferences created", stats["total_conferences_created"], conferences],
    ["conferences completed", stats["total_conferences_completed"], conferences],
    ["participants", stats["total_participants"], seen.participants],
    ["packets received", received, io.rows.received],
    ["packets sent", stats["total_packets_sent"], io.rows.sent],
    [
      "conferences ended by a bug",
      metrics["colibri_queue_exceptions_total"],
      lines("Bug in a conference, ending it"),
    ],
  ];
  return counted
    .filter(([, shown, real]) => shown !== real)
    .map(([what, shown, real]) => `${shown} ${what} counted where ${real} were`);
}

/** Nothing of one meeting reaches another (I10): names and media. */
function separationFaults({ joined, traffic }: Scene): string[] {
  const faults: string[] = [];
  for (const client of joined) {
    const here = new Set(
      joined.filter(({ meetingId }) => meetingId === client.meetingId).map(({ id }) => id),
    );
    const others = joined.filter(({ id }) => !here.has(id));
    for (const { id, meetingId } of others) {
      if (client.messages.some((text) => text.includes(`"${id}`))) {
        faults.push(`a message to ${client.id} names ${id} of ${meetingId}`);
      }
    }
    for (const packet of client.media) traffic.reached(client.meetingId, packet);
  }
  return faults;
}

/** This one is looked at by nobody. */
export function unwatch(stage: Scene): void {
  stages.delete(stage);
}
