// A secure domain on a real Prosody with the real program: users with accounts, anonymous guests.
import { expect } from "chai";
import { realRuntime } from "#shared/runtime/real-runtime";
import { iqRequest } from "#shared/stanza/iq";
import { Prosody } from "#shared/testing/prosody";
import { recordingLogger } from "#shared/testing/recording-logger";
import { until } from "#shared/testing/until";
import { createXmppComponent } from "#shared/xmpp/component";
import type { XmppConnection } from "#shared/xmpp/connection";
import { NS } from "#shared/xmpp/namespaces";
import { attr, childOf, type Element, elementsOf, xml } from "#shared/xmpp/xml";
import { login, type Server } from "./live/live-connection.ts";
import { LiveFocus } from "./live/live-focus.ts";

interface Asked {
  readonly room: string;
  readonly machine?: string;
  readonly session?: string | undefined;
}

function conference({ room, machine, session }: Asked): Element {
  const attributes = { xmlns: NS.focus, room, "machine-uid": machine, "session-id": session };
  return xml("conference", attributes);
}

describe("a secure domain on a real Prosody", function () {
  this.timeout(30_000);
  let prosody: Prosody;
  let focus: LiveFocus;
  let ada: XmppConnection;
  let guest: XmppConnection;
  const connections: XmppConnection[] = [];
  /** Affiliation of each occupant as the guest sees it. */
  const affiliations = new Map<string, string>();
  let rooms = 0;
  const newRoom = () => `room${++rooms}@${prosody.mucDomain}`;

  const kept = (connection: XmppConnection): XmppConnection => {
    connections.push(connection);
    return connection;
  };
  /** `from`: what the sender claims to be. */
  const ask = async (who: XmppConnection, asked: Asked, from?: string): Promise<Element> => {
    const iq = iqRequest("set", `focus@${prosody.authDomain}/focus`, conference(asked));
    if (from !== undefined) iq.attrs["from"] = from;
    const reply = await who.request(iq, 5000);
    if (reply.kind !== "result" && reply.kind !== "error") throw new Error(reply.kind);
    return reply.iq;
  };
  const condition = (answer: Element): string | undefined =>
    elementsOf(childOf(answer, "error") ?? xml("error"))[0]?.name;
  const sessionOf = (answer: Element): string | undefined => {
    const payload = childOf(answer, "conference", NS.focus);
    return payload && attr(payload, "session-id");
  };
  const post = (asked: Readonly<Record<string, string | undefined>>): Promise<Response> =>
    fetch(`http://127.0.0.1:${focus.httpPort}/conference-request/v1`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(asked),
    });
  const enter = (who: XmppConnection, room: string, nick: string) =>
    who.send(xml("presence", { to: `${room}/${nick}` }, xml("x", { xmlns: NS.muc })));

  before(async () => {
    prosody = await Prosody.start({ users: ["ada", "bob"] });
    focus = await LiveFocus.start(
      prosody,
      `jicofo.authentication { enabled = true, type = XMPP, login-url = ${prosody.usersDomain} }
jicofo.xmpp.client.client-proxy = proxy.${prosody.domain}`,
      /No bridge can take participants/,
    );
    ada = kept(await login(users(prosody), "ada"));
    guest = kept(await login(prosody));
    guest.onStanza((stanza) => {
      const item = childOf(childOf(stanza, "x", NS.mucUser) ?? stanza, "item");
      if (stanza.name === "presence" && item !== undefined)
        affiliations.set(attr(stanza, "from") ?? "", attr(item, "affiliation") ?? "");
    });
  });
  after(async () => {
    await Promise.all(connections.map((one) => one.stop()));
    await focus?.stop();
    await prosody?.stop();
  });
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(focus?.output);
  });

  it("opens no room for an anonymous user, by IQ or HTTP, whatever it claims to be", async () => {
    const room = newRoom();
    expect(condition(await ask(guest, { room, machine: "m" }))).to.equal("not-authorized");
    expect(condition(await ask(guest, { room }))).to.equal("not-authorized");
    const invented = { room, machine: "m", session: "00000000-0000-4000-8000-000000000000" };
    expect(condition(await ask(guest, invented))).to.equal("not-acceptable");
    expect((await post({ room, machineUid: "m" })).status).to.equal(403);
    expect((await post({ room, machineUid: "m", sessionId: "s" })).status).to.equal(400);
    expect(await focus.get("/debug/conferences")).to.deep.equal([]);
    // Nor does the server let it in where there is no room.
    enter(guest, room, "gus");
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect([...affiliations.keys()].filter((one) => one.startsWith(room))).to.deep.equal([]);
  });

  it("opens no room for a forged sender", async () => {
    const room = newRoom();
    const forger = kept(await login(prosody));
    const claims = [
      `ada@${prosody.usersDomain}/page`,
      `proxy.${prosody.domain}/ada@${prosody.usersDomain}/page`,
    ];
    // The server puts the true address there.
    for (const claim of claims)
      expect(condition(await ask(forger, { room, machine: "m" }, claim))).to.equal(
        "not-authorized",
      );
    expect(await focus.get("/debug/conferences")).to.deep.equal([]);
  });

  it("believes no address inside another but that of the configured proxy", async () => {
    const room = newRoom();
    const component = kept(
      createXmppComponent(prosody.componentLogin(), realRuntime, recordingLogger()),
    );
    component.start();
    await until(() => component.state === "online");
    const claim = `${prosody.componentDomain}/ada@${prosody.usersDomain}/page`;
    const refused = await ask(component, { room, machine: "m" }, claim);
    expect(condition(refused)).to.equal("not-authorized");
    expect(await focus.get("/debug/conferences")).to.deep.equal([]);
  });

  it("opens a room for a user, who becomes owner; a guest follows and does not", async () => {
    const room = newRoom();
    const opened = await ask(ada, { room, machine: "m1" });
    expect(attr(childOf(opened, "conference", NS.focus) ?? opened, "identity")).to.equal(
      `ada@${prosody.usersDomain}`,
    );
    const session = sessionOf(opened);
    expect(condition(await ask(guest, { room, machine: "m2" }))).to.equal(undefined);
    enter(guest, room, "gus");
    enter(ada, room, "ada");
    await until(() => affiliations.get(`${room}/ada`) === "owner");
    expect(affiliations.get(`${room}/gus`)).to.equal("none");
    // Neither a session on another machine nor a plain member's own word changes that.
    const stolen = await ask(guest, { room, machine: "m2", session });
    expect(condition(stolen)).to.equal("not-acceptable");
    const mute = xml("mute", { xmlns: NS.muteAudio, jid: `${room}/ada` }, "true");
    const muted = await guest.request(iqRequest("set", `${room}/focus`, mute), 5000);
    expect(muted.kind).to.equal("error");
    const promote = xml(
      "query",
      { xmlns: "http://jabber.org/protocol/muc#admin" },
      xml("item", { affiliation: "owner", jid: guest.jid?.split("/")[0] }),
    );
    expect((await guest.request(iqRequest("set", room, promote), 5000)).kind).to.equal("error");
    expect(affiliations.get(`${room}/gus`)).to.equal("none");
    // With a login of its own it becomes owner while it is there.
    const bob = kept(await login(users(prosody), "bob"));
    const own = sessionOf(await ask(bob, { room, machine: "m2" }));
    expect(condition(await ask(guest, { room, machine: "m2", session: own }))).to.equal(undefined);
    await until(() => affiliations.get(`${room}/gus`) === "owner");
    // And until it logs out it opens rooms.
    const next = newRoom();
    expect(condition(await ask(guest, { room: next, machine: "m2", session: own }))).to.equal(
      undefined,
    );
    const logout = xml("logout", { xmlns: NS.focus, "session-id": own });
    const out = await guest.request(iqRequest("set", `focus@${prosody.authDomain}/focus`, logout));
    expect(out.kind).to.equal("result");
    expect(condition(await ask(guest, { room: newRoom(), machine: "m2" }))).to.equal(
      "not-authorized",
    );
  });
});

/** Where people with accounts log in. */
function users({ c2sPort, domain, usersDomain }: Prosody): Server {
  return { c2sPort, domain, authDomain: usersDomain };
}
