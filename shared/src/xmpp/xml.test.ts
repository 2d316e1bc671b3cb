import { expect } from "chai";
import type { Element } from "./xml.ts";
import {
  attr,
  childOf,
  childText,
  detached,
  namespaceOf,
  parseXml,
  sameTree,
  serialise,
  textOf,
  XmlStreamParser,
  xml,
} from "./xml.ts";

function read(text: string, ns?: string): Element {
  const result = parseXml(text, ns);
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

describe("xml", () => {
  it("writes what it reads, namespaces declared only where they change", () => {
    const text =
      '<iq id="a&quot;b"><jingle xmlns="urn:j" sid="1"><content xmlns="urn:j" name="x"/><t xmlns="urn:t">1 &lt; 2 &amp; 3</t></jingle></iq>';
    expect(serialise(read(text))).to.equal(text.replace('<content xmlns="urn:j"', "<content"));
  });

  it("rewrites prefixed elements to default namespaces", () => {
    const el = read("<j:a xmlns:j='urn:j' xmlns='urn:d' j:gone='1' xml:lang='en'><b/><j:c/></j:a>");
    expect(serialise(el)).to.equal('<a xmlns="urn:j" xml:lang="en"><b xmlns="urn:d"/><c/></a>');
    expect(namespaceOf(childOf(el, "b", "urn:d") as Element)).to.equal("urn:d");
  });

  for (const { name, text } of [
    { name: "nothing", text: "" },
    { name: "text only", text: "abc" },
    { name: "an open element", text: "<a><b/>" },
    { name: "crossed tags", text: "<a><b></a></b>" },
    { name: "two roots", text: "<a/><b/>" },
    { name: "an unknown entity", text: "<a>&nbsp;</a>" },
    { name: "a half entity", text: "<a>&am</a>" },
    { name: "a forbidden character reference", text: "<a>&#0;</a>" },
    { name: "a comment", text: "<a><!-- x --></a>" },
    { name: "a DTD", text: "<!DOCTYPE a><a/>" },
    { name: "a processing instruction", text: "<a><?php x?></a>" },
    { name: "an attribute twice", text: "<a b='1' b='2'/>" },
    { name: "an attribute without value", text: "<a b/>" },
    { name: "an unquoted attribute", text: "<a b=1/>" },
    { name: "a '<' in an attribute", text: "<a b='<'/>" },
    { name: "an undeclared prefix", text: "<x:a/>" },
    { name: "a bad name", text: "<1a/>" },
    { name: "too deep a tree", text: "<a>".repeat(65) + "</a>".repeat(65) },
  ]) {
    it(`refuses ${name}`, () => expect(parseXml(text).ok).to.equal(false));
  }

  it("reads the same however the stream is cut", () => {
    const text =
      "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='urn:s' id='1'> " +
      "<iq id='é&amp;\"' type='set'><a xmlns='urn:a'>x &lt;&#x1F600;<![CDATA[<raw> ]] ]]>y</a></iq>\n<presence/></stream:stream>";
    const whole = collect(text, text.length);
    expect(whole).to.have.length(4);
    for (let size = 1; size < 40; size++) expect(collect(text, size)).to.deep.equal(whole);
  });

  it("reads a long stanza in linear time", () => {
    const json = JSON.stringify(Array.from({ length: 20_000 }, (_, i) => ({ s: i, n: "a-v0" })));
    const text = serialise(xml("iq", {}, xml("json-message", { xmlns: "urn:j" }, json)));
    expect(text.length).to.be.greaterThan(400_000);
    const seen = collect(`<s xmlns='jabber:client'>${text}`, 1000);
    expect(seen[1]).to.have.length(text.length);
  });

  it("refuses a stanza that never ends", () => {
    const parser = new XmlStreamParser({ start() {}, element() {}, end() {} }, 1000);
    let fault = parser.push("<s><iq>");
    for (let i = 0; i < 200 && fault === undefined; i++) fault = parser.push("<a>text</a>");
    expect(fault).to.equal("stanza too long");
  });

  it("keeps characters XML cannot carry out of the stream", () => {
    const el = xml("a", { b: "\u0000\ud800" }, "x\u0007y");
    expect(attr(el, "b")).to.equal("\ufffd\ufffd");
    expect(textOf(el)).to.equal("x\ufffdy");
  });

  it("does not take built-in members for attributes", () => {
    expect(attr(read("<a __proto__='x'/>"), "constructor")).to.equal(undefined);
  });

  it("finds inherited namespaces and keeps them when detached", () => {
    const el = read("<iq><a xmlns='urn:a'><b>t</b></a></iq>", "jabber:client");
    const a = childOf(el, "a", "urn:a") as Element;
    expect(childText(a, "b")).to.equal("t");
    const b = detached(childOf(a, "b") as Element);
    expect(serialise(b)).to.equal('<b xmlns="urn:a">t</b>');
    expect(sameTree(b, childOf(a, "b") as Element)).to.equal(true);
    expect(sameTree(read("<a x='1' y='2'/>"), read("<a y='2' x='1'/>"))).to.equal(true);
    expect(sameTree(read("<a x='1'/>"), read("<a x='2'/>"))).to.equal(false);
  });
});

function collect(text: string, size: number): string[] {
  const out: string[] = [];
  const parser = new XmlStreamParser({
    start: (root) => out.push(`start ${root.name}`),
    element: (el) => out.push(serialise(el, "jabber:client")),
    end: () => out.push("end"),
  });
  for (let at = 0; at < text.length; at += size) {
    const fault = parser.push(text.slice(at, at + size));
    if (fault !== undefined) throw new Error(fault);
  }
  return out;
}
