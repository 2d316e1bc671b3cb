import { type Element, elementsOf, parseXml } from "../xmpp/xml.ts";
import { parseColibriStats } from "./colibri-stats.ts";
import { parseColibriError, parseConferenceModified } from "./colibri2-reply.ts";
import { parseConferenceModify } from "./colibri2-request.ts";
import { encodeCompactSources, parseCompactSources } from "./compact-sources.ts";
import { parseConferenceRequest, parseConferenceResponse } from "./conference-request.ts";
import { parseForm } from "./data-form.ts";
import { capsVersion, parseDiscoInfo } from "./disco-info.ts";
import { buildJingle, parseJingle } from "./jingle.ts";
import { parseJsonMessage } from "./json-message.ts";
import { parseEntityCaps, parseMemberPresence } from "./member-presence.ts";
import { parseMucUser } from "./muc-user.ts";
import { parseMute } from "./mute.ts";
import { parseSourceInfo } from "./source-info.ts";
import { parseStanzaError } from "./stanza-error.ts";
import { parseTraceParent } from "./trace-parent.ts";

const utf8 = new TextDecoder();

/** A target for a parser of payloads: tried on the root and on each of its children. */
function element(parse: (el: Element) => unknown): (input: Uint8Array) => void {
  return (input) => {
    const document = parseXml(utf8.decode(input), "jabber:client");
    if (!document.ok) return;
    parse(document.value);
    for (const child of elementsOf(document.value)) parse(child);
  };
}

/** Any bytes are a value or a fault. */
export const targets: Record<string, (input: Uint8Array) => void> = {
  jingle: element((el) => {
    const jingle = parseJingle(el);
    if (!jingle.ok) return;
    const again = parseJingle(buildJingle(jingle.value));
    if (!again.ok) throw new Error(`cannot read back: ${again.error.text}`);
  }),
  "colibri2-request": element(parseConferenceModify),
  "colibri2-reply": element(parseConferenceModified),
  "colibri2-error": element(parseColibriError),
  "colibri-stats": element(parseColibriStats),
  "conference-request": element(parseConferenceRequest),
  "conference-response": element(parseConferenceResponse),
  "data-form": element(parseForm),
  "disco-info": element((el) => capsVersion(parseDiscoInfo(el))),
  "json-message": element(parseJsonMessage),
  "member-presence": element(parseMemberPresence),
  "muc-user": element(parseMucUser),
  mute: element(parseMute),
  "entity-caps": element(parseEntityCaps),
  "trace-parent": element(parseTraceParent),
  "stanza-error": element(parseStanzaError),
  "source-info": (input) => {
    parseSourceInfo(utf8.decode(input));
  },
  "compact-sources": (input) => {
    const sources = parseCompactSources(utf8.decode(input));
    if (!sources.ok || sources.value === undefined) return;
    const again = parseCompactSources(encodeCompactSources(sources.value));
    if (!again.ok) throw new Error(`cannot read back: ${again.error.text}`);
  },
};

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

export const seeds: Record<string, Uint8Array[]> = {
  jingle: [
    bytes(
      "<jingle xmlns='urn:xmpp:jingle:1' action='source-add' sid='s'><content name='video'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='video'><payload-type id='100' name='VP8' clockrate='90000'><parameter name='a' value='b'/></payload-type><source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='77'/><ssrc-group xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' semantics='FID'><source ssrc='77'/></ssrc-group></description><transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='u' pwd='p'><candidate component='1' ip='1.2.3.4' port='1' priority='1' protocol='udp' type='host'/></transport></content></jingle>",
    ),
  ],
  "colibri2-request": [
    bytes(
      "<conference-modify xmlns='jitsi:colibri2' meeting-id='m' create='true'><endpoint id='a'><media type='audio'/><transport><sctp/></transport><sources><media-source type='audio' id='a-a0'/></sources><initial-last-n value='1'/></endpoint><connects><connect url='ws://x/' protocol='mediajson' type='recorder'><ping interval='1' timeout='1'/></connect></connects></conference-modify>",
    ),
  ],
  "source-info": [bytes('{"a-v0":{"muted":false,"videoType":"desktop"}}')],
  "compact-sources": [
    bytes('{"sources":{"a":[[{"s":1,"n":"a-v0","m":"x y","v":"d"}],[["f",1,2]],[{"s":3}]]}}'),
  ],
};
