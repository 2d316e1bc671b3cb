/** Whatever a client or a bridge puts into a Jingle request or an answer, a conference goes on. */
import { parseColibriError, parseConferenceModified } from "#shared/stanza/colibri2-reply";
import { parseJingle } from "#shared/stanza/jingle";
import { SeededRandom } from "#shared/testing/virtual-runtime";
import { parseJid } from "#shared/xmpp/jid";
import { parseXml, xml } from "#shared/xmpp/xml";
import { BridgeRegistry } from "../bridge/registry.ts";
import { readReport } from "../bridge/report.ts";
import { defaultBridgeSettings } from "../bridge/settings.ts";
import { defaultFeatures } from "../jingle/features.ts";
import { Conference } from "./conference.ts";
import { defaultConferenceConfig } from "./config.ts";
import type { ConferenceEvent, Effect } from "./events.ts";

const room = "room@conference.example.com";

/** A conference of two whose allocation awaits its answer. */
function pending(): { handle: (event: ConferenceEvent) => Effect[]; asked: Effect[] } {
  const pool = new BridgeRegistry(defaultBridgeSettings);
  pool.handleReport("brewery@x/jvb", readReport(new Map([["drain", "false"]])), 0);
  const conference = new Conference({
    room,
    config: defaultConferenceConfig,
    properties: { rtcstatsEnabled: true, startAudioMuted: undefined, startVideoMuted: undefined },
    pool,
    random: new SeededRandom(1),
  });
  const handle = (event: ConferenceEvent): Effect[] => conference.handle(event, 0);
  handle({ kind: "start" });
  handle({ kind: "joined", self: "focus@x/focus", meetingId: "m", breakout: false });
  const asked: Effect[] = [];
  for (const [index, nick] of ["ada", "bob"].entries()) {
    const occupantJid = parseJid(`${room}/${nick}`);
    if (occupantJid === undefined) break;
    const presence = xml("presence", { xmlns: "jabber:client" });
    const occupant = {
      occupantJid,
      nick,
      realJid: parseJid(`${nick}@x/y`),
      role: "participant",
      affiliation: "none",
      presence,
    } as const;
    handle({ kind: "occupant", occupant });
    asked.push(
      ...handle({ kind: "features", nick, arrival: index + 1, features: defaultFeatures }),
    );
  }
  asked.push(...handle({ kind: "features", nick: "ada", arrival: 1, features: defaultFeatures }));
  return { handle, asked };
}

const answer =
  '<conference-modified xmlns="jitsi:colibri2"><endpoint id="ada"><transport><transport xmlns="urn:xmpp:jingle:transports:ice-udp:1" ufrag="u" pwd="p"/><sctp port="5000"/></transport></endpoint></conference-modified>';

function fromClient(input: Uint8Array): void {
  const parsed = parseXml(new TextDecoder().decode(input));
  const jingle = parsed.ok ? parseJingle(parsed.value) : undefined;
  if (jingle?.ok !== true) return;
  const { handle, asked } = pending();
  let sid = "none";
  const known = parseXml(answer);
  const modified = known.ok ? parseConferenceModified(known.value) : undefined;
  for (const effect of asked) {
    if (effect.kind !== "colibri" || modified?.ok !== true) continue;
    const reply = { kind: "result", value: modified.value } as const;
    for (const next of handle({ kind: "colibriReply", tag: effect.tag, reply })) {
      if (next.kind === "jingle") sid = next.jingle.sid;
    }
  }
  const from = `${room}/ada`;
  for (let request = 0; request < 2; request++) {
    handle({ kind: "jingle", request, from, jingle: { ...jingle.value, sid } });
  }
  handle({ kind: "timer", name: "signal" });
}

function fromBridge(input: Uint8Array): void {
  const parsed = parseXml(new TextDecoder().decode(input));
  if (!parsed.ok) return;
  const { handle, asked } = pending();
  const modified = parseConferenceModified(parsed.value);
  const reply = modified.ok
    ? ({ kind: "result", value: modified.value } as const)
    : ({ kind: "error", error: parseColibriError(parsed.value) } as const);
  for (const effect of asked) {
    if (effect.kind === "colibri") handle({ kind: "colibriReply", tag: effect.tag, reply });
  }
  handle({ kind: "timer", name: "retry" });
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

export const targets: Record<string, (input: Uint8Array) => void> = { fromClient, fromBridge };

export const seeds: Record<string, Uint8Array[]> = {
  fromBridge: [
    bytes(answer),
    bytes(
      '<iq type="error"><error type="cancel"><conflict xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/><error xmlns="jitsi:colibri2" reason="conference_already_exists"/></error></iq>',
    ),
  ],
  fromClient: [
    bytes(
      '<jingle xmlns="urn:xmpp:jingle:1" action="source-add" sid="s"><content creator="responder" name="video"><description xmlns="urn:xmpp:jingle:apps:rtp:1" media="video"><source xmlns="urn:xmpp:jingle:apps:rtp:ssma:0" ssrc="1" name="ada-v0"><parameter name="msid" value="a b"/></source><source xmlns="urn:xmpp:jingle:apps:rtp:ssma:0" ssrc="2" name="ada-v0"><parameter name="msid" value="a b"/></source><ssrc-group xmlns="urn:xmpp:jingle:apps:rtp:ssma:0" semantics="FID"><source ssrc="1"/><source ssrc="2"/></ssrc-group></description></content></jingle>',
    ),
    bytes(
      '<jingle xmlns="urn:xmpp:jingle:1" action="session-terminate" sid="s"><reason><success/></reason><bridge-session xmlns="http://jitsi.org/protocol/focus" id="x" restart="true"/></jingle>',
    ),
  ],
};
