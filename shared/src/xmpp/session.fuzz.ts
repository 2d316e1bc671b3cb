import { FakeTransport } from "../testing/fake-xmpp-transport.ts";
import { recordingLogger } from "../testing/recording-logger.ts";
import { VirtualRuntime } from "../testing/virtual-runtime.ts";
import { parseBareJid } from "./jid.ts";
import { MucRoom } from "./muc.ts";
import { XmppSession } from "./session.ts";
import { StreamManagement } from "./stream-management.ts";
import { parseXml, xml } from "./xml.ts";

/** Stanzas, one a line; a line that begins with `!` comes as one beyond the limits. */
function conversation(input: Uint8Array): void {
  const runtime = new VirtualRuntime();
  const transport = new FakeTransport();
  const log = recordingLogger();
  const session = new XmppSession(transport, "auth.x", { name: "t" }, runtime, log);
  const name = parseBareJid("room@conference.x");
  if (name === undefined) throw new Error("not a room");
  const room = new MucRoom({
    connection: session,
    room: name,
    nick: "focus",
    runtime,
    log,
    onEvent() {},
  });
  session.start();
  transport.online();
  void room.join();
  for (const line of new TextDecoder().decode(input).split("\n")) {
    const refused = line.startsWith("!");
    const text = refused ? line.slice(1) : line;
    if (!parseXml(text, "jabber:client").ok) continue;
    if (refused) transport.receiveRefused(text);
    else transport.receive(text);
    runtime.advance(100);
  }
  if (log.messages("error").length > 0) throw new Error(log.messages("error").join("; "));
  if (session.state !== "online") throw new Error(`the session is ${session.state}`);
  for (const occupant of room.occupants.values())
    if (occupant.nick === "") throw new Error("an occupant without a nick");
}

/** Answers of the server to our counting. */
function management(input: Uint8Array): void {
  const counting = new StreamManagement();
  counting.enable();
  counting.handleEnabled(xml("enabled", { id: "x", resume: "true" }));
  for (const line of new TextDecoder().decode(input).split("\n")) {
    counting.sent("<iq/>");
    const read = parseXml(line, "urn:xmpp:sm:3");
    if (!read.ok) counting.handleStanza();
    else if (read.value.name === "resumed") counting.handleResumed(read.value);
    else if (read.value.name === "enabled") counting.handleEnabled(read.value);
    else counting.handleAnswer(read.value);
    counting.pollAsk(true);
    if (counting.unacknowledged < 0) throw new Error("acknowledged more than was sent");
  }
}

/** Any bytes: nothing is thrown, nothing is logged as our own mistake, the session stays. */
export const targets: Record<string, (input: Uint8Array) => void> = {
  "xmpp-session": conversation,
  "stream-management": management,
};

const bytes = (...lines: string[]): Uint8Array => new TextEncoder().encode(lines.join("\n"));
const user = "xmlns='http://jabber.org/protocol/muc#user'";

export const seeds: Record<string, Uint8Array[]> = {
  "xmpp-session": [
    bytes(
      `<presence from='room@conference.x/a'><x ${user}><item role='participant' jid='a@x/1'/></x></presence>`,
      `<presence from='room@conference.x/focus'><x ${user}><item role='moderator'/><status code='110'/></x></presence>`,
      `<presence from='room@conference.x/a' type='unavailable'><x ${user}><item role='none'/><status code='307'/></x></presence>`,
      "!<presence from='room@conference.x/b' type='unavailable'/>",
    ),
    bytes(
      "<iq type='set' id='1' from='room@conference.x/a'><what xmlns='urn:test'/></iq>",
      "<iq type='result' id='t-1'/>",
      "!<iq type='get' id='2' from='room@conference.x/a'/>",
      "<message from='room@conference.x' type='groupchat'><subject/></message>",
    ),
  ],
  "stream-management": [
    bytes("<a h='1'/>", "<resumed h='2' previd='x'/>", "<enabled id='y'/>", "-"),
  ],
};
