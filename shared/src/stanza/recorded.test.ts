// Stanzas that upstream's focus, bridge and client really sent (fixtures/recorded.xml): what we
// read and write again must say the same.
import { readFileSync } from "node:fs";
import { expect } from "chai";
import type { Result } from "../runtime/result.ts";
import { NS } from "../xmpp/namespaces.ts";
import {
  attr,
  childOf,
  type Element,
  elementsOf,
  isElement,
  namespaceOf,
  parseXml,
  textOf,
} from "../xmpp/xml.ts";
import { parseColibriStats } from "./colibri-stats.ts";
import {
  buildConferenceModified,
  colibriErrorReply,
  parseColibriError,
  parseConferenceModified,
} from "./colibri2-reply.ts";
import { buildConferenceModify, parseConferenceModify } from "./colibri2-request.ts";
import {
  buildConferenceRequest,
  parseConferenceRequest,
  parseConferenceResponse,
} from "./conference-request.ts";
import { buildDiscoInfo, capsVersion, parseDiscoInfo } from "./disco-info.ts";
import { buildJingle, parseJingle } from "./jingle.ts";
import { parseMemberPresence } from "./member-presence.ts";
import { buildMute, parseMute } from "./mute.ts";
import { parseStanzaError } from "./stanza-error.ts";

const recorded = read(readFileSync(new URL("fixtures/recorded.xml", import.meta.url), "utf8"));
const stanzas = elementsOf(recorded);

function read(text: string): Element {
  const result = parseXml(text);
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

function payloads(name: string, ns: string): Element[] {
  return stanzas.flatMap(elementsOf).filter((el) => isElement(el, name, ns));
}

/** Defaults that peers may print or leave out, and what we do not keep. */
const silent: Readonly<Record<string, readonly string[]>> = {
  "payload-type": ["channels=1"],
  source: ["videoType=camera"],
  content: ["creator=responder"],
};

/** Elements nobody on the focus's leg knows; they are ignored (A1.1). */
const unknown = ["foo", "source-frame-height"];

/** A text that is the same for trees that mean the same: attributes and children sorted. */
function canonical(el: Element): string {
  const dropped = silent[el.name] ?? [];
  const attrs = Object.entries(el.attrs)
    .filter(([key]) => key !== "xmlns")
    .map(([key, value]) => `${key}=${value}`)
    .filter((text) => !dropped.includes(text))
    .sort();
  const children = elementsOf(el)
    .filter(({ name }) => !unknown.includes(name))
    .map(canonical)
    .sort();
  const text = children.length === 0 ? canonicalText(textOf(el).trim()) : "";
  return `<${el.name} ${namespaceOf(el) ?? ""} ${attrs.join(" ")}>${text}${children.join("")}</>`;
}

function canonicalText(text: string): string {
  return text.startsWith("{") ? JSON.stringify(JSON.parse(text)) : text;
}

function value<T>(result: Result<T, unknown>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

function same(built: Element, original: Element): void {
  const context = read(`<x xmlns='${namespaceOf(original)}'/>`);
  built.parent = context;
  expect(canonical(built)).to.equal(canonical(original));
}

describe("recorded stanzas", () => {
  for (const el of payloads("jingle", NS.jingle)) {
    const action = attr(el, "action") ?? "(no action)";
    it(`jingle ${action} ${attr(el, "sid") ?? ""}`, () => {
      const jingle = parseJingle(el);
      if (["(no action)", "", "made-up"].includes(action)) {
        expect(jingle.ok).to.equal(false);
        return;
      }
      same(buildJingle(value(jingle)), el);
    });
  }
  for (const el of payloads("conference-modify", NS.colibri2)) {
    it(`conference-modify ${elementsOf(el)
      .map(({ name }) => name)
      .join(" ")}`, () => {
      const request = parseConferenceModify(el);
      // Errors repeat only the root of what they refuse; bad requests were recorded too.
      if (!request.ok && elementsOf(el).length === 0) return;
      same(buildConferenceModify(value(request)), el);
    });
  }
  for (const el of payloads("conference-modified", NS.colibri2)) {
    it(`conference-modified ${elementsOf(el)
      .map(({ name }) => name)
      .join(" ")}`, () => same(buildConferenceModified(value(parseConferenceModified(el))), el));
  }
  for (const el of payloads("conference", NS.focus)) {
    it(`conference ${attr(el, "ready") ?? "request"}`, () => {
      if (attr(el, "ready") === undefined)
        same(buildConferenceRequest(value(parseConferenceRequest(el))), el);
      else expect(value(parseConferenceResponse(el)).focusJid).to.equal("focus@auth.meet.rig");
    });
  }
  for (const media of ["audio", "video", "desktop"]) {
    for (const el of payloads("mute", `${NS.jitmeet}/${media}`)) {
      it(`mute ${media}`, () => same(buildMute(value(parseMute(el))), el));
    }
  }
  for (const el of payloads("query", NS.discoInfo)) {
    it(`disco#info ${attr(el, "node") ?? ""}`, () => {
      const info = parseDiscoInfo(el);
      const node = attr(el, "node");
      if (info.forms.length === 0) same(buildDiscoInfo(info, node), el);
      if (node !== undefined && info.features.length > 0) {
        expect(capsVersion(info)).to.equal(node.split("#").at(-1));
      }
    });
  }

  it("holds what the tests above need", () => {
    expect(payloads("jingle", NS.jingle).length).to.be.greaterThan(20);
    expect(payloads("conference-modify", NS.colibri2).length).to.be.greaterThan(5);
    expect(payloads("conference-modified", NS.colibri2).length).to.be.greaterThan(2);
    expect(payloads("conference", NS.focus).length).to.be.greaterThan(1);
  });

  it("errors", () => {
    const errors = stanzas.filter((el) => attr(el, "type") === "error");
    expect(errors.length).to.be.greaterThan(2);
    for (const el of errors) {
      const error = parseStanzaError(el);
      const first = elementsOf(childOf(el, "error") as Element)[0] as Element;
      expect(error.condition).to.equal(first.name);
      if (elementsOf(childOf(el, "error") as Element).some(({ name }) => name === "text")) {
        expect(error.text).to.be.a("string");
      }
    }
    const colibri = errors.filter((el) => childOf(el, "conference-modify", NS.colibri2));
    for (const el of colibri) {
      const error = parseColibriError(el);
      const request = read(
        `<iq id='${attr(el, "id")}' from='${attr(el, "to")}'>${"<conference-modify xmlns='jitsi:colibri2'/>"}</iq>`,
      );
      expect(parseColibriError(colibriErrorReply(request, error))).to.deep.equal(error);
    }
  });

  it("presence of clients and bridges", () => {
    const members = stanzas.filter((el) => childOf(el, "SourceInfo") !== undefined);
    expect(members.length).to.be.greaterThan(0);
    for (const el of members) {
      const presence = parseMemberPresence(el);
      expect(presence.sourceInfoInvalid).to.equal(false);
      expect(presence.statsId).to.be.a("string");
      expect(presence.videoCodecs).to.include("vp8");
      expect(presence.caps?.node).to.equal("https://jitsi.org/jitsi-meet");
    }
    const bridges = stanzas.flatMap((el) => parseColibriStats(el) ?? []);
    expect(bridges.length).to.be.greaterThan(0);
    expect(bridges[0]?.get("stress_level")).to.be.a("string");
  });
});
