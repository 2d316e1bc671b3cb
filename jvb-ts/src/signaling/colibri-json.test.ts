import { expect } from "chai";
import { parseConferenceModify } from "#shared/stanza/colibri2-request";
import { parseXml } from "#shared/xmpp/xml";
import { conferenceModifiedJson, parseConferenceJson } from "./colibri-json.ts";

function fault(value: unknown, meetingId?: string): string | undefined {
  const parsed = parseConferenceJson(value, meetingId);
  return parsed.ok ? undefined : parsed.error;
}

describe("COLIBRI2 as JSON", () => {
  it("reads a creation", () => {
    const parsed = parseConferenceJson({
      "meeting-id": "http-1",
      name: "httpc@conference.meet.rig",
      create: true,
      endpoints: [
        {
          id: "aaaa1111",
          create: true,
          "stats-id": "Joe-1",
          capabilities: ["source-names"],
          diarize: true,
          transport: { "ice-controlling": true },
        },
      ],
    });
    if (!parsed.ok) throw new Error(parsed.error);
    const [endpoint] = parsed.value.endpoints;
    expect(parsed.value.create).to.equal(true);
    expect(endpoint?.capabilities).to.deep.equal(["source-names"]);
    expect(endpoint?.transport?.iceControlling).to.equal(true);
    expect(endpoint?.diarize).to.equal(undefined);
    expect(endpoint?.sources).to.equal(undefined);
  });

  it("reads sources as numbers and objects, and media with text attributes", () => {
    const parsed = parseConferenceJson({
      "meeting-id": "m",
      endpoints: [
        {
          id: "e",
          medias: [
            {
              type: "audio",
              "payload-types": [
                {
                  id: "111",
                  name: "opus",
                  clockrate: "48000",
                  channels: "2",
                  parameters: { a: "1" },
                },
              ],
              "rtp-hdrexts": [{ id: 1, uri: "urn:x" }],
            },
          ],
          sources: [
            {
              type: "video",
              id: "e-v0",
              sources: [201, { ssrc: 202, name: "e-v0" }],
              "ssrc-groups": [{ semantics: "fid", sources: [201, 202] }],
            },
          ],
        },
      ],
    });
    if (!parsed.ok) throw new Error(parsed.error);
    const [endpoint] = parsed.value.endpoints;
    expect(endpoint?.media[0]?.payloadTypes[0]).to.include({
      id: 111,
      clockrate: 48000,
      channels: 2,
    });
    expect(endpoint?.sources?.[0]?.sources.map(({ ssrc }) => ssrc)).to.deep.equal([201, 202]);
    expect(endpoint?.sources?.[0]?.groups[0]).to.deep.equal({
      semantics: "FID",
      ssrcs: [201, 202],
    });
  });

  const faults = [
    { name: "no object", value: [], text: "conference-modify must be an object" },
    { name: "no id", value: {}, text: "meeting-id must be set for conference-modify IQ" },
    {
      name: "a boolean as text",
      value: { "meeting-id": "m", create: "true" },
      text: "create must be true or false",
    },
    {
      name: "an endpoint without id",
      value: { "meeting-id": "m", endpoints: [{}] },
      text: "id must be set",
    },
    {
      name: "an impossible ssrc",
      value: {
        "meeting-id": "m",
        endpoints: [{ id: "e", sources: [{ type: "audio", id: "x", sources: [-1] }] }],
      },
      text: "ssrc must be an unsigned 32-bit number",
    },
  ];
  for (const { name, value, text } of faults) {
    it(`refuses ${name}`, () => expect(fault(value)).to.equal(text));
  }

  it("takes the meeting id of the path", () => {
    expect(fault({}, "m")).to.equal(undefined);
    const parsed = parseConferenceJson({ "meeting-id": "other" }, "m");
    expect(parsed.ok && parsed.value.meetingId).to.equal("m");
  });

  it("writes an answer without what is false or empty", () => {
    const json = conferenceModifiedJson({
      endpoints: [
        { id: "e1", expire: true, transport: undefined },
        { id: "e2", expire: false, transport: undefined },
      ],
      relays: [],
      sources: undefined,
    });
    expect(json).to.deep.equal({ endpoints: [{ id: "e1", expire: true }, { id: "e2" }] });
  });

  it("B-034 B-036 says the same as the XML of the same request", () => {
    const xmlText = `<conference-modify xmlns="jitsi:colibri2" meeting-id="m" name="r@c.example" create="true" rtcstats-enabled="false">
      <endpoint id="aaaa1111" create="true" stats-id="Ada-x1Q" muc-role="participant">
        <media type="audio">
          <payload-type xmlns="urn:xmpp:jingle:apps:rtp:1" id="111" name="opus" clockrate="48000" channels="2">
            <parameter name="useinbandfec" value="1"/>
            <rtcp-fb xmlns="urn:xmpp:jingle:apps:rtp:rtcp-fb:0" type="nack" subtype="pli"/>
          </payload-type>
          <rtp-hdrext xmlns="urn:xmpp:jingle:apps:rtp:rtp-hdrext:0" id="1" uri="urn:ietf:params:rtp-hdrext:ssrc-audio-level"/>
          <extmap-allow-mixed xmlns="urn:xmpp:jingle:apps:rtp:rtp-hdrext:0"/>
        </media>
        <transport ice-controlling="true" use-unique-port="true">
          <transport xmlns="urn:xmpp:jingle:transports:ice-udp:1" ufrag="uf" pwd="pw">
            <rtcp-mux/>
            <fingerprint xmlns="urn:xmpp:jingle:apps:dtls:0" hash="sha-256" setup="active">AA:BB</fingerprint>
            <candidate component="1" foundation="1" generation="0" id="c1" network="0" priority="7" protocol="udp" type="host" ip="192.0.2.7" port="5000"/>
          </transport>
          <sctp port="5000" role="server"/>
        </transport>
        <sources>
          <media-source type="video" id="aaaa1111-v0">
            <source xmlns="urn:xmpp:jingle:apps:rtp:ssma:0" ssrc="11"/>
            <source xmlns="urn:xmpp:jingle:apps:rtp:ssma:0" ssrc="12"/>
            <ssrc-group xmlns="urn:xmpp:jingle:apps:rtp:ssma:0" semantics="FID"><source ssrc="11"/><source ssrc="12"/></ssrc-group>
          </media-source>
        </sources>
        <force-mute audio="true" video="false"/>
        <initial-last-n value="5"/>
        <capability name="source-names"/>
        <capability name="private-address-connectivity"/>
      </endpoint>
    </conference-modify>`;
    const json = {
      "meeting-id": "m",
      name: "r@c.example",
      create: true,
      "rtcstats-enabled": false,
      endpoints: [
        {
          id: "aaaa1111",
          create: true,
          "stats-id": "Ada-x1Q",
          "muc-role": "participant",
          medias: [
            {
              type: "audio",
              "payload-types": [
                {
                  id: "111",
                  name: "opus",
                  clockrate: "48000",
                  channels: "2",
                  parameters: { useinbandfec: "1" },
                  "rtcp-fbs": [{ type: "nack", subtype: "pli" }],
                },
              ],
              "rtp-hdrexts": [{ id: 1, uri: "urn:ietf:params:rtp-hdrext:ssrc-audio-level" }],
              "extmap-allow-mixed": true,
            },
          ],
          transport: {
            "ice-controlling": true,
            "use-unique-port": true,
            transport: {
              xmlns: "urn:xmpp:jingle:transports:ice-udp:1",
              ufrag: "uf",
              pwd: "pw",
              "rtcp-mux": true,
              fingerprints: [{ fingerprint: "AA:BB", hash: "sha-256", setup: "active" }],
              candidates: [
                {
                  component: "1",
                  foundation: "1",
                  generation: "0",
                  id: "c1",
                  network: "0",
                  priority: "7",
                  protocol: "udp",
                  type: "host",
                  ip: "192.0.2.7",
                  port: "5000",
                },
              ],
            },
            sctp: { port: 5000, role: "server" },
          },
          sources: [
            {
              type: "video",
              id: "aaaa1111-v0",
              sources: [11, 12],
              "ssrc-groups": [{ semantics: "FID", sources: [11, 12] }],
            },
          ],
          "force-mute": { audio: true, video: false },
          "initial-last-n": { value: 5 },
          capabilities: ["source-names", "private-address-connectivity"],
        },
      ],
    };
    const read = parseXml(xmlText.replaceAll(/>\s+</g, "><"));
    if (!read.ok) throw new Error(read.error);
    const fromXml = parseConferenceModify(read.value);
    const fromJson = parseConferenceJson(json);
    if (!fromXml.ok) throw new Error(fromXml.error.text);
    // Absent, undefined and a false `cryptex` are one.
    const plain = (value: unknown): unknown =>
      JSON.parse(
        JSON.stringify(value, (key, one: unknown) => (key === "cryptex" ? undefined : one)),
      ) as unknown;
    expect(fromJson.ok && plain(fromJson.value)).to.deep.equal(plain(fromXml.value));
    const [endpoint] = fromXml.value.endpoints;
    expect(endpoint?.forceMute).to.deep.equal({ audio: true, video: false });
    expect(endpoint?.transport?.sctp).to.deep.equal({ port: 5000, role: "server" });
    expect(endpoint?.capabilities).to.deep.equal(["source-names", "private-address-connectivity"]);
  });
});
