import { expect } from "chai";
import { type Jid, parseJid } from "#shared/xmpp/jid";
import { NS } from "#shared/xmpp/namespaces";
import { xml } from "#shared/xmpp/xml";
import { parseConference, realSender } from "./conference-iq.ts";

const jid = (text: string): Jid => {
  const parsed = parseJid(text);
  if (!parsed) throw new Error(`${text} is no JID`);
  return parsed;
};
const from = jid("user@example.com/abc");

describe("parseConference", () => {
  it("reads attributes and properties", () => {
    const payload = xml(
      "conference",
      { xmlns: NS.focus, room: "R@conference.example.com", "machine-uid": "m", token: "" },
      xml("property", { name: "rtcstatsEnabled", value: "false" }),
      xml("property", { name: "incomplete" }),
    );
    expect(parseConference(payload, from)).to.deep.equal({
      ok: true,
      value: {
        room: "r@conference.example.com",
        from,
        sessionId: undefined,
        machineUid: "m",
        token: undefined,
        properties: new Map([["rtcstatsEnabled", "false"]]),
      },
    });
  });

  it("refuses a missing room in upstream's words and others with a condition", () => {
    const missing = parseConference(xml("conference", { xmlns: NS.focus, room: "" }), from);
    expect(missing).to.deep.equal({
      ok: false,
      error: { condition: "bad-request", text: "No 'room' specified." },
    });
    expect(parseConference(xml("conference", { xmlns: NS.focus, room: "a b" }), from).ok).to.equal(
      false,
    );
  });
});

describe("realSender", () => {
  const proxy = "focus.example.com";
  const cases: [name: string, from: string, proxy: string | undefined, real: string][] = [
    ["behind the proxy", "focus.example.com/u@example.com/r/1", proxy, "u@example.com/r/1"],
    ["not behind it", "u@example.com/r", proxy, "u@example.com/r"],
    ["the proxy itself", "focus.example.com", proxy, "focus.example.com"],
    ["no JID in the resource", "focus.example.com/@@", proxy, "focus.example.com/@@"],
    ["no proxy configured", "focus.example.com/u@e/r", undefined, "focus.example.com/u@e/r"],
  ];
  for (const [name, sender, configured, real] of cases)
    it(name, () => expect(realSender(jid(sender), configured)).to.equal(real));
});
