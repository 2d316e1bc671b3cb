import { expect } from "chai";
import { conferenceReply, parseConferenceJson, refusalReply } from "./conference-json.ts";

const parse = (body: unknown, authorization?: string) => parseConferenceJson(body, authorization);

describe("parseConferenceJson", () => {
  it("reads every field and makes texts of scalar properties", () => {
    const body = {
      room: "R1@conference.example.com",
      sessionId: "s1",
      machineUid: "m1",
      properties: { startAudioMuted: 9, x: true, y: "z", none: null },
      unknown: 1,
    };
    const parsed = parse(body, "Bearer t1");
    expect(parsed).to.deep.equal({
      ok: true,
      value: {
        room: "r1@conference.example.com",
        from: undefined,
        sessionId: "s1",
        machineUid: "m1",
        token: "t1",
        properties: new Map([
          ["startAudioMuted", "9"],
          ["x", "true"],
          ["y", "z"],
        ]),
      },
    });
  });

  it("takes a token with or without its scheme", () => {
    const token = (header: string | undefined) => {
      const parsed = parse({ room: "a@b" }, header);
      return parsed.ok ? parsed.value.token : parsed.error;
    };
    expect([token("Bearer x"), token("x"), token(""), token(undefined)]).to.deep.equal([
      "x",
      "x",
      undefined,
      undefined,
    ]);
  });

  const refused: [name: string, body: unknown, error: RegExp][] = [
    ["no room", {}, /^XMPPError: bad-request - modify \[No 'room' specified\.\]$/],
    ["an empty room", { room: "" }, /No 'room'/],
    ["a room that is no JID", { room: "not a jid@" }, /^Invalid room name/],
    ["a room without a local part", { room: "onlydomain" }, /^Invalid room name/],
    ["a room with a resource", { room: "a@b/c" }, /^Invalid room name/],
    ["a local part with @", { room: "a@b@c" }, /^Invalid room name/],
    ["an array", [], /not a JSON object/],
    ["null", null, /not a JSON object/],
    ["a number as room", { room: 5 }, /room is not text/],
    ["properties that are no object", { room: "a@b", properties: [] }, /properties/],
    ["a property that is an object", { room: "a@b", properties: { p: {} } }, /properties/],
  ];
  for (const [name, body, error] of refused)
    it(`refuses ${name}`, () => {
      const parsed = parse(body);
      expect(parsed.ok ? "accepted" : parsed.error).to.match(error);
    });
});

describe("conferenceReply", () => {
  it("prints fields in upstream's order and leaves out what has no value", () => {
    const reply = conferenceReply({
      room: "r@c",
      focusJid: "focus@auth",
      ready: true,
      sessionId: undefined,
      identity: undefined,
      vnode: undefined,
      properties: new Map([["authentication", "false"]]),
    });
    expect(reply.status).to.equal(200);
    expect(reply.body).to.equal(
      '{"room":"r@c","ready":true,"focusJid":"focus@auth","properties":{"authentication":"false"}}',
    );
  });
});

describe("refusalReply", () => {
  const reply = (condition: string, text?: string) => {
    const { status, body } = refusalReply({
      type: "cancel",
      condition,
      text,
      application: undefined,
    });
    return [status, body];
  };
  it("maps conditions to statuses", () => {
    expect(reply("not-authorized")).to.deep.equal([403, "Error"]);
    expect(reply("not-acceptable")).to.deep.equal([400, "Bad request: 400 invalid-session"]);
    expect(reply("not-allowed", "why")).to.deep.equal([
      400,
      "Bad request: XMPPError: not-allowed - cancel [why]",
    ]);
  });
});
