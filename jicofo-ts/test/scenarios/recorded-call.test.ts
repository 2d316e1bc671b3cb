/**
 * The beginning of a call as upstream's focus, bridge and client made it (fixtures): ours, given the
 * same answers, must say the same. Trees are compared without regard to the order of attributes and
 * of siblings; the order of payload types counts.
 */
import { readFileSync } from "node:fs";
import { expect } from "chai";
import { parseConferenceModified } from "#shared/stanza/colibri2-reply";
import { buildConferenceModify } from "#shared/stanza/colibri2-request";
import { buildJingle, parseJingle } from "#shared/stanza/jingle";
import { VirtualRuntime } from "#shared/testing/virtual-runtime";
import {
  attr,
  type Element,
  elementsOf,
  namespaceOf,
  parseXml,
  textOf,
  xml,
} from "#shared/xmpp/xml";
import { BridgeRegistry } from "../../src/bridge/registry.ts";
import { readReport } from "../../src/bridge/report.ts";
import { defaultBridgeSettings } from "../../src/bridge/settings.ts";
import { Conference } from "../../src/conference/conference.ts";
import { defaultConferenceConfig } from "../../src/conference/config.ts";
import type { ConferenceEvent, Effect } from "../../src/conference/events.ts";
import { featuresOf } from "../../src/jingle/features.ts";
import { occupant } from "./fake-xmpp.ts";

const room = "one@conference.meet.rig";
/** Features of the recorded client (lib-jitsi-meet of 2026). */
const recordedFeatures = featuresOf([
  "http://jitsi.org/json-encoded-sources",
  "http://jitsi.org/remb",
  "http://jitsi.org/tcc",
  "urn:ietf:rfc:4588",
  "urn:xmpp:jingle:apps:rtp:audio",
  "urn:xmpp:jingle:apps:rtp:video",
  "urn:xmpp:jingle:transports:dtls-sctp:1",
]);

/** The payload of a recorded IQ. */
function recorded(name: string): Element {
  const text = readFileSync(new URL(`../fixtures/${name}.xml`, import.meta.url), "utf8");
  const parsed = parseXml(text.replaceAll(/>\s+</g, "><").trim(), "jabber:client");
  if (!parsed.ok) throw new Error(parsed.error);
  const payload = elementsOf(parsed.value)[0];
  if (payload === undefined) throw new Error(`${name} has no payload`);
  return payload;
}

/** Attributes that are random, or that upstream prints without meaning anything by them. */
const ignored = new Set(["xmlns", "required"]);

/** One line per element, sorted among siblings. */
function canonical(el: Element, ids: ReadonlyMap<string, string>): string {
  const attributes = Object.keys(el.attrs)
    .filter((name) => !ignored.has(name))
    .sort()
    .map((name) => {
      const value = attr(el, name) ?? "";
      return `${name}=${ids.get(value) ?? value}`;
    });
  const text =
    el.name === "json-message" ? JSON.stringify(JSON.parse(textOf(el))) : textOf(el).trim();
  const children = elementsOf(el)
    .map((child) => canonical(child, ids).replaceAll(/^/gm, "  "))
    .sort();
  return [`{${namespaceOf(el)}}${el.name} ${attributes.join(" ")} ${text}`, ...children].join("\n");
}

/** Ids of payload types in document order. */
function payloadOrder(el: Element): string[] {
  return elementsOf(el).flatMap((child) =>
    child.name === "payload-type" ? [attr(child, "id") ?? ""] : payloadOrder(child),
  );
}

function expectSame(ours: Element, theirs: Element, ids: ReadonlyMap<string, string> = new Map()) {
  expect(canonical(ours, ids)).to.equal(canonical(theirs, new Map()));
}

describe("a recorded call", () => {
  const runtime = new VirtualRuntime();
  const pool = new BridgeRegistry(defaultBridgeSettings);
  const stats = { region: "region1", drain: "false", version: "2.3" };
  pool.handleReport(
    "jvbbrewery@internal.auth.meet.rig/jvb1",
    readReport(new Map(Object.entries(stats))),
    0,
  );
  const conference = new Conference({
    room,
    config: { ...defaultConferenceConfig, sctpEnabled: false },
    properties: { rtcstatsEnabled: false, startAudioMuted: undefined, startVideoMuted: undefined },
    pool,
    random: runtime.random,
  });
  const handle = (event: ConferenceEvent): Effect[] => conference.handle(event, 0);
  const enter = (nick: string, real: string, statsId: string): Effect[] =>
    handle({
      kind: "occupant",
      occupant: occupant(
        room,
        nick,
        real,
        xml("presence", { xmlns: "jabber:client" }, xml("stats-id", {}, statsId)),
      ),
    });
  const known = (nick: string, arrival: number): Effect[] =>
    handle({ kind: "features", nick, arrival, features: recordedFeatures });
  const colibriOf = (effects: readonly Effect[]) =>
    effects.filter((effect) => effect.kind === "colibri");
  const jingleOf = (effects: readonly Effect[]) =>
    effects.filter((effect) => effect.kind === "jingle");
  const only = <T>(list: readonly T[]): T => {
    expect(list).to.have.length(1);
    return list[0] as T;
  };
  const ids = new Map<string, string>();
  let secondSid = "";

  handle({ kind: "start" });
  handle({
    kind: "joined",
    self: "focus@auth.meet.rig/focus",
    meetingId: "77bc45dc-119f-49be-8206-b0fee3c9c571",
    breakout: false,
  });
  enter("0f99324d", "li_obsol2bqvqmv_njkjgsij@meet.rig/d6VB7RXJyzCb", "Edgar-G7G");
  enter("12a666d0", "vxeutl2wjaw9kjdd-4tbk4aw@meet.rig/Tq05qgWDFBbb", "Jolie-b5L");
  const create = only(colibriOf(known("0f99324d", 1)));
  const created = parseConferenceModified(recorded("colibri2-created"));
  if (!created.ok) throw new Error(created.error.text);
  const invited = handle({
    kind: "colibriReply",
    tag: create.tag,
    reply: { kind: "result", value: created.value },
  });

  it("asks the bridge for the first participant", () => {
    const ours = buildConferenceModify(create.modify);
    const theirs = recorded("colibri2-create");
    expectSame(ours, theirs);
    expect([...payloadOrder(ours)].sort()).to.deep.equal([...payloadOrder(theirs)].sort());
  });

  it("invites it with the bridge's transport and sources", () => {
    const { jingle } = only(jingleOf(invited));
    const theirs = recorded("session-initiate");
    ids.set(jingle.sid, attr(theirs, "sid") ?? "");
    ids.set(jingle.bridgeSession?.id ?? "", "4dde1b74-65fa-4ca4-a918-376117203f84");
    const ours = buildJingle(jingle);
    expectSame(ours, theirs, ids);
    expect(payloadOrder(ours)).to.deep.equal(payloadOrder(theirs));
  });

  it("gives the bridge what the client answered", () => {
    const accept = parseJingle(recorded("session-accept"));
    if (!accept.ok) throw new Error(accept.error.text);
    const sid = only(jingleOf(invited)).jingle.sid;
    const effects = handle({
      kind: "jingle",
      request: 1,
      from: `${room}/0f99324d`,
      jingle: { ...accept.value, sid },
    });
    const update = only(colibriOf(effects));
    expectSame(buildConferenceModify(update.modify), recorded("colibri2-update"));
    expect(effects.find((effect) => effect.kind === "reply")?.fault).to.equal(undefined);
  });

  it("invites the second with the first one's sources", () => {
    const second = only(colibriOf(known("12a666d0", 2)));
    const theirs = parseJingle(recorded("session-initiate-second"));
    if (!theirs.ok) throw new Error(theirs.error.text);
    const transport = theirs.value.contents[0]?.transport;
    const effects = handle({
      kind: "colibriReply",
      tag: second.tag,
      reply: {
        kind: "result",
        value: {
          ...created.value,
          endpoints: [
            {
              id: "12a666d0",
              expire: false,
              transport: {
                iceControlling: false,
                useUniquePort: false,
                iceRestart: false,
                sctp: undefined,
                ice: transport,
              },
            },
          ],
        },
      },
    });
    const { jingle } = only(jingleOf(effects));
    ids.set(jingle.sid, theirs.value.sid);
    expectSame(buildJingle(jingle), recorded("session-initiate-second"), ids);
    secondSid = jingle.sid;
  });

  it("tells the first of the second one's sources", () => {
    const accept = parseJingle(recorded("session-accept-second"));
    if (!accept.ok) throw new Error(accept.error.text);
    handle({
      kind: "jingle",
      request: 2,
      from: `${room}/12a666d0`,
      jingle: { ...accept.value, sid: secondSid },
    });
    const { jingle, to } = only(jingleOf(handle({ kind: "timer", name: "signal" })));
    expect(to).to.equal(`${room}/0f99324d`);
    expectSame(buildJingle(jingle), recorded("source-add"), ids);
  });
});
