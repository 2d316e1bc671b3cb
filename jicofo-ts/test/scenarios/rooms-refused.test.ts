/** Requests for rooms that are no conference's: the breweries above all. */
import { expect } from "chai";
import { xml } from "#shared/xmpp/xml";
import { guest, room, SecureWorld } from "./authentication-world.ts";
import { occupant } from "./fake-xmpp.ts";

const brewery = "jvbbrewery@internal.auth.example.com";
const configured = `jicofo {
  bridge.brewery-jid = "JvbBrewery@internal.auth.example.com"
  jibri.brewery-jid = "jibribrewery@recorders.example.com"
  jigasi.brewery-jid = "jigasibrewery@recorders.example.com"
}
`;
const open = (more = ""): SecureWorld => new SecureWorld("{ enabled = false }", configured + more);

describe("a room that is no conference's", () => {
  it("is refused over XMPP and HTTP where it is a brewery, and the brewery is never left", async () => {
    const world = open();
    await world.pass(5);
    const bridges = world.roomOf(brewery);
    expect(bridges.joined).to.equal(true);
    for (const address of [
      brewery,
      "JVBBREWERY@internal.auth.example.com",
      `${brewery}.`,
      "jibribrewery@recorders.example.com",
      "jigasibrewery@recorders.example.com",
      "another@internal.auth.example.com",
    ]) {
      const answer = await world.ask(guest, { machine: "m1" }, address);
      expect(answer.refused, address).to.equal("not-allowed");
      const reply = await world.post({ room: address, machineUid: "m1" });
      expect(reply, address).to.include({
        status: 400,
        body: "Bad request: XMPPError: not-allowed - cancel [this room is not for conferences]",
      });
    }
    expect(world.jicofo.focus.rooms()).to.deep.equal([]);
    bridges.put(occupant(brewery, "jvb1", "jvb@auth.example.com/jvb1", xml("presence")));
    await world.pass(120_000);
    expect(world.roomOf(brewery)).to.equal(bridges);
    expect(bridges.joined).to.equal(true);
    expect((await world.ask(guest, { machine: "m1" })).ready).to.equal(true);
  });

  it("is not entered or left by whatever way a conference would be made there", async () => {
    const world = open();
    await world.pass(5);
    const bridges = world.roomOf(brewery);
    const asked = world.jicofo.focus.request({
      room: brewery,
      from: guest,
      sessionId: undefined,
      machineUid: undefined,
      token: undefined,
      properties: new Map(),
    });
    await world.pass(60_000);
    expect((await asked).ok).to.equal(false);
    expect(world.roomOf(brewery)).to.equal(bridges);
    expect(bridges.joined).to.equal(true);
  });

  it("is said once for each who asks, and counted each time", async () => {
    const world = open();
    for (let at = 0; at < 20; at++) await world.ask(guest, {}, `r${at}@internal.auth.example.com`);
    await world.ask("other@guest.example.com/x", {}, brewery);
    const said = world.log.lines.filter(({ level }) => level === "warn");
    expect(said.map(({ context }) => context["why"])).to.deep.equal([
      "the room is beside a brewery",
      "the room is a brewery",
    ]);
    const { conference_rooms_refused: counted } = world.jicofo.metrics.counter;
    expect(counted.get()).to.equal(21);
    await world.pass(600_000);
    await world.ask(guest, {}, brewery);
    expect(world.log.lines.at(-1)?.context).to.include({ unsaid: 19 });
  });

  it("is one of another service where the conferences' service is configured", async () => {
    const world = open('jicofo.xmpp.client.conference-muc-jid = "conference.example.com"');
    await world.pass(5);
    const ask = async (where: string) => (await world.ask(guest, {}, where)).refused;
    expect(await ask(room)).to.equal(undefined);
    expect(await ask("b1@breakout.example.com")).to.equal(undefined);
    expect(await ask("one@elsewhere.example.com")).to.equal("not-allowed");
    expect(await open().ask(guest, {}, "one@elsewhere.example.com")).to.include({ ready: true });
  });
});

describe("a gateway whose brewery is configured", () => {
  it("is promised, as upstream does", async () => {
    const { properties } = await open().ask(guest, { machine: "m1" });
    expect(properties).to.include({ sipGatewayEnabled: "true" });
  });
});

describe("a guest who waits for the host", () => {
  it("is named once in ten minutes for each room, however often it asks", async () => {
    const world = new SecureWorld();
    const two = "two@conference.example.com";
    for (let at = 0; at < 12; at++) {
      await world.ask(guest, {}, at % 3 === 0 ? two : room);
      await world.pass(5_000);
    }
    const said = () =>
      world.log.lines.filter(
        ({ level, message }) => level === "info" && message === "Refused a conference request",
      );
    expect(said().map(({ context }) => context["room"])).to.deep.equal([two, room]);
    await world.pass(600_000);
    await world.ask(guest);
    expect(said().at(-1)?.context).to.include({ room, unsaid: 7 });
    expect(world.jicofo.metrics.counter.conference_requests_refused.get()).to.equal(13);
  });
});
