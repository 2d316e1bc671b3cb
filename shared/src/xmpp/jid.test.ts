import { expect } from "chai";
import {
  bareOf,
  domainOf,
  isBare,
  type Jid,
  localOf,
  parseBareJid,
  parseJid,
  resourceOf,
  withResource,
} from "./jid.ts";

describe("jid", () => {
  for (const { text, local, domain, resource, jid } of [
    { text: "a@b/c", local: "a", domain: "b", resource: "c" },
    {
      text: "Room@Conference.Example/Nick",
      local: "room",
      domain: "conference.example",
      resource: "Nick",
      jid: "room@conference.example/Nick",
    },
    { text: "b", local: undefined, domain: "b", resource: undefined },
    {
      text: "focus.meet/x@guest.meet/r1",
      local: undefined,
      domain: "focus.meet",
      resource: "x@guest.meet/r1",
    },
    { text: "ÄÖ@b", local: "äö", domain: "b", resource: undefined, jid: "äö@b" },
  ]) {
    it(`splits ${text}`, () => {
      const parsed = parseJid(text) as Jid;
      expect(parsed).to.equal(jid ?? text);
      expect([localOf(parsed), domainOf(parsed), resourceOf(parsed)]).to.deep.equal([
        local,
        domain,
        resource,
      ]);
    });
  }

  for (const text of [
    "",
    "@b",
    "a@",
    "/c",
    "a@b/",
    "a b@c",
    "a@b c",
    "a@b@c",
    "a@b/\u0000",
    `${"x".repeat(1024)}@b`,
    "a\ud800@b",
  ]) {
    it(`refuses ${JSON.stringify(text.slice(0, 20))}`, () =>
      expect(parseJid(text)).to.equal(undefined));
  }

  it("adds and removes resources", () => {
    const bare = bareOf(parseJid("a@b/c/d") as Jid);
    expect(bare).to.equal("a@b");
    expect(isBare(bare)).to.equal(true);
    expect(withResource(bare, "x@y/z")).to.equal("a@b/x@y/z");
    expect(withResource(bare, "")).to.equal(undefined);
    expect(parseBareJid("a@b/c")).to.equal(undefined);
  });
});
