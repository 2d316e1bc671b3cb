/** What the packet path does for all conferences at once breaks for one and is done for the others. */
import { expect } from "chai";
import {
  EngineFixture,
  TRANSPORT_CC,
  VP8,
  videoSource,
  vp8Payload,
} from "../../src/cc/engine-fixture.ts";
import { Egress } from "../../src/media/egress.ts";
import { EndpointState } from "../../src/media/media-state.ts";
import { sabotage } from "./sabotage.ts";

/** Sessions of the senders: the first is of the conference that breaks. */
const VICTIM = 1;
const OTHER = 3;

function calls(): EngineFixture {
  const fixture = new EngineFixture();
  fixture.engine.addConference("d");
  fixture.join("a", VICTIM, [videoSource("a-v0", [21])]);
  fixture.join("b", 2);
  fixture.join("a", OTHER, [videoSource("a-v0", [31])], "d");
  fixture.join("b", 4, [], "d");
  send(fixture, 1);
  fixture.now += 300;
  return fixture;
}

/** Both senders send a packet. */
function send(fixture: EngineFixture, seq: number): void {
  for (const [session, ssrc] of [
    [VICTIM, 21],
    [OTHER, 31],
  ] as const) {
    fixture.receive(session, {
      pt: VP8,
      seq,
      ssrc,
      timestamp: 3000 * seq,
      marker: true,
      payload: vp8Payload({ pictureId: seq, tl0: seq, tid: 0, keyframe: true }),
      extensions: [[TRANSPORT_CC, [0, seq]]],
    });
  }
}

/** Every RTCP packet to somebody in the first conference breaks. */
function breakFeedback(): () => void {
  return sabotage(Egress.prototype, "commitRtcp", (_egress, [receiver]) => {
    return receiver instanceof EndpointState && receiver.conference.id === "c";
  });
}

/** Payload type and format of what a sender was told. */
function told(fixture: EngineFixture, session: number): string[] {
  return fixture.takeRtcp(session).map((bytes) => `${bytes[1]}/${(bytes[0] ?? 0) & 31}`);
}

const feedback: readonly (readonly [string, string, (fixture: EngineFixture) => void])[] = [
  ["transport-wide feedback", "205/15", (fixture) => send(fixture, 2)],
  ["a request for lost packets", "205/1", (fixture) => send(fixture, 4)],
  ["a request for a key frame", "206/1", (it) => it.engine.requestKeyframes(it.now)],
  ["a receiver report", "201/1", (fixture) => fixture.advance(1000)],
];

describe("collected work that breaks for one conference", () => {
  for (const [what, packet, act] of feedback) {
    it(`is done for the others: ${what}`, () => {
      const fixture = calls();
      fixture.take();
      fixture.expectsBugs = true;
      const mend = breakFeedback();
      try {
        act(fixture);
        expect(told(fixture, OTHER)).to.include(packet);
        const broken = fixture.events().filter(({ kind }) => kind === "broken");
        expect(broken.length).to.be.greaterThan(0);
        expect(new Set(broken.map(({ conference }) => conference))).to.deep.equal(new Set(["c"]));
        fixture.engine.removeConference("c");
        fixture.take();
        fixture.now += 300;
        send(fixture, 9);
        fixture.advance(1000);
        expect(told(fixture, OTHER)).to.include.members(["205/15", "205/1", "201/1"]);
        expect(fixture.events().filter(({ kind }) => kind === "broken")).to.deep.equal([]);
      } finally {
        mend();
      }
    });
  }

  it("fails a test that does not expect it", () => {
    const fixture = calls();
    const mend = breakFeedback();
    try {
      expect(() => send(fixture, 2)).to.throw("injected into commitRtcp");
    } finally {
      mend();
    }
  });
});
