import { expect } from "chai";
import { parseJid } from "#shared/xmpp/jid";
import type { MucAffiliation, MucRole, Occupant } from "#shared/xmpp/muc";
import { type Element, xml } from "#shared/xmpp/xml";
import { readMember, roleOf } from "./member.ts";

function occupant(children: Element[], more: Partial<Occupant> = {}): Occupant {
  const occupantJid = parseJid("room@conference.example.com/ada");
  const realJid = parseJid("ada@example.com/x");
  if (occupantJid === undefined) throw new Error("an address");
  return {
    occupantJid,
    nick: "ada",
    realJid,
    role: "participant",
    affiliation: "none",
    presence: xml("presence", { xmlns: "jabber:client" }, children),
    ...more,
  };
}
const read = (...children: Element[]) => readMember(occupant(children), undefined, []);

describe("a member", () => {
  it("has a role by affiliation first", () => {
    const cases: [MucAffiliation, MucRole, string][] = [
      ["owner", "visitor", "OWNER"],
      ["admin", "participant", "MODERATOR"],
      ["member", "moderator", "MODERATOR"],
      ["none", "participant", "PARTICIPANT"],
      ["none", "visitor", "VISITOR"],
      ["none", "none", "VISITOR"],
    ];
    for (const [affiliation, role, expected] of cases) {
      expect(roleOf(affiliation, role)).to.equal(expected);
    }
  });

  it("never changes between visitor and participant, but otherwise", () => {
    const first = readMember(occupant([]), undefined, []);
    expect(readMember(occupant([], { role: "visitor" }), first, []).role).to.equal("PARTICIPANT");
    expect(readMember(occupant([], { affiliation: "owner" }), first, []).role).to.equal("OWNER");
    const visitor = readMember(occupant([], { role: "visitor" }), undefined, []);
    expect(readMember(occupant([], { affiliation: "owner" }), visitor, []).role).to.equal(
      "VISITOR",
    );
  });

  it("is muted unless a source of the kind is not", () => {
    const info = (text: string) => xml("SourceInfo", {}, text);
    expect(read()).to.include({ audioMuted: true, videoMuted: true });
    expect(read(xml("audiomuted", {}, "false"))).to.include({
      audioMuted: false,
      videoMuted: true,
    });
    const mixed = '{"ada-a0":{"muted":false},"ada-v0":{"muted":true}}';
    expect(read(info(mixed), xml("videomuted", {}, "false"))).to.include({
      audioMuted: false,
      videoMuted: true,
    });
    const before = read(info(mixed));
    const after = readMember(occupant([info("nonsense")]), before, []);
    expect(after.audioMuted).to.equal(false);
  });

  it("keeps region, stats id and caps that a later presence lacks", () => {
    const first = read(
      xml("jitsi_participant_region", {}, "eu"),
      xml("stats-id", {}, "Ada-1"),
      xml("c", { xmlns: "http://jabber.org/protocol/caps", node: "n", ver: "v", hash: "sha-1" }),
    );
    const later = readMember(occupant([]), first, []);
    expect(later).to.include({ region: "eu", statsId: "Ada-1" });
    expect(later.caps).to.deep.equal({ node: "n", ver: "v", hash: "sha-1" });
  });

  it("J-049: has video codecs in lower case with VP8 among them, a visitor's for good", () => {
    const list = (text: string) => xml("jitsi_participant_codecList", {}, text);
    const one = (text: string) => xml("jitsi_participant_codecType", {}, text);
    const cases: readonly (readonly [readonly Element[], readonly string[] | undefined])[] = [
      [[list("AV1,VP9,VP8")], ["av1", "vp9", "vp8"]],
      [[list("av1,h264")], ["av1", "h264", "vp8"]],
      [[one("VP9")], ["vp9", "vp8"]],
      [
        [list("av1"), one("vp9")],
        ["av1", "vp8"],
      ],
      [[], undefined],
    ];
    for (const [children, expected] of cases) {
      expect(read(...children).videoCodecs).to.deep.equal(expected);
    }
    const visitor = readMember(occupant([list("vp9")], { role: "visitor" }), undefined, []);
    const later = readMember(occupant([list("av1")], { role: "visitor" }), visitor, []);
    expect(later.videoCodecs).to.deep.equal(["vp9", "vp8"]);
    expect(readMember(occupant([list("av1")]), read(list("vp9")), []).videoCodecs?.[0]).to.equal(
      "av1",
    );
  });

  it("J-050: asks to be told apart only by saying true", () => {
    for (const [text, diarize] of [
      ["true", true],
      ["TRUE", true],
      ["false", false],
      ["1", false],
      ["", false],
    ] as const) {
      expect(read(xml("jitsi_participant_diarize", {}, text)).diarize, text).to.equal(diarize);
    }
    expect(read().diarize).to.equal(false);
  });

  it("is believed to be a Jibri or Jigasi only from a trusted domain", () => {
    const features = xml(
      "features",
      {},
      xml("feature", { var: "http://jitsi.org/protocol/jigasi" }),
    );
    expect(readMember(occupant([features]), undefined, []).isJigasi).to.equal(false);
    expect(readMember(occupant([features]), undefined, ["example.com"]).isJigasi).to.equal(true);
    const hidden = occupant([features], { realJid: undefined });
    expect(readMember(hidden, undefined, ["example.com"]).isJigasi).to.equal(false);
  });
});
