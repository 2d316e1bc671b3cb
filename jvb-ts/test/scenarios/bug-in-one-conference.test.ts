/** A broken invariant of ours ends the conference in which it happened, and no other. */
import { expect } from "chai";
import { Bug } from "#shared/runtime/bug";
import { fakeDtls } from "../../src/transport/dtls/fake-dtls.test.ts";
import { audioSource, endpointRequest, modify, said } from "./requests.ts";
import { Stage } from "./stage.ts";

const TRIGGER = Uint8Array.of(30, 66, 85, 71);

/** A DTLS engine that breaks when it sees the trigger. */
function fragileDtls() {
  const engine = fakeDtls({ fingerprint: "BB:01" });
  return {
    ...engine,
    createSession: (...args: Parameters<typeof engine.createSession>) => {
      const session = engine.createSession(...args);
      const handle = session.handleDatagram.bind(session);
      session.handleDatagram = (datagram, now) => {
        if (datagram[0] === TRIGGER[0]) throw new Bug("the trigger");
        return handle(datagram, now);
      };
      return session;
    },
  };
}

describe("a bug in one conference", () => {
  it("ends it, says so to the focus, and leaves the other alone", async () => {
    const stage = new Stage({}, fragileDtls());
    stage.expectedBugs = 1;
    const victim = await stage.join("aaaa1111", {}, "m1");
    const other = await stage.join("bbbb2222", {}, "m2");
    const listener = await stage.join("cccc3333", {}, "m2");
    expect(await stage.stats()).to.include({ conferences: 2, endpoints: 3 });
    victim.sendMedia(TRIGGER);
    await stage.run(50);
    expect(stage.log.messages("error")).to.deep.equal(["Bug in a conference, ending it"]);
    expect(await stage.stats()).to.include({ conferences: 1, endpoints: 2 });
    const late = await stage.ask(
      modify({ meetingId: "m1", endpoints: [endpointRequest("aaaa1111")] }),
    );
    expect(said(late)).to.equal("conference_not_found: Conference not found for ID: m1");
    other.say({ kind: "EndpointMessage", to: "", from: undefined, fields: {} });
    const sources = [audioSource("bbbb2222", 7)];
    const update = modify({
      meetingId: "m2",
      endpoints: [endpointRequest("bbbb2222", { sources })],
    });
    expect(said(await stage.ask(update))).to.equal("ok");
    expect(listener.classes()).to.include("EndpointMessage");
  });
});
