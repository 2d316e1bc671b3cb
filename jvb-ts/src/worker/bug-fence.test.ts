import { expect } from "chai";
import { recordingLogger } from "#shared/testing/recording-logger";
import { zeroCounters } from "../conference/counters.ts";
import { BugFence } from "./bug-fence.ts";

function setUp() {
  const log = recordingLogger();
  const counters = zeroCounters();
  return { log, counters, fence: new BugFence(log, counters) };
}

/** Only what the fence asks of a conference. */
function conference(id: string, expire: (now: number) => void = () => undefined) {
  const expired: number[] = [];
  const one = {
    id,
    expire(now: number) {
      expired.push(now);
      expire(now);
    },
  };
  return { expired, conference: one };
}

const bug = () => {
  throw new Error("bug");
};

describe("the fence around bugs", () => {
  it("gives what a sound step gives, and touches nothing", () => {
    const { fence, log, counters } = setUp();
    const one = conference("a");
    expect(fence.guard(one.conference, 5, () => 7)).to.equal(7);
    expect(fence.look(one.conference, () => 8)).to.equal(8);
    expect([one.expired, log.lines, counters]).to.deep.equal([[], [], zeroCounters()]);
  });

  it("ends the conference whose step broke, counts it and says which", () => {
    const { fence, log, counters } = setUp();
    const one = conference("a");
    expect(fence.guard(one.conference, 5, bug)).to.equal(undefined);
    expect(one.expired).to.deep.equal([5]);
    expect(counters.colibri_queue_exceptions).to.equal(1);
    expect(log.lines).to.have.length(1);
    expect(log.lines[0]).to.include({ level: "error", message: "Bug in a conference, ending it" });
    expect(log.lines[0]?.context).to.deep.equal({ conf: "a" });
  });

  it("survives a conference that cannot be ended either", () => {
    const { fence, log } = setUp();
    const one = conference("a", bug);
    fence.guard(one.conference, 5, bug);
    expect(log.messages("error")).to.deep.equal([
      "Bug in a conference, ending it",
      "Bug while ending a conference",
    ]);
  });

  it("leaves out what cannot be looked at, said once for each conference", () => {
    const { fence, log, counters } = setUp();
    const [one, other] = [conference("a"), conference("b")];
    for (let i = 0; i < 3; i++)
      for (const { conference } of [one, other])
        expect(fence.look(conference, bug)).to.equal(undefined);
    expect(log.lines.map(({ context }) => context["conf"])).to.deep.equal(["a", "b"]);
    expect([one.expired, other.expired]).to.deep.equal([[], []]);
    expect(counters).to.deep.equal(zeroCounters());
  });

  it("complains of bugs that are nobody's once a second", () => {
    const { fence, log } = setUp();
    for (let now = 0; now <= 2_500; now += 100) fence.complain(new Error("bug"), now);
    expect(log.messages("error")).to.have.length(3);
  });
});
