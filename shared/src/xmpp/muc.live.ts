// Rooms, discovery and occupant IQs through a real Prosody on loopback.
import { expect } from "chai";
import { realRuntime } from "../runtime/real-runtime.ts";
import { iqResult } from "../stanza/iq.ts";
import { parseEntityCaps } from "../stanza/member-presence.ts";
import { Prosody } from "../testing/prosody.ts";
import { recordingLogger } from "../testing/recording-logger.ts";
import { until } from "../testing/until.ts";
import { createXmppClient } from "./client.ts";
import type { XmppConnection } from "./connection.ts";
import { answerDisco, answerVersion, CapsCache, queryDiscoInfo } from "./disco.ts";
import { parseBareJid, parseJid } from "./jid.ts";
import { type MucEvent, MucRoom } from "./muc.ts";
import { attr, xml } from "./xml.ts";

describe("rooms of a real Prosody", function () {
  this.timeout(30_000);
  let prosody: Prosody;
  const open: XmppConnection[] = [];

  before(async () => {
    prosody = await Prosody.start();
  });
  after(async () => {
    await Promise.all(open.map((connection) => connection.stop()));
    await prosody.stop();
  });

  async function online(user: string): Promise<XmppConnection> {
    const connection = createXmppClient(
      { ...prosody.login(user), security: "disabled" },
      realRuntime,
      recordingLogger(),
    );
    open.push(connection);
    connection.start();
    await until(() => connection.state === "online");
    return connection;
  }

  function room(connection: XmppConnection, nick: string, events: MucEvent[] = []): MucRoom {
    const name = parseBareJid(`one@${prosody.mucDomain}`);
    if (name === undefined) throw new Error("not a room");
    return new MucRoom({
      connection,
      room: name,
      nick,
      runtime: realRuntime,
      log: recordingLogger(),
      onEvent: (event) => events.push(event),
    });
  }

  it("join, see each other, talk by occupant IQs, configure, kick, leave", async () => {
    const focus = await online("focus");
    const jvb = await online("jvb");
    const own = answerDisco(jvb, {
      node: "http://example/jvb",
      identities: [{ category: "client", type: "bot", name: undefined }],
      features: ["urn:x:feature", "jabber:iq:version"],
    });
    answerVersion(jvb, { name: "JVB", version: "1", os: undefined });

    const events: MucEvent[] = [];
    const a = room(focus, "focus", events);
    const joined = await a.join();
    expect(joined.kind === "joined" && joined.created).to.equal(true);
    expect(a.self?.affiliation).to.equal("owner");
    const form = await a.readConfig();
    expect(form instanceof Map && form.has("muc#roomconfig_whois")).to.equal(true);
    expect(await a.writeConfig({ "muc#roomconfig_whois": "anyone" })).to.equal(undefined);

    const bEvents: MucEvent[] = [];
    const b = room(jvb, "b1", bEvents);
    b.setPresenceExtension("c", "caps", own.caps());
    expect((await b.join()).kind).to.equal("joined");
    await until(() => a.occupants.has("b1"));
    const member = a.occupants.get("b1");
    expect(member?.realJid).to.equal(`jvb@${prosody.authDomain}/jvb`);

    const caps = member === undefined ? undefined : parseEntityCaps(member.presence);
    const cache = new CapsCache();
    const occupant = parseJid(`one@${prosody.mucDomain}/b1`);
    if (occupant === undefined) throw new Error("not an occupant");
    const info = await cache.query(focus, occupant, caps);
    expect(typeof info !== "string" && info.features).to.include("urn:x:feature");
    expect(cache.size).to.equal(1);

    jvb.handleIq({ type: "get", name: "hello", ns: "urn:x" }, ({ iq, from }) =>
      iqResult(iq, xml("hello", { xmlns: "urn:x", from })),
    );
    const reply = await focus.request(
      xml("iq", { type: "get", to: occupant }, xml("hello", { xmlns: "urn:x" })),
    );
    expect(reply.kind === "result" && attr(reply.iq, "from")).to.equal(occupant);

    b.setPresenceExtension("x", "urn:x", xml("x-info", { xmlns: "urn:x" }, "1"));
    await until(() => events.some((event) => event.kind === "presenceChanged"));

    const roomInfo = await queryDiscoInfo(focus, a.room);
    expect(typeof roomInfo !== "string" && roomInfo.forms).to.have.length(1);

    expect(await a.kick("b1", "test")).to.equal(undefined);
    await until(() => bEvents.some((event) => event.kind === "removed"));
    expect(b.joined).to.equal(false);
    expect((await b.join()).kind).to.equal("joined");
    await b.leave("bye");
    await until(() => !a.occupants.has("b1"));

    const other = room(jvb, "focus");
    const refused = await other.join();
    expect(refused.kind === "refused" && refused.error.condition).to.equal("conflict");

    await prosody.down();
    await until(() => focus.state === "connecting");
    await prosody.up();
    await until(() => events.some((event) => event.kind === "joined" && event.rejoined));
    expect(a.joined).to.equal(true);
    await a.leave();
  });
});
