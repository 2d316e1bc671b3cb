import { expect } from "chai";
import { NS } from "#shared/xmpp/namespaces";
import { xml } from "#shared/xmpp/xml";
import { parseRoomMetadata } from "./room-metadata.ts";

const room = "r1@conference.example.com";

function read(json: string, attrs: Record<string, string> = { room }, type?: string) {
  const element = xml("json-message", { xmlns: NS.jitmeet, ...attrs }, json);
  return parseRoomMetadata(xml("message", type === undefined ? {} : { type }, element));
}

describe("metadata of a room", () => {
  for (const [name, json, startMuted] of [
    ["both", '{"startMuted":{"audio":true,"video":false}}', { audio: true, video: false }],
    ["one of them", '{"startMuted":{"video":true}}', { audio: false, video: true }],
    ["something else", '{"visitors":{"live":true},"future":[1]}', undefined],
    ["nothing", "{}", undefined],
  ] as const) {
    it(`J-062: says who starts muted: ${name}`, () => {
      expect(read(`{"type":"room_metadata","metadata":${json}}`)).to.deep.equal({
        room,
        startMuted,
      });
    });
  }

  it("J-063: reads the type in any case", () => {
    expect(read('{"type":"ROOM_METADATA","metadata":{}}')?.room).to.equal(room);
  });

  for (const [name, json] of [
    ["no JSON", "{"],
    ["JSON that is no object", "[]"],
    ["no type", '{"metadata":{}}'],
    ["another type", '{"type":"av_moderation","metadata":{}}'],
    ["no metadata", '{"type":"room_metadata"}'],
    ["metadata that is no object", '{"type":"room_metadata","metadata":[1]}'],
    ["a key twice", '{"type":"room_metadata","metadata":{},"metadata":{"startMuted":{}}}'],
  ] as const) {
    it(`J-063: ignores ${name}`, () => expect(read(json)).to.equal(undefined));
  }

  it("J-062: ignores a message without room, with another payload, or of another type", () => {
    const json = '{"type":"room_metadata","metadata":{}}';
    expect(read(json, {})).to.equal(undefined);
    expect(read(json, { room: "no address@" })).to.equal(undefined);
    expect(read(json, { room }, "error")).to.equal(undefined);
    expect(read(json, { room }, "groupchat")).to.equal(undefined);
    expect(read(json, { room }, "normal")?.room).to.equal(room);
    expect(parseRoomMetadata(xml("message", {}, xml("body", {}, json)))).to.equal(undefined);
  });
});
