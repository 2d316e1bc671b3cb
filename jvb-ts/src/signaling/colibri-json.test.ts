import { expect } from "chai";
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
});
