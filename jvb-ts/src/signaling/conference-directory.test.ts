import { expect } from "chai";
import type { ConferenceModify } from "#shared/stanza/colibri2";
import { colibriEndpoint, conferenceModify } from "#shared/stanza/colibri2-blanks";
import { VirtualRuntime } from "#shared/testing/virtual-runtime";
import type { ColibriOutcome } from "../worker-messages.ts";
import { ConferenceDirectory, type DirectoryEffect } from "./conference-directory.ts";

const done: ColibriOutcome = {
  ok: true,
  modified: { endpoints: [], relays: [], sources: undefined },
};

const modify = (over: Partial<ConferenceModify> = {}) => conferenceModify("m1", over);

const expiring = (id: string) => colibriEndpoint(id, { expire: true });

function directory(workers = 1): ConferenceDirectory {
  const { random } = new VirtualRuntime();
  return new ConferenceDirectory({ workers, random, isRoomJid: (name) => name.includes("@") });
}

/** `kind[:detail]` of each effect. */
function shape(effects: readonly DirectoryEffect[]): string[] {
  return effects.map((effect) => {
    if (effect.kind === "send") return `${effect.message.kind}>${effect.worker}`;
    const { outcome } = effect;
    return `${effect.tag}=${outcome.ok ? "ok" : (outcome.error.reason ?? outcome.error.condition)}`;
  });
}

describe("conference directory", () => {
  it("creates, finds and refuses a second creation", () => {
    const d = directory();
    expect(shape(d.handleRequest(1, modify({ create: true })))).to.deep.equal([
      "createConference>0",
      "colibri>0",
    ]);
    expect(shape(d.handleRequest(2, modify({ create: true })))).to.deep.equal([
      "2=conference_already_exists",
    ]);
    expect(shape(d.handleRequest(3, modify()))).to.deep.equal(["colibri>0"]);
    expect(d.byMeeting("m1")?.conference).to.match(/^[0-9a-f]{16}$/);
  });

  it("answers for an unknown meeting", () => {
    const effects = directory().handleRequest(1, modify());
    expect(shape(effects)).to.deep.equal(["1=conference_not_found"]);
    const [first] = effects;
    if (first?.kind !== "answer" || first.outcome.ok) throw new Error("no refusal");
    expect(first.outcome.error.text).to.equal("Conference not found for ID: m1");
  });

  it("lets a create that follows an unanswered expire succeed, and keeps the order behind it", () => {
    const d = directory();
    d.handleRequest(1, modify({ create: true }));
    d.handleDone(1, done, false);
    const old = d.byMeeting("m1")?.conference;
    expect(shape(d.handleRequest(2, modify({ expire: true })))).to.deep.equal(["colibri>0"]);
    expect(d.handleRequest(3, modify({ create: true }))).to.deep.equal([]);
    expect(d.handleRequest(4, modify())).to.deep.equal([]);
    expect(shape(d.handleDone(2, done, true))).to.deep.equal([
      "2=ok",
      "createConference>0",
      "colibri>0",
      "colibri>0",
    ]);
    expect(d.byMeeting("m1")?.conference).to.not.equal(old);
    expect(d.size).to.equal(1);
  });

  it("waits for the expire of the last endpoint too, and refuses when somebody remained", () => {
    const d = directory();
    d.handleRequest(1, modify({ create: true }));
    d.handleDone(1, done, false);
    d.handleRequest(2, modify({ endpoints: [expiring("e1")] }));
    expect(d.handleRequest(3, modify({ create: true }))).to.deep.equal([]);
    expect(shape(d.handleDone(2, done, false))).to.deep.equal([
      "2=ok",
      "3=conference_already_exists",
    ]);
  });

  it("refuses new conferences in graceful shutdown and serves existing ones", () => {
    const d = directory();
    d.handleRequest(1, modify({ create: true }));
    d.refuseCreation();
    expect(shape(d.handleRequest(2, modify()))).to.deep.equal(["colibri>0"]);
    expect(shape(d.handleRequest(3, modify({ meetingId: "m2", create: true })))).to.deep.equal([
      "3=graceful_shutdown",
    ]);
  });

  it("checks the name at creation only", () => {
    const d = directory();
    const bad = modify({ create: true, name: "not a jid" });
    expect(shape(d.handleRequest(1, bad))).to.deep.equal(["1=bad-request"]);
    d.handleRequest(2, modify({ create: true, name: "a@b" }));
    expect(shape(d.handleRequest(3, modify({ name: "not a jid" })))).to.deep.equal(["colibri>0"]);
  });

  it("spreads conferences over workers and fails those of a dead one", () => {
    const d = directory(2);
    d.handleRequest(1, modify({ create: true }));
    expect(shape(d.handleRequest(2, modify({ meetingId: "m2", create: true })))).to.deep.equal([
      "createConference>1",
      "colibri>1",
    ]);
    d.handleDone(2, done, false);
    expect(shape(d.handleWorkerGone(0))).to.deep.equal(["1=internal-server-error"]);
    expect(d.byMeeting("m1")).to.equal(undefined);
    expect(d.byMeeting("m2")?.worker).to.equal(1);
  });

  it("forgets a conference that ended by itself", () => {
    const d = directory();
    d.handleRequest(1, modify({ create: true }));
    d.handleDone(1, done, false);
    d.handleExpired(d.byMeeting("m1")?.conference ?? "");
    expect(shape(d.handleRequest(2, modify()))).to.deep.equal(["2=conference_not_found"]);
    expect(d.size).to.equal(0);
  });

  it("answers every request exactly once under random operations", () => {
    const { random } = new VirtualRuntime();
    for (let round = 0; round < 200; round++) {
      const d = directory(2);
      const asked = new Set<number>();
      const inWorker: { tag: number; expire: boolean }[] = [];
      const take = (effects: readonly DirectoryEffect[]): void => {
        for (const effect of effects) {
          if (effect.kind === "answer") expect(asked.delete(effect.tag)).to.equal(true);
          else if (effect.message.kind === "colibri") {
            inWorker.push({ tag: effect.message.tag, expire: effect.message.request.expire });
          }
        }
      };
      for (let tag = 1; tag <= 40; tag++) {
        asked.add(tag);
        const what = random.int(3);
        take(d.handleRequest(tag, modify({ create: what === 0, expire: what === 1 })));
        for (let n = random.int(3); n > 0; n--) {
          const head = inWorker.shift();
          if (head !== undefined) take(d.handleDone(head.tag, done, head.expire));
        }
      }
      for (;;) {
        const head = inWorker.shift();
        if (head === undefined) break;
        take(d.handleDone(head.tag, done, head.expire));
      }
      expect(asked.size).to.equal(0);
    }
  });
});
