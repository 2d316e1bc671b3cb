/** Each invariant of `invariants.ts` can fail: a scenario that breaks it on purpose is found out. */
import { expect } from "chai";
import { Bug } from "#shared/runtime/bug";
import type { Client } from "./client.ts";
import { faultsOf } from "./invariants.ts";
import { Stage } from "./stage.ts";

interface Scene {
  readonly stage: Stage;
  readonly ada: Client;
  readonly eve: Client;
}

/** Two meetings on one bridge. */
async function scene(): Promise<Scene> {
  const stage = new Stage();
  const ada = await stage.join("aaaa1111", {}, "m1");
  const eve = await stage.join("eeee5555", {}, "m2");
  return { stage, ada, eve };
}

const stranger = { ip: "203.0.113.9", port: 9 };
const rtp = (ssrc: number): Uint8Array => {
  const packet = new Uint8Array(20);
  packet.set([0x80, 111]);
  new DataView(packet.buffer).setUint32(8, ssrc);
  return packet;
};
const stun = (type: number): Uint8Array => {
  const message = new Uint8Array(20);
  new DataView(message.buffer).setUint16(0, type);
  return message;
};

const breaks: readonly {
  readonly name: string;
  readonly fault: RegExp;
  readonly does: (scene: Scene) => void;
}[] = [
  {
    name: "a meeting that nobody ends",
    fault: /1 conferences left; 1 endpoints left; 1 sessions left; 1 ufrags left/,
    does: ({ stage }) => stage.meetings.delete("m1"),
  },
  {
    name: "I5: a timer that outlives its conference",
    fault: /1 timers left/,
    does: ({ stage }) => stage.runtime.timers.after(1e9, () => {}),
  },
  {
    name: "I5: a session that stays open",
    fault: /1 sessions left/,
    does: ({ stage }) => stage.io.openSession(),
  },
  {
    name: "I6: media to an address that never spoke",
    fault: /media sent to 203\.0\.113\.9 9, which had not proven itself/,
    does: ({ stage }) => stage.io.sendTo(0, stranger, rtp(1)),
  },
  {
    name: "I6: an answer larger than the request",
    fault: /203\.0\.113\.9 9 got 40 bytes for 20 before it was proven/,
    does: ({ stage }) => {
      stage.toBridge(stranger, stun(0x0101));
      stage.io.sendTo(0, stranger, stun(0x0111));
      stage.io.sendTo(0, stranger, stun(0x0111));
    },
  },
  {
    name: "I6: checks without end",
    fault: /201 checks sent to 203\.0\.113\.9 9/,
    does: ({ stage }) => {
      for (let i = 0; i < 201; i++) stage.io.sendTo(0, stranger, stun(0x0001));
    },
  },
  {
    name: "I7: a bug of ours",
    fault: /bug logged: Bug in a conference/,
    does: ({ stage }) => stage.log.error("Bug in a conference", {}, new Bug("on purpose")),
  },
  {
    name: "I8: a conference that no counter knows",
    fault:
      /2 conferences created counted where 3 were; 2 conferences completed counted where 3 were/,
    does: ({ stage }) => void stage.seen.conferences++,
  },
  {
    name: "I8: a participant that no counter knows",
    fault: /2 participants counted where 3 were/,
    does: ({ stage }) => void stage.seen.participants++,
  },
  {
    name: "I8: a packet that no counter knows",
    fault: /0 packets received counted where 1 were; 0 packets sent counted where 2 were/,
    does: ({ stage: { io } }) => {
      io.rows.received++;
      io.rows.sent += 2;
    },
  },
  {
    name: "I8: a bug that no counter knows",
    fault: /0 conferences ended by a bug counted where 1 were/,
    does: ({ stage }) => {
      stage.expectedBugs = 1;
      stage.log.error("Bug in a conference, ending it");
    },
  },
  {
    name: "I9: a password in the log",
    fault: /log line with/,
    does: ({ stage }) => stage.log.debug("Checking", { pwd: stage.secrets[0] }),
  },
  {
    name: "I9: an address in the log where it is redacted",
    fault: /log line with 198\.51\.100\./,
    does: ({ stage, ada }) => stage.log.info("Connected", { remote: ada.address.ip }),
  },
  {
    name: "I10: a message that names somebody of another meeting",
    fault: /a message to eeee5555 names aaaa1111 of m1/,
    does: ({ eve }) => eve.messages.push('{"colibriClass":"EndpointMessage","from":"aaaa1111"}'),
  },
  {
    name: "I10: media of another meeting",
    fault: /media of m1 reached m2/,
    does: ({ ada, eve }) => {
      ada.sendMedia(rtp(77));
      eve.media.push(rtp(77));
    },
  },
];

describe("the invariants of every scenario of the bridge", () => {
  it("hold for two ordinary meetings", async () => {
    expect(await faultsOf((await scene()).stage)).to.deep.equal([]);
  });

  for (const { name, fault, does } of breaks) {
    it(`find ${name}`, async () => {
      const made = await scene();
      does(made);
      expect((await faultsOf(made.stage)).join("; ")).to.match(fault);
    });
  }
});
