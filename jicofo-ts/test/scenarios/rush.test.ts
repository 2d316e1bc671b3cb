/** Everybody comes at once. */
import { expect } from "chai";
import type { FakeClient } from "./fake-client.ts";
import { slowJoins, World } from "./world.ts";

/** ms after which clients that were told "not ready" ask again (spec jicofo 2.3); they go on to 120 s. */
const pauses = [1_000, 2_000, 4_000];

function later(world: World, ms: number): Promise<void> {
  return new Promise((resolve) => void world.runtime.timers.after(ms, resolve));
}

/** Asks as clients do; resolves with the first answer that is not "not ready", or the last. */
async function askUntilReady(world: World, room: string, from: string): Promise<boolean | string> {
  let ready = await world.ask({}, room, from);
  for (const pause of pauses) {
    if (ready !== false) break;
    await later(world, pause);
    ready = await world.ask({}, room, from);
  }
  return ready;
}

describe("R19: a rush", () => {
  it("R19: 500 joins in 10 s, into one room of a hundred and forty of ten: nobody is left out", async () => {
    const world = new World();
    for (const nick of ["jvb1", "jvb2", "jvb3"]) world.bridge(nick);
    const rooms = ["big", ...Array.from({ length: 40 }, (_, at) => `small${at}`)].map(
      (name) => `${name}@conference.example.com`,
    );
    const clients: FakeClient[] = [];
    const answers: (boolean | string)[] = [];
    let small = 0;
    for (let at = 0; at < 500; at++) {
      const room = rooms[at % 5 === 0 ? 0 : 1 + (small++ % 40)] ?? "";
      answers.push(await world.request({}, room, `user${at}@example.com/x`));
      const client = world.client(`user${at}`, room);
      client.join();
      clients.push(client);
      await world.pass(19);
    }
    await world.pass(2_000);
    expect(answers.filter((answer) => answer !== true)).to.deep.equal([]);
    for (const client of clients) {
      expect(client.invitations, client.nick).to.equal(1);
      expect(client.actions, client.nick).not.to.include("session-terminate");
    }
    for (const room of rooms) {
      const here = clients.filter((client) => client.room.room === room);
      const first = here[0];
      const last = here.at(-1);
      for (const other of here) {
        if (other !== first) expect(first?.known.has(other.ssrcs[0] ?? 0)).to.equal(true);
        if (other !== last) expect(last?.known.has(other.ssrcs[0] ?? 0)).to.equal(true);
      }
    }
    expect(world.focus.figures()).to.include({ conferences: 41, participants: 500 });
  }).timeout(20_000);

  it("R19: 2000 ask for rooms they were in, within 2 s of the server's return: all are served", async () => {
    const world = new World();
    // So long that rooms have to wait for others to be joined.
    slowJoins(world, 500);
    world.bridge("jvb1");
    const answers = Array.from({ length: 2_000 }, async (_, at) => {
      await later(world, at);
      const room = `back${at % 400}@conference.example.com`;
      const answer = await askUntilReady(world, room, `user${at}@example.com/x`);
      if (answer === true) world.client(`user${at}`, room).join();
      return answer;
    });
    await world.pass(2_000 + 7_000 + 1_000);
    const outcomes = await Promise.all(answers);
    expect(outcomes.filter((outcome) => outcome !== true)).to.deep.equal([]);
    for (const { nick, invitations } of world.clients) expect(invitations, nick).to.equal(1);
    expect(world.focus.figures()).to.include({ conferences: 400, participants: 2_000 });
  }).timeout(20_000);
});
