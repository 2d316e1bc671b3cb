/**
 * What holds after every scenario of the focus (spec benchmarks-and-faults G.0). A world registers
 * itself here when it is made; the root hook below ends every room, waits, and looks at what is left.
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
import { NS } from "#shared/xmpp/namespaces";
import { attr, childOf, type Element } from "#shared/xmpp/xml";
import type { BridgeRegistry } from "../../src/bridge/registry.ts";
import type { Focus } from "../../src/focus/door.ts";
import type { FakeBridge } from "./fake-bridge.ts";
import { type FakeClient, ssrcsOfElement } from "./fake-client.ts";
import type { FakeConnection, FakeRoom } from "./fake-xmpp.ts";

/** Longer than every timer and reply deadline of the focus. */
const windDownMs = 60_000;

/** A world that can be brought to rest and then says what is wrong. */
export interface Checked {
  faults(): Promise<readonly string[]>;
}

/** What is looked at: a world, in the words of this file. */
export interface Scene extends Checked {
  readonly runtime: VirtualRuntime;
  readonly log: RecordingLogger;
  readonly connection: FakeConnection;
  readonly registry: BridgeRegistry;
  readonly focus: Focus;
  readonly rooms: ReadonlyMap<string, FakeRoom>;
  readonly clients: readonly FakeClient[];
  readonly bridges: readonly FakeBridge[];
  readonly expectedBugs: number;
  pass(ms: number): Promise<void>;
}

const worlds = new Set<Checked>();
const broken: string[] = [];
let before: SharedObjects = sharedObjects();

/** Every world is looked at after the test that made it. */
export function watch(world: Checked): void {
  worlds.add(world);
  redactPii(true);
}

beforeEach(() => {
  before = sharedObjects();
});

afterEach(async function () {
  const faults = sharedObjectFaults(before);
  for (const world of [...worlds]) faults.push(...(await world.faults()));
  worlds.clear();
  redactPii(false);
  if (faults.length > 0) broken.push(`${this.currentTest?.fullTitle()}: ${faults.join("; ")}`);
});

// A root hook that throws ends the whole run, so all that is broken is told once, at the end.
after(() => {
  if (broken.length > 0) throw new Error(`invariants broken:\n${broken.join("\n")}`);
});

/** Empties every room and says what is wrong then. A test that breaks one on purpose calls it first. */
export async function faultsOf(world: Scene): Promise<string[]> {
  worlds.delete(world);
  const faults = [...separationFaults(world), ...counterFaults(world)];
  for (const bridge of world.bridges) bridge.refuse = undefined;
  for (const client of world.clients) client.leave();
  await world.pass(windDownMs);
  const { focus, connection, runtime, log, registry } = world;
  const expect = (what: string, left: number): void => {
    if (left !== 0) faults.push(`${left} ${what} left`);
  };
  expect("conferences", focus.rooms().length);
  expect("participants", focus.figures().participants);
  expect("timers", runtime.pendingTimers);
  expect("unanswered requests", connection.waiting);
  for (const [address, room] of world.rooms) if (room.joined) faults.push(`still in ${address}`);
  for (const bridge of world.bridges) {
    const reachable = connection.peers.has(bridge.jid) && !bridge.dead;
    if (reachable) expect(`meetings on ${bridge.jid}`, bridge.meetings.size);
  }
  for (const { jid, endpoints } of registry.bridges(runtime.clock.now())) {
    expect(`endpoints counted on ${jid}`, endpoints);
  }
  const addresses = world.clients.map(({ realJid }) => realJid);
  faults.push(...logFaults(log.lines, { expectedBugs: world.expectedBugs, forbidden: addresses }));
  return faults;
}

/** The counters of Jingle say what went over the wire (I8). */
function counterFaults({ connection, focus }: Scene): string[] {
  const sent = new Map<string, number>();
  for (const iq of connection.sent) {
    const jingle = childOf(iq, "jingle", NS.jingle);
    const action = jingle && attr(jingle, "action");
    if (action !== undefined) sent.set(action, (sent.get(action) ?? 0) + 1);
  }
  const counted = focus.figures().jingleSent;
  return [...new Set([...sent.keys(), ...counted.keys()])]
    .filter((action) => sent.get(action) !== counted.get(action))
    .map((action) => `${counted.get(action)} ${action} counted, ${sent.get(action)} sent`);
}

/** Nothing that belongs to one room reaches another (I10): names, meeting ids, SSRCs. */
function separationFaults(world: Scene): string[] {
  if (world.rooms.size < 2) return [];
  const owners = new Map<string, string>();
  const shared = new Set<string>();
  const own = (token: string, room: string): void => {
    if (owners.has(token) && owners.get(token) !== room) shared.add(token);
    owners.set(token, room);
  };
  for (const [address, room] of world.rooms) {
    own(address, address);
    for (const meeting of room.form.get("muc#roominfo_meetingId") ?? []) own(meeting, address);
  }
  for (const client of world.clients) {
    own(client.nick, client.room.room);
    for (const ssrc of client.ssrcs) own(`ssrc ${ssrc}`, client.room.room);
  }
  const faults: string[] = [];
  const look = (what: string, room: string, text: string, ssrcs: readonly number[]): void => {
    const tokens = [...new Set(text.split(/[^\w@.-]+/)), ...ssrcs.map((ssrc) => `ssrc ${ssrc}`)];
    for (const token of tokens) {
      const owner = owners.get(token);
      if (owner !== undefined && owner !== room && !shared.has(token)) {
        faults.push(`${what} of ${room} shows ${token} of ${owner}`);
      }
    }
  };
  for (const iq of world.connection.sent) {
    const room = roomOfRequest(world, iq);
    if (room !== undefined) look("a request", room, iq.toString(), ssrcsOfElement(iq));
  }
  for (const [address, room] of world.rooms) {
    for (const extension of room.extensions.values()) {
      look("the presence", address, extension.toString(), []);
    }
  }
  return faults;
}

function roomOfRequest(world: Scene, iq: Element): string | undefined {
  const to = attr(iq, "to") ?? "";
  const bare = to.split("/")[0] ?? "";
  if (world.rooms.has(bare)) return bare;
  const modify = childOf(iq, "conference-modify", NS.colibri2);
  const meeting = modify && attr(modify, "meeting-id");
  if (meeting === undefined) return undefined;
  for (const [address, room] of world.rooms) {
    if (room.form.get("muc#roominfo_meetingId")?.includes(meeting)) return address;
  }
  return undefined;
}
