/** Everybody comes at once. */
import { expect } from "chai";
import type { FakeClient } from "./fake-client.ts";
import { World } from "./world.ts";

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
    world.bridge("jvb1");
    const answers: Promise<boolean | string>[] = [];
    for (let at = 0; at < 2_000; at++) {
      const room = `back${at % 400}@conference.example.com`;
      answers.push(world.request({}, room, `user${at}@example.com/x`));
      if (at % 40 === 39) await world.pass(40);
    }
    await world.pass(1_000);
    const outcomes = await Promise.all(answers);
    expect(outcomes.filter((outcome) => typeof outcome === "string")).to.deep.equal([]);
    expect(outcomes.filter((outcome) => outcome === false).length).to.be.lessThan(1_600);
    expect(world.focus.rooms()).to.have.length(400);
  });
});
