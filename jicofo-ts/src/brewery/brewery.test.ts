import { expect } from "chai";
import { stanzaError } from "#shared/stanza/stanza-error";
import { recordingLogger } from "#shared/testing/recording-logger";
import { VirtualRuntime } from "#shared/testing/virtual-runtime";
import { type Jid, parseJid } from "#shared/xmpp/jid";
import type { JoinResult, Occupant } from "#shared/xmpp/muc";
import { xml } from "#shared/xmpp/xml";
import { Brewery } from "./brewery.ts";

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

function occupant(nick: string): Occupant {
  const occupantJid = parseJid(`brewery@muc.example.com/${nick}`) as Jid;
  return {
    occupantJid,
    nick,
    realJid: undefined,
    role: "participant",
    affiliation: "member",
    presence: xml("presence"),
  };
}

const departure = { codes: [], removed: false, status: undefined, reason: undefined };

function setUp(keepMissing = false) {
  const runtime = new VirtualRuntime();
  const log = recordingLogger();
  const seen: string[] = [];
  const occupants = new Map<string, Occupant>();
  const joins: JoinResult[] = [];
  let attempts = 0;
  const room = {
    joined: false,
    occupants,
    join: async (): Promise<JoinResult> => {
      attempts += 1;
      const result = joins.shift() ?? { kind: "joined", self: occupant("focus"), created: true };
      room.joined = result.kind === "joined";
      return result;
    },
    leave: async () => {
      room.joined = false;
    },
  };
  const brewery = new Brewery({
    room,
    timers: runtime.timers,
    log,
    memory: 15_000,
    keepMissing,
    addressKey: "a.brewery-jid",
    listener: {
      present: (jid) => seen.push(`+${jid.split("/")[1]}`),
      gone: (jid) => seen.push(`-${jid.split("/")[1]}`),
    },
  });
  const come = (nick: string) => {
    occupants.set(nick, occupant(nick));
    brewery.handle({ kind: "occupantJoined", occupant: occupant(nick) });
  };
  const rejoin = (...nicks: string[]) => {
    room.joined = true;
    occupants.clear();
    for (const nick of nicks) occupants.set(nick, occupant(nick));
    brewery.handle({ kind: "joined", self: occupant("focus"), created: false, rejoined: true });
  };
  return {
    brewery,
    runtime,
    room,
    joins,
    seen,
    log,
    come,
    rejoin,
    attempts: () => attempts,
  };
}

describe("Brewery", () => {
  it("reports who comes, speaks and goes", async () => {
    const { brewery, seen, come, attempts, runtime } = setUp();
    brewery.handleSession();
    await settle();
    come("jvb1");
    brewery.handle({
      kind: "presenceChanged",
      occupant: occupant("jvb1"),
      previous: occupant("jvb1"),
    });
    brewery.handle({ kind: "occupantLeft", occupant: occupant("jvb1"), departure });
    brewery.handle({ kind: "occupantLeft", occupant: occupant("jvb1"), departure });
    runtime.advance(100);
    expect(seen).to.deep.equal(["+jvb1", "+jvb1", "-jvb1"]);
    expect(attempts()).to.equal(1);
  });

  for (const end of ["resumed", "fresh"] as const)
    it(`a server that stops takes nobody out of a call; ${end} session after it`, async () => {
      const { brewery, seen, come, runtime, room, rejoin } = setUp();
      brewery.handleSession();
      await settle();
      come("jvb1");
      come("jvb2");
      seen.length = 0;
      room.occupants.delete("jvb1");
      brewery.handle({ kind: "occupantLeft", occupant: occupant("jvb1"), departure });
      runtime.advance(10);
      brewery.handleDisconnected();
      runtime.advance(4000);
      expect(seen).to.deep.equal([]);
      if (end === "resumed") brewery.handleResumed();
      else rejoin("jvb2");
      expect(seen.filter((one) => one.startsWith("-"))).to.deep.equal(["-jvb1"]);
    });

  it("one that comes back at once is another one", async () => {
    const { brewery, seen, come, runtime } = setUp();
    brewery.handleSession();
    await settle();
    come("jvb1");
    brewery.handle({ kind: "occupantLeft", occupant: occupant("jvb1"), departure });
    runtime.advance(50);
    come("jvb1");
    runtime.advance(1000);
    expect(seen).to.deep.equal(["+jvb1", "-jvb1", "+jvb1"]);
  });

  it("reports those who were there before us", async () => {
    const { rejoin, seen } = setUp();
    rejoin("jvb1", "jvb2");
    expect(seen).to.deep.equal(["+jvb1", "+jvb2"]);
  });

  it("tries a refused join again, ever more slowly", async () => {
    const { brewery, joins, runtime, attempts, log } = setUp();
    for (let n = 0; n < 9; n++)
      joins.push({ kind: "refused", error: stanzaError("registration-required") });
    brewery.handleSession();
    await settle();
    const seen: number[] = [];
    for (let second = 0; second < 60; second++) {
      runtime.advance(1000);
      await settle();
      seen.push(attempts());
    }
    expect([seen[0], seen[1], seen[2], seen[6], seen[14], seen[29]]).to.deep.equal([
      2, 2, 3, 4, 5, 6,
    ]);
    expect(log.lines.find(({ level }) => level === "warn")).to.deep.include({
      message: "Not let into the brewery room, check a.brewery-jid",
      context: { reason: "registration-required" },
    });
  });

  it("keeps instances over a short loss and forgets those that are not there afterwards", () => {
    const { brewery, runtime, room, seen, come, rejoin } = setUp();
    come("jvb1");
    come("jvb2");
    brewery.handleDisconnected();
    room.joined = false;
    brewery.handle({ kind: "lost" });
    runtime.advance(5000);
    seen.length = 0;
    rejoin("jvb1");
    expect(seen).to.deep.equal(["+jvb1", "-jvb2"]);
    runtime.advance(60_000);
    expect(seen).to.deep.equal(["+jvb1", "-jvb2"]);
  });

  it("waits for missing ones where conferences outlived the loss", () => {
    const { brewery, runtime, seen, come, rejoin } = setUp(true);
    come("jvb1");
    come("jvb2");
    brewery.handleDisconnected();
    runtime.advance(5000);
    seen.length = 0;
    rejoin("jvb1");
    expect(seen).to.deep.equal(["+jvb1"]);
    runtime.advance(10_000);
    expect(seen).to.deep.equal(["+jvb1", "-jvb2"]);
  });

  it("forgets everybody when the loss lasts", () => {
    const { brewery, runtime, room, seen, come } = setUp();
    come("jvb1");
    brewery.handleDisconnected();
    room.joined = false;
    runtime.advance(14_999);
    expect(seen).to.deep.equal(["+jvb1"]);
    runtime.advance(1);
    expect(seen).to.deep.equal(["+jvb1", "-jvb1"]);
  });

  it("forgets nobody when the session is resumed", () => {
    const { brewery, runtime, seen, come } = setUp();
    come("jvb1");
    brewery.handleDisconnected();
    runtime.advance(2000);
    brewery.handleResumed();
    runtime.advance(60_000);
    expect(seen).to.deep.equal(["+jvb1"]);
  });

  it("joins again when it was removed", async () => {
    const { brewery, runtime, room, attempts } = setUp();
    brewery.handleSession();
    await settle();
    room.joined = false;
    brewery.handle({ kind: "removed", departure });
    runtime.advance(1000);
    await settle();
    expect(attempts()).to.equal(2);
  });
});
