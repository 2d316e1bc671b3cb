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
import { modify, Stage } from "./stage.ts";

/** Enough for datagrams under way. */
const windDownMs = 500;
/** Past everything a bridge does once after its start. */
const startUpMs = 11_000;

const stages = new Set<Stage>();
const broken: string[] = [];
let before: SharedObjects = sharedObjects();
/** Timers of a bridge that serves nobody. */
let idleTimers: number | undefined;

/** Every stage is looked at after the test that made it. */
export function watch(stage: Stage): void {
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
export async function faultsOf(stage: Stage): Promise<string[]> {
  stages.delete(stage);
  const { bridge, io, log, runtime, traffic, joined } = stage;
  const faults = [...separationFaults(stage)];
  for (const client of joined) stage.vanish(client);
  for (const habit of stage.habits) habit.cancel();
  for (const meetingId of stage.meetings) {
    if (bridge.conferenceOf(meetingId) !== undefined) {
      await stage.ask(modify({ meetingId, expire: true }));
    }
  }
  await stage.run(windDownMs);
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
    idleTimers ??= timersOfIdleStage();
    expect("timers", runtime.pendingTimers - idleTimers);
  }
  faults.push(...traffic.faults);
  const addresses = joined.map(({ address }) => address.ip);
  const forbidden = [...addresses, ...stage.secrets];
  faults.push(...logFaults(log.lines, { expectedBugs: stage.expectedBugs, forbidden }));
  return faults;
}

/** Nothing of one meeting reaches another (I10): names and media. */
function separationFaults({ joined, traffic }: Stage): string[] {
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

function timersOfIdleStage(): number {
  const stage = new Stage();
  stages.delete(stage);
  stage.runtime.advance(startUpMs);
  return stage.runtime.pendingTimers;
}
