import { expect } from "chai";
import { emptyTransport } from "#shared/stanza/ice-udp";
import { emptyJingle, type Jingle, type JingleAction, jingleActions } from "#shared/stanza/jingle";
import { SeededRandom } from "#shared/testing/virtual-runtime";
import { JingleSession, newSid } from "./session.ts";

const session = (): JingleSession => new JingleSession("sid", "room@x/nick", "bridge");
const say = (action: JingleAction, more: Partial<Jingle> = {}): Jingle => ({
  ...emptyJingle(action, "sid"),
  ...more,
});
const bridgeSession = { id: "bridge", region: undefined, restart: false, iceRestart: false };
const audio = {
  creator: "responder",
  name: "audio",
  senders: "both",
  description: undefined,
  transport: emptyTransport,
  sctpMap: undefined,
  initialLastN: undefined,
} as const;

describe("a Jingle session", () => {
  it("is active with the acceptance and takes nothing after its end", () => {
    const one = session();
    expect(one.state).to.equal("pending");
    const accepted = one.handle(
      say("session-accept", { contents: [audio, { ...audio, name: "video", initialLastN: 5 }] }),
    );
    expect(one.state).to.equal("active");
    if (!accepted.ok || accepted.value.kind !== "accept") throw new Error("accepted");
    expect(accepted.value.transport?.rtcpMux).to.equal(true);
    expect(accepted.value.initialLastN).to.equal(5);
    one.handle(say("session-terminate"));
    expect(one.state).to.equal("ended");
    for (const action of jingleActions) {
      const late = one.handle(say(action));
      expect(late.ok ? "" : late.error.condition, action).to.equal("gone");
    }
  });

  it("does not take over actions it cannot do", () => {
    const unsupported = jingleActions.filter((action) => {
      const result = session().handle(say(action));
      return !result.ok && result.error.condition === "feature-not-implemented";
    });
    expect(unsupported).to.deep.equal([
      "session-initiate",
      "transport-replace",
      "content-modify",
      "content-add",
      "content-accept",
      "content-reject",
      "content-remove",
      "description-info",
      "security-info",
    ]);
  });

  it("tells the kinds of session-info apart", () => {
    const kind = (more: Partial<Jingle>): string => {
      const result = session().handle(say("session-info", more));
      return result.ok ? result.value.kind : result.error.condition;
    };
    expect(kind({})).to.equal("ignored");
    expect(kind({ bridgeSession })).to.equal("ignored");
    expect(kind({ bridgeSession: { ...bridgeSession, iceRestart: true } })).to.equal("iceRestart");
    expect(kind({ iceState: "failed", bridgeSession })).to.equal("iceFailed");
    expect(kind({ iceState: "tired", bridgeSession })).to.equal("ignored");
  });

  it("passes a transport of a generation on once", () => {
    const one = session();
    expect([1, 1, 3, 2].map((generation) => one.advanceIce(generation))).to.deep.equal([
      true,
      false,
      true,
      false,
    ]);
  });

  it("has a sid of at most 13 base-32 characters", () => {
    const random = new SeededRandom(1);
    const sids = Array.from({ length: 200 }, () => newSid(random));
    for (const sid of sids) expect(sid).to.match(/^[0-9a-v]{1,13}$/);
    expect(new Set(sids).size).to.equal(200);
  });
});
