import { expect } from "chai";
import { type Element, parseXml, serialise, xml } from "../xmpp/xml.ts";
import { colibriErrorReply, parseColibriError } from "./colibri2-reply.ts";
import { parseConferenceModify } from "./colibri2-request.ts";
import { encodeCompactSources, parseCompactSources } from "./compact-sources.ts";
import { parseConferenceRequest } from "./conference-request.ts";
import { capsVersion } from "./disco-info.ts";
import { iqResult } from "./iq.ts";
import { buildJingle, emptyJingle, parseJingle } from "./jingle.ts";
import { parseSourceInfo } from "./source-info.ts";
import { seeds, targets } from "./stanza.fuzz.ts";

function read(text: string): Element {
  const result = parseXml(text);
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

describe("colibri2 requests", () => {
  for (const { name, inner, root = "meeting-id='m'" } of [
    { name: "a blank meeting-id", root: "meeting-id=' '", inner: "" },
    { name: "no meeting-id", root: "", inner: "" },
    { name: "an endpoint without id", inner: "<endpoint/>" },
    { name: "a relay without id", inner: "<relay/>" },
    { name: "media without type", inner: "<endpoint id='a'><media/></endpoint>" },
    {
      name: "a media-source without id",
      inner: "<endpoint id='a'><sources><media-source type='audio'/></sources></endpoint>",
    },
    {
      name: "a media-source without type",
      inner: "<endpoint id='a'><sources><media-source id='x'/></sources></endpoint>",
    },
    {
      name: "initial-last-n without value",
      inner: "<endpoint id='a'><initial-last-n/></endpoint>",
    },
    { name: "an unknown role", inner: "<endpoint id='a' muc-role='king'/>" },
    {
      name: "a sctp port that is no number",
      inner: "<endpoint id='a'><transport><sctp port='x'/></transport></endpoint>",
    },
    ...[
      ["to nowhere", "<connect protocol='mediajson' type='recorder'/>"],
      ["to http", "<connect url='http://x' protocol='mediajson' type='recorder'/>"],
      ["without protocol", "<connect url='ws://x' type='recorder'/>"],
      ["of an unknown protocol", "<connect url='ws://x' protocol='rtp' type='recorder'/>"],
      ["without type", "<connect url='ws://x' protocol='mediajson'/>"],
      ["of an unknown type", "<connect url='ws://x' protocol='mediajson' type='x'/>"],
      ...[
        ["a header without value", "<http-header name='A'/>"],
        ["a header whose name is none", "<http-header name='A:' value='b'/>"],
        ["a ping without timeout", "<ping interval='1'/>"],
        ["a ping that is no number", "<ping interval='1' timeout='x'/>"],
      ].map(([name, child]) => [
        `with ${name}`,
        `<connect url='ws://x' protocol='mediajson' type='recorder'>${child}</connect>`,
      ]),
    ].map(([name, connect]): { name: string; root?: string; inner: string } => ({
      name: `a connect ${name} (B-055)`,
      inner: `<connects>${connect}</connects>`,
    })),
    {
      name: "an ssrc that is no number",
      inner:
        "<endpoint id='a'><sources><media-source type='audio' id='x'><source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='x'/></media-source></sources></endpoint>",
    },
  ]) {
    it(`refuses ${name}`, () => {
      const result = parseConferenceModify(
        read(`<conference-modify xmlns='jitsi:colibri2' ${root}>${inner}</conference-modify>`),
      );
      expect(result.ok).to.equal(false);
      expect(!result.ok && result.error.condition).to.equal("bad-request");
    });
  }

  it("reads what nobody sends but everybody may", () => {
    const result = parseConferenceModify(
      read(
        "<conference-modify xmlns='jitsi:colibri2' meeting-id='m' CREATE='true' create='TRUE'><unknown/><endpoint id='a' expire='yes'><sources/></endpoint><connects><connect id='c' expire='true'/></connects></conference-modify>",
      ),
    );
    if (!result.ok) throw new Error(result.error.text);
    expect(result.value.create).to.equal(true);
    expect(result.value.rtcstatsEnabled).to.equal(true);
    expect(result.value.endpoints[0]?.expire).to.equal(false);
    expect(result.value.endpoints[0]?.sources).to.deep.equal([]);
    expect(result.value.connects[0]?.expire).to.equal(true);
  });
});

describe("colibri2 errors", () => {
  it("B-035 carry reason, endpoint and the root of the request", () => {
    const request = read(
      "<iq id='a/+=' type='get' from='r@c/f' to='b@d/e'><conference-modify xmlns='jitsi:colibri2' meeting-id='m'><endpoint id='x'/></conference-modify></iq>",
    );
    const error = {
      condition: "item-not-found",
      type: "cancel",
      reason: "unknown_endpoint",
      text: "Endpoint not found for ID: x",
      endpointId: "x",
    } as const;
    const reply = colibriErrorReply(request, error);
    expect(serialise(reply)).to.equal(
      '<iq type="error" id="a/+=" to="r@c/f" from="b@d/e"><error type="cancel"><item-not-found xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/><text xmlns="urn:ietf:params:xml:ns:xmpp-stanzas">Endpoint not found for ID: x</text><error xmlns="jitsi:colibri2" reason="unknown_endpoint"/><endpoint xmlns="jitsi:colibri2" id="x"/></error><conference-modify xmlns="jitsi:colibri2" meeting-id="m"/></iq>',
    );
    expect(parseColibriError(reply)).to.deep.equal(error);
  });
});

describe("jingle", () => {
  it("reads the old names of source-add and source-remove", () => {
    const old = parseJingle(read("<jingle xmlns='urn:xmpp:jingle:1' action='addsource' sid='1'/>"));
    expect(old.ok && old.value.action).to.equal("source-add");
  });

  it("puts the reason's condition before its text", () => {
    const reason = { condition: "connectivity-error", text: "why" } as const;
    const el = buildJingle({ ...emptyJingle("session-terminate", "1"), reason });
    expect(serialise(el)).to.contain("<reason><connectivity-error/><text>why</text></reason>");
  });

  it("refuses an unknown action with feature-not-implemented", () => {
    const el = read("<jingle xmlns='urn:xmpp:jingle:1' action='dance' sid='1'/>");
    const result = parseJingle(el);
    expect(!result.ok && result.error.condition).to.equal("feature-not-implemented");
  });

  it("reads signed ssrcs as unsigned", () => {
    const el = read(
      "<jingle xmlns='urn:xmpp:jingle:1' action='source-add' sid='1'><content name='audio'><description xmlns='urn:xmpp:jingle:apps:rtp:1'><source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='-1'/></description></content></jingle>",
    );
    const result = parseJingle(el);
    expect(result.ok && result.value.contents[0]?.description?.sources[0]?.ssrc).to.equal(
      0xffff_ffff,
    );
  });

  it("reads a session of 300 participants without delay", () => {
    const source = (ssrc: number) =>
      `<source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='${ssrc}' name='x-v0'><parameter name='msid' value='a b'/><ssrc-info xmlns='http://jitsi.org/jitmeet' owner='x'/></source>`;
    const sources = Array.from({ length: 1500 }, (_, i) => source(i)).join("");
    const text = `<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' sid='1'><content name='video'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='video'>${sources}</description></content></jingle>`;
    expect(text.length).to.be.greaterThan(200_000);
    const result = parseJingle(read(text));
    expect(result.ok && result.value.contents[0]?.description?.sources.length).to.equal(1500);
  });
});

describe("compact sources", () => {
  const source = {
    ssrc: 1,
    name: "a-v0",
    msid: "x y",
    videoType: "desktop",
    rid: undefined,
    owner: "a",
  } as const;

  it("always have the first three lists", () => {
    const none = { sources: [], groups: [] };
    const text = encodeCompactSources(
      new Map([
        [
          "a",
          {
            video: { sources: [source], groups: [{ semantics: "FID", ssrcs: [1, 2] }] },
            audio: none,
          },
        ],
        ["b", { video: none, audio: none }],
      ]),
    );
    expect(text).to.equal(
      '{"sources":{"a":[[{"s":1,"n":"a-v0","m":"x y","v":"d"}],[["f",1,2]],[]],"b":[[],[],[]]}}',
    );
    const read = parseCompactSources(text);
    expect(read.ok && read.value?.get("a")?.video.sources).to.deep.equal([source]);
  });

  it("take any owner as a name", () => {
    const none = { sources: [], groups: [] };
    const text = encodeCompactSources(new Map([["__proto__", { video: none, audio: none }]]));
    expect(text).to.equal('{"sources":{"__proto__":[[],[],[]]}}');
  });

  for (const text of [
    "",
    "[]",
    '{"sources":[]}',
    '{"sources":{"a":1}}',
    '{"sources":{"a":[[{"s":-1}]]}}',
    '{"sources":{"a":[[],[["x",1]]]}}',
    '{"sources":{"a":[[],[["constructor",1]]]}}',
  ]) {
    it(`refuses ${text}`, () => expect(parseCompactSources(text).ok).to.equal(false));
  }

  it("is not disturbed by other json-messages", () =>
    expect(parseCompactSources('{"type":"x"}')).to.deep.equal({ ok: true, value: undefined }));
});

describe("small stanzas", () => {
  it("caps hash of XEP-0115 §5.2", () => {
    const info = {
      identities: [{ category: "client", type: "pc", name: "Exodus 0.9.1" }],
      features: [
        "http://jabber.org/protocol/disco#info",
        "http://jabber.org/protocol/disco#items",
        "http://jabber.org/protocol/muc",
        "http://jabber.org/protocol/caps",
      ],
      forms: [],
    };
    expect(capsVersion(info)).to.equal("QgayPKawpkPSDYmwT/WM94uAlu0=");
    expect(capsVersion({ ...info, features: ["a", "a"] })).to.equal(undefined);
  });

  it("a room is a bare address with a local part", () => {
    for (const room of ["", "conference.x", "a@b@c", "a@b/c"]) {
      const el = xml("conference", { xmlns: "http://jitsi.org/protocol/focus", room });
      expect(parseConferenceRequest(el).ok, room).to.equal(false);
    }
  });

  it("SourceInfo without mediaType goes by the name, muted by default", () => {
    const result = parseSourceInfo(
      '{"a-v1":{"videoType":"desktop"},"a-a0":{"muted":false},"x":{}}',
    );
    if (!result.ok) throw new Error(result.error.text);
    expect([...result.value.values()]).to.deep.equal([
      { muted: true, videoType: "desktop", mediaType: "video" },
      { muted: false, videoType: undefined, mediaType: "audio" },
      { muted: true, videoType: undefined, mediaType: undefined },
    ]);
    expect(parseSourceInfo("[]").ok).to.equal(false);
    expect(parseSourceInfo('{"a":1}').ok).to.equal(false);
  });

  it("answers go back where the request came from", () => {
    const el = iqResult(read("<iq id='x' from='a@b/c' to='d@e'/>"));
    expect(serialise(el)).to.equal('<iq type="result" id="x" to="a@b/c" from="d@e"/>');
  });
});

describe("fuzz targets", () => {
  it("return on their seeds and on mutations of them", () => {
    for (const [name, target] of Object.entries(targets)) {
      for (const seed of seeds[name] ?? []) {
        target(seed);
        for (let i = 0; i < seed.length; i += 3) {
          const mutated = Uint8Array.from(seed);
          mutated[i] = (mutated[i] as number) ^ (1 << (i % 8));
          target(mutated);
          target(seed.subarray(0, i));
        }
      }
    }
  });
});
