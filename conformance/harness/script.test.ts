import { expect } from "chai";
import { parseXml } from "#shared/xmpp/xml";
import { type Captures, fill, matchElement, matchJson } from "./match.ts";
import { parseScript, ScriptError } from "./script.ts";

function element(text: string) {
  const parsed = parseXml(text);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
}

describe("conversations", () => {
  it("are read with their steps, ids and lines", () => {
    const text = [
      "# A title [B-001, B-002]",
      "bridge get:",
      "  <a/>",
      "answers error:",
      "  <b/>",
      "http focus POST /x",
      "  Content-Type: text/plain",
      "  body",
      "status 404",
    ].join("\n");
    const [only] = parseScript("f.txt", text);
    expect(only?.ids).to.deep.equal(["B-001", "B-002"]);
    expect(only?.steps).to.deep.equal([
      { kind: "iq", from: "tester", to: "bridge", type: "get", payload: "<a/>", line: 2 },
      { kind: "answer", type: "error", patterns: "<b/>", line: 4 },
      {
        kind: "http",
        to: "focus",
        method: "POST",
        path: "/x",
        headers: { "Content-Type": "text/plain" },
        body: "body",
        line: 6,
      },
      { kind: "status", status: 404, line: 9 },
    ]);
  });

  it("know presence, rooms, texts, keys and waits", () => {
    const text = [
      "# T [X-001]",
      "enter r@x",
      "presence of focus:",
      "  <a/>",
      "bridge account set:",
      "  <a/>",
      "  <b/>",
      "answers error",
      "says No *",
      "wait 20 ms",
      "json keys: a b",
      "  c",
      "no body",
      "guest enters r@x",
      "invited:",
      "  <j/>",
      "guest to focus set:",
      "  <a/>",
      "presence of guest:",
      "  <a/>",
    ].join("\n");
    expect(parseScript("f.txt", text)[0]?.steps).to.deep.equal([
      { kind: "enter", who: "tester", room: "r@x", line: 2 },
      { kind: "presence", to: "focus", patterns: "<a/>", line: 3 },
      {
        kind: "iq",
        from: "tester",
        to: "bridge account",
        type: "set",
        payload: "<a/>\n<b/>",
        line: 5,
      },
      { kind: "answer", type: "error", patterns: "", line: 8 },
      { kind: "says", text: "No *", line: 9 },
      { kind: "wait", milliseconds: 20, line: 10 },
      { kind: "keys", keys: ["a", "b", "c"], line: 11 },
      { kind: "no body", line: 13 },
      { kind: "enter", who: "guest", room: "r@x", line: 14 },
      { kind: "invited", patterns: "<j/>", line: 15 },
      { kind: "iq", from: "guest", to: "focus", type: "set", payload: "<a/>", line: 17 },
      { kind: "presence", to: "guest", patterns: "<a/>", line: 19 },
    ]);
  });

  it("with a step that nobody knows are refused with the line", () => {
    expect(() => parseScript("f.txt", "# T [J-001]\nstatsu 200")).to.throw(ScriptError, "f.txt:2");
  });
});

describe("patterns", () => {
  const cases = [
    {
      name: "a subset fits",
      pattern: "<a x='1'><c/></a>",
      actual: "<a x='1' y='2'><b/><c/></a>",
      fits: true,
    },
    { name: "a missing attribute does not", pattern: "<a x='1'/>", actual: "<a/>", fits: false },
    { name: "another value does not", pattern: "<a x='1'/>", actual: "<a x='2'/>", fits: false },
    {
      name: "a missing child does not",
      pattern: "<a><c/></a>",
      actual: "<a><b/></a>",
      fits: false,
    },
    {
      name: "the same child twice needs two",
      pattern: "<a><c/><c/></a>",
      actual: "<a><c/></a>",
      fits: false,
    },
    { name: "any value fits *", pattern: "<a x='*'/>", actual: "<a x='2'/>", fits: true },
    {
      name: "an empty value does not fit *",
      pattern: "<a x='*'/>",
      actual: "<a x=''/>",
      fits: false,
    },
    {
      name: "another namespace does not fit",
      pattern: "<a xmlns='n'/>",
      actual: "<a xmlns='m'/>",
      fits: false,
    },
    {
      name: "an absent child that is there does not fit",
      pattern: "<a><absent name='b'/></a>",
      actual: "<a><b/></a>",
      fits: false,
    },
    {
      name: "a child absent from one namespace may be there in another",
      pattern: "<a><absent name='b' in='n'/></a>",
      actual: "<a><b xmlns='m'/></a>",
      fits: true,
    },
    { name: "a beginning fits", pattern: "<a x='ab*'/>", actual: "<a x='abc'/>", fits: true },
    {
      name: "another beginning does not",
      pattern: "<a x='b*'/>",
      actual: "<a x='abc'/>",
      fits: false,
    },
    {
      name: "equal captures fit",
      pattern: "<a><b x='{v}'/><c x='{v}'/></a>",
      actual: "<a><b x='1'/><c x='1'/></a>",
      fits: true,
    },
    {
      name: "unequal captures do not",
      pattern: "<a><b x='{v}'/><c x='{v}'/></a>",
      actual: "<a><b x='1'/><c x='2'/></a>",
      fits: false,
    },
  ];
  for (const { name, pattern, actual, fits } of cases) {
    it(name, () => {
      const difference = matchElement(element(pattern), element(actual), new Map());
      expect(difference === undefined, difference).to.equal(fits);
    });
  }

  it("JSON fits by the keys that are named", () => {
    expect(matchJson({ a: "*", b: { c: 1 } }, { a: 5, b: { c: 1, d: 2 } }, new Map())).to.equal(
      undefined,
    );
    expect(matchJson({ a: { b: 1 } }, { a: { b: 2 } }, new Map())).to.contain("$.a.b");
  });

  it("what is sent is filled with fresh and captured values", () => {
    const captures: Captures = new Map([["old", "o"]]);
    expect(fill("{new:x} {x} {old}", captures, () => "f")).to.equal("f f o");
  });
});
