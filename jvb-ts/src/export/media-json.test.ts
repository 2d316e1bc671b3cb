import { expect } from "chai";
import {
  infoEvent,
  mediaEvent,
  parsePeerEvent,
  pingEvent,
  sessionEndEvent,
  sourcesEvent,
  startEvent,
} from "./media-json.ts";

describe("media JSON", () => {
  const start = {
    sequenceNumber: 7,
    tag: 'a"b-a0',
    endpointId: "a",
    parameters: [
      { name: "minptime", value: "10" },
      { name: undefined, value: "x" },
    ],
    diarize: false,
  };

  it("writes numbers as strings where the peer expects them (B-150)", () => {
    expect(JSON.parse(startEvent(start))).to.deep.equal({
      event: "start",
      sequenceNumber: "7",
      start: {
        tag: 'a"b-a0',
        mediaFormat: {
          encoding: "opus",
          sampleRate: 48_000,
          channels: 2,
          parameters: { minptime: "10" },
        },
        customParameters: { endpointId: "a" },
      },
    });
    expect(JSON.parse(mediaEvent(8, '"t"', 65_540, 960, "AQID", 30, true))).to.deep.equal({
      event: "media",
      sequenceNumber: "8",
      media: {
        tag: "t",
        chunk: "65540",
        timestamp: "960",
        payload: "AQID",
        audioLevel: 30,
        vad: true,
      },
    });
    const bare = JSON.parse(mediaEvent(8, '"t"', 1, 2, "AQID", -1, false)) as { media: object };
    expect(bare.media).to.have.all.keys("tag", "chunk", "timestamp", "payload");
  });

  it("asks for voices to be told apart only where that was asked (B-149)", () => {
    expect(startEvent(start)).not.to.contain("diarize");
    const asked = JSON.parse(startEvent({ ...start, diarize: true })) as { start: object };
    expect(asked.start).to.include({ diarize: true });
  });

  it("writes what goes with it", () => {
    expect(sourcesEvent(["a"], [])).to.equal('{"event":"sources","exports":["a"],"requests":[]}');
    expect(infoEvent("2.3", undefined)).to.equal(
      '{"event":"info","application":"jitsi-videobridge","version":"2.3"}',
    );
    expect(pingEvent(3)).to.equal('{"event":"ping","id":3}');
    expect(sessionEndEvent()).to.equal('{"event":"session-end"}');
  });

  const said = (value: unknown): unknown => {
    const parsed = parsePeerEvent(typeof value === "string" ? value : JSON.stringify(value));
    return parsed.ok ? parsed.value : parsed.error;
  };

  it("reads what a peer says", () => {
    expect(said({ event: "pong", id: 4 })).to.deep.equal({ kind: "pong", id: 4 });
    const transcript = { event: "transcription-result", transcript: [{ text: "hi" }] };
    expect(said(transcript)).to.deep.equal({ kind: "transcript", event: transcript });
    const media = { tag: "x", chunk: "65537", timestamp: "4294967297", payload: "AQI=" };
    expect(said({ event: "media", sequenceNumber: "1", media, more: 1 })).to.deep.equal({
      kind: "media",
      tag: "x",
      seq: 1,
      timestamp: 1,
      payload: Buffer.from([1, 2]),
    });
    for (const sending of [true, false]) {
      const event = sending ? "start" : "stop";
      expect(said({ event, [event]: { tag: "x", timestamp: 2 ** 32 + 5 } })).to.deep.equal({
        kind: "sending",
        sending,
        tag: "x",
        timestamp: 5,
      });
      expect(said({ event, [event]: { tag: "x" } })).to.deep.equal({
        kind: "sending",
        sending,
        tag: "x",
        timestamp: undefined,
      });
    }
    expect(said({ event: "info", application: "r" })).to.deep.equal({
      kind: "info",
      application: "r",
    });
    expect(said({ event: "session-end" })).to.deep.equal({ kind: "other" });
  });

  const media = { tag: "x", chunk: "1", timestamp: "1", payload: "AQI=" };
  for (const [name, bad] of [
    ["no JSON", "{"],
    ["a list", []],
    ["null", "null"],
    ["no event", {}],
    ["a pong without id", { event: "pong" }],
    ["media without media", { event: "media" }],
    ["media without tag", { event: "media", media: { ...media, tag: 1 } }],
    ["a chunk that is no number", { event: "media", media: { ...media, chunk: "0x1" } }],
    ["a time that is a fraction", { event: "media", media: { ...media, timestamp: 1.5 } }],
    ["a payload that is no base64", { event: "media", media: { ...media, payload: "\u0000" } }],
    ["start without tag", { event: "start", start: {} }],
    ["a start at no time", { event: "start", start: { tag: "x", timestamp: "soon" } }],
  ] as const)
    it(`refuses ${name}`, () => {
      const text = typeof bad === "string" ? bad : JSON.stringify(bad);
      expect(parsePeerEvent(text).ok).to.equal(false);
    });
});
