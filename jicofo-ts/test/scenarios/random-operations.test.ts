/**
 * Random life in one room: members come, go, change sources, ask for restarts; bridges come, go,
 * fall silent and refuse. When it has calmed down, everybody must know exactly what there is.
 */

import { expect } from "chai";
import { SeededRandom } from "#shared/testing/virtual-runtime";
import type { FakeBridge } from "./fake-bridge.ts";
import { audio, type FakeClient } from "./fake-client.ts";
import { roomJid, World } from "./world.ts";

interface Run {
  readonly world: World;
  readonly random: SeededRandom;
  readonly bridges: FakeBridge[];
  readonly present: Set<FakeClient>;
  readonly extra: Map<FakeClient, number[]>;
  next: number;
}

function pick<T>(run: Run, list: readonly T[]): T | undefined {
  return list.length === 0 ? undefined : list[run.random.int(list.length)];
}

async function come(run: Run): Promise<void> {
  if (run.present.size >= 6) return;
  const absent = run.world.clients.filter((client) => !run.present.has(client));
  const client = pick(run, absent) ?? run.world.client(`m${run.next++}`);
  // What was on its way to somebody while this one left is forgotten now at the latest.
  forget(run, client);
  run.present.add(client);
  run.extra.set(client, []);
  client.join();
}

/** Real clients drop what belongs to somebody whose presence went away. */
function forget(run: Run, gone: FakeClient): void {
  for (const other of run.present) {
    for (const { description } of gone.sources) {
      for (const { ssrc } of description?.sources ?? []) other.known.delete(ssrc);
    }
    for (const ssrc of run.extra.get(gone) ?? []) other.known.delete(ssrc);
  }
}

async function go(run: Run): Promise<void> {
  const client = pick(run, [...run.present]);
  // The last one stays, or the conference would be over.
  if (client === undefined || run.present.size < 2) return;
  run.present.delete(client);
  client.leave();
  // Presence and IQs share one ordered stream in life; here IQs on their way arrive first.
  await run.world.pass(3);
  forget(run, client);
}

const operations: readonly ((run: Run) => Promise<unknown> | unknown)[] = [
  come,
  come,
  come,
  go,
  async (run) => {
    const client = pick(run, [...run.present]);
    if (client === undefined) return;
    const ssrc = 1_000_000 + run.next++;
    const outcome = await client.sourceAdd(audio(client.nick, ssrc, ssrc));
    if (outcome === "result") run.extra.get(client)?.push(ssrc);
  },
  async (run) => {
    const client = pick(run, [...run.present]);
    const ssrc = client && run.extra.get(client)?.shift();
    if (client !== undefined && ssrc !== undefined) {
      await client.sourceRemove(audio(client.nick, ssrc, ssrc));
    }
  },
  async (run) => {
    const client = pick(run, [...run.present]);
    if (client !== undefined && (await client.restart()) === "result") run.extra.set(client, []);
  },
  async (run) => await pick(run, [...run.present])?.restartIce(),
  (run) => {
    const bridge = pick(run, run.bridges);
    if (bridge === undefined || run.bridges.length < 2) return;
    run.bridges.splice(run.bridges.indexOf(bridge), 1);
    bridge.meetings.clear();
    run.world.lose(bridge);
    for (const client of run.present) run.extra.set(client, []);
  },
  (run) => {
    if (run.bridges.length < 3) run.bridges.push(run.world.bridge(`jvb${run.next++}`));
  },
  (run) => {
    const bridge = pick(run, run.bridges);
    if (bridge !== undefined) bridge.refuse = { condition: "conflict", reason: undefined };
  },
  (run) => {
    for (const bridge of run.bridges) bridge.refuse = undefined;
  },
  (run) => {
    for (const bridge of run.bridges) bridge.expiryMs = run.random.int(3) * 20;
  },
  (run) => run.world.focus.moveEndpoints(pick(run, run.bridges)?.jid ?? "", undefined, 2),
];

/** Everybody's sources as the focus knows them, simulcast stripped: audio, first video and its RTX. */
function expectConsistent(run: Run, seed: number): void {
  const { world } = run;
  const state = JSON.stringify(world.focus.debugState(roomJid, false));
  const bugs = world.log.lines.filter(
    ({ level, message }) => level === "error" && !message.startsWith("no bridge"),
  );
  expect(bugs, `seed ${seed}`).to.deep.equal([]);
  const allocated = run.bridges.flatMap(({ endpoints }) => endpoints);
  expect(new Set(allocated).size, `seed ${seed}: nobody is on two bridges`).to.equal(
    allocated.length,
  );
  for (const nick of allocated) {
    expect(
      [...run.present].some((client) => client.nick === nick),
      `seed ${seed}: ${nick} is a ghost`,
    ).to.equal(true);
  }
  for (const client of run.present) {
    for (const other of run.present) {
      if (other === client || !state.includes(`"${other.nick}":{"sources"`)) continue;
      const ssrc = other.sources[0]?.description?.sources[0]?.ssrc ?? 0;
      if (
        state.includes(`"ssrc":${ssrc},`) &&
        state.includes(`"remoteJid":"${client.occupantJid}","state":"ACTIVE"`)
      ) {
        expect(client.known.has(ssrc), `seed ${seed}: ${client.nick} knows ${other.nick}`).to.equal(
          true,
        );
      }
    }
  }
}

describe("random operations on one conference", () => {
  for (let seed = 1; seed <= 60; seed++) {
    it(`keep everybody's picture right, seed ${seed}`, async () => {
      const world = new World({ maxSsrcsPerUser: 1000 });
      const random = new SeededRandom(seed);
      const run: Run = {
        world,
        random,
        bridges: [world.bridge("jvb0")],
        present: new Set(),
        extra: new Map(),
        next: 1,
      };
      await world.request();
      await come(run);
      await world.pass(30);
      for (let step = 0; step < 60; step++) {
        await operations[random.int(operations.length)]?.(run);
        if (random.int(3) > 0) await world.pass(random.int(4) === 0 ? 6_000 : random.int(40));
      }
      for (const bridge of run.bridges) bridge.refuse = undefined;
      await world.pass(60_000);
      expectConsistent(run, seed);
      for (const client of [...run.present]) client.leave();
      await world.pass(16_000);
      expect(world.focus.has(roomJid)).to.equal(false);
      expect(
        run.bridges.flatMap(({ endpoints }) => endpoints),
        "nothing stays on bridges",
      ).to.deep.equal([]);
      expect(world.runtime.pendingTimers).to.equal(0);
    });
  }
});
