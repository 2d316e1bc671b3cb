/** Each invariant of `invariants.ts` can fail: a scenario that breaks it on purpose is found out. */
import { expect } from "chai";
import { sharedObjectFaults, sharedObjects } from "#shared/testing/invariants";
import { xml } from "#shared/xmpp/xml";
import { faultsOf } from "./invariants.ts";
import { roomJid, World } from "./world.ts";

async function callOfTwo(): Promise<World> {
  const world = new World();
  world.bridge("jvb1");
  await world.request();
  await world.joinAll("ada", "bob");
  return world;
}

const breaks: readonly {
  readonly name: string;
  readonly fault: RegExp;
  readonly does: (world: World) => unknown;
}[] = [
  {
    name: "I5: a timer that outlives its conference",
    fault: /1 timers left/,
    does: ({ runtime }) => runtime.timers.after(1e9, () => {}),
  },
  {
    name: "I5: a request that waits for ever",
    fault: /1 unanswered requests left/,
    does: ({ connection }) => connection.request(xml("iq", { to: "nobody@example.com" }), 1e9),
  },
  {
    name: "a conference whose room is empty",
    fault: /1 conferences left.*still in one@/,
    does: ({ clients }) => {
      for (const client of clients) client.leave = () => {};
    },
  },
  {
    name: "a meeting that stays on a bridge",
    fault: /1 meetings on jvbbrewery@/,
    does: ({ bridges }) => bridges[0]?.meetings.set("stray", new Map()),
  },
  {
    name: "an endpoint that stays in the count of a bridge",
    fault: /1 endpoints counted on jvbbrewery@/,
    does: ({ registry, bridges }) => registry.endpointAdded(bridges[0]?.jid ?? "", 0),
  },
  {
    name: "I7: a bug of ours",
    fault: /bug logged: Bug in conference/,
    does: async (world) => {
      world.registry.select = () => {
        throw new Error("a bug");
      };
      world.focus.moveEndpoint(roomJid, "ada", undefined);
    },
  },
  {
    name: "I8: a counter that does not tell the truth",
    fault: /2 session-initiate counted, 1 sent/,
    does: ({ connection }) => {
      const at = connection.sent.findIndex((iq) => iq.toString().includes("session-initiate"));
      connection.sent.splice(at, 1);
    },
  },
  {
    name: "I9: a password in the log",
    fault: /log line with s3cret/,
    does: ({ log }) => log.debug("Got", { candidate: "ufrag:s3cret-bridge" }),
  },
  {
    name: "I9: an address in the log where it is redacted",
    fault: /log line with ada@example.com\/ada/,
    does: ({ log, clients }) => log.info("Came", { from: clients[0]?.realJid }),
  },
  {
    name: "I9: a line for every stanza",
    fault: /more than 100 lines in 10 s/,
    does: ({ log, runtime }) => {
      const line = () => log.info("A stanza", { participant: "ada" });
      for (let i = 0; i < 101; i++) runtime.timers.after(20 * i, line);
    },
  },
  {
    name: "I10: a member of another room in an offer",
    fault: /a request of two@.* shows ada of one@/,
    does: async (world) => {
      await world.request({}, "two@conference.example.com");
      const leak = xml("iq", { to: "two@conference.example.com/eve" }, xml("x", { id: "ada" }));
      void world.connection.request(leak, 1);
    },
  },
  {
    name: "I10: a source of another room in an offer",
    fault: /a request of two@.* shows ssrc 100000 of one@/,
    does: async (world) => {
      await world.request({}, "two@conference.example.com");
      const leak = xml("iq", { to: "two@conference.example.com/eve" }, '[{"s":100000}]');
      void world.connection.request(leak, 1);
    },
  },
];

describe("the invariants of every scenario", () => {
  it("hold for an ordinary call", async () => {
    expect(await faultsOf(await callOfTwo())).to.deep.equal([]);
  });

  for (const { name, fault, does } of breaks) {
    it(`find ${name}`, async () => {
      const world = await callOfTwo();
      // Not awaited: a request that is never answered must not stop the test.
      void does(world);
      await world.pass(3_000);
      expect((await faultsOf(world)).join("; ")).to.match(fault);
    });
  }

  it("find I7: a changed prototype", () => {
    const before = sharedObjects();
    Object.defineProperty(Object.prototype, "polluted", { value: 1, configurable: true });
    try {
      expect(sharedObjectFaults(before)).to.deep.equal(["Object.prototype gained polluted"]);
    } finally {
      Reflect.deleteProperty(Object.prototype, "polluted");
    }
  });
});
