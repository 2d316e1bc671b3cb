import { expect } from "chai";
import { parseJingle } from "#shared/stanza/jingle";
import { parseXml } from "#shared/xmpp/xml";
import { sessionAccept } from "./accept-template.ts";

describe("what a simulated client accepts with", () => {
  it("is read as seven sources of its own, in both kinds", () => {
    const text = sessionAccept({
      sid: "s1",
      nick: "abcdef01",
      realJid: "u@meet.example/x",
      room: "r@conference.meet.example",
      firstSsrc: 100_070,
    });
    expect(text).not.to.contain("@nick@");
    const el = parseXml(text, "jabber:client");
    if (!el.ok) throw new Error(el.error);
    const jingle = parseJingle(el.value);
    if (!jingle.ok) throw new Error(jingle.error.text);
    const { action, sid, responder, contents } = jingle.value;
    expect({ action, sid, responder }).to.deep.equal({
      action: "session-accept",
      sid: "s1",
      responder: "u@meet.example/x",
    });
    const ssrcs = contents.map(({ description }) => description?.sources.map(({ ssrc }) => ssrc));
    expect(ssrcs).to.deep.equal([
      [100_070],
      [100_071, 100_072, 100_073, 100_074, 100_075, 100_076],
    ]);
    const [, video] = contents;
    expect(video?.description?.groups.map(({ semantics }) => semantics)).to.have.members([
      "SIM",
      "FID",
      "FID",
      "FID",
    ]);
    expect(video?.description?.sources[0]?.name).to.equal("abcdef01-v0");
  });
});
