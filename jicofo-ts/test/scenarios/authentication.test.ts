import { expect } from "chai";
import { pii } from "#shared/logging/pii";
import { NS } from "#shared/xmpp/namespaces";
import { attr, childOf, xml } from "#shared/xmpp/xml";
import { guest, room, SecureWorld, user } from "./authentication-world.ts";
import { jid } from "./fake-xmpp.ts";

function conferenceFor(address: string) {
  return xml("conference", { xmlns: NS.focus, room: address, "machine-uid": "m1" });
}

/** A room that Ada opened from machine m1, and the session she was given. */
async function opened(authentication?: string) {
  const world = new SecureWorld(authentication);
  const { sessionId } = await world.ask(user, { machine: "m1" });
  if (sessionId === undefined) throw new Error("no session");
  return { world, sessionId };
}

describe("a secure domain: the ten cases of upstream", () => {
  it("J-027, case 1: refuses a guest a room that does not exist", async () => {
    const world = new SecureWorld();
    const answer = await world.ask(guest, { machine: "m1" });
    expect(answer).to.include({ refused: "not-authorized", text: "not authorized user domain" });
    expect(world.jicofo.focus.rooms()).to.deep.equal([]);
    expect(world.rooms.size).to.equal(0);
  });

  it("J-028, case 2: opens a room for a user and says who that is", async () => {
    const world = new SecureWorld();
    const answer = await world.ask(user, { machine: "m1" });
    expect(answer).to.include({ refused: undefined, ready: true, identity: "ada@example.com" });
    expect(answer.sessionId).to.match(/^[0-9a-f-]{36}$/);
    expect(answer.properties).to.include({ authentication: "true", externalAuth: "false" });
  });

  it("J-029, case 3: lets a guest into a room that exists, without a session", async () => {
    const { world } = await opened();
    const answer = await world.ask(guest, { machine: "m2" });
    expect(answer).to.include({ ready: true, sessionId: undefined, identity: undefined });
  });

  it("J-030, case 4: opens a room for a guest who has a session", async () => {
    const { world, sessionId } = await opened();
    const other = "two@conference.example.com";
    const answer = await world.ask(guest, { session: sessionId, machine: "m1" }, other);
    expect(answer).to.include({ ready: true, sessionId, identity: "ada@example.com" });
  });

  it("J-031, case 5: refuses an unknown session, also where the room exists", async () => {
    const { world } = await opened();
    const answer = await world.ask(guest, { session: "made-up", machine: "m1" });
    expect(answer).to.include({ refused: "not-acceptable", text: "invalid session" });
    expect(answer.sessionInvalid).to.equal(true);
  });

  it("J-032, case 6: refuses a session on another machine", async () => {
    const { world, sessionId } = await opened();
    for (const where of [room, "two@conference.example.com"]) {
      const answer = await world.ask(guest, { session: sessionId, machine: "m2" }, where);
      expect(answer).to.include({ refused: "not-acceptable", sessionInvalid: false });
      expect(answer.text).to.equal("machine UID mismatch or empty");
    }
  });

  it("J-032, case 7: refuses a user who shows somebody else's session", async () => {
    const { world, sessionId } = await opened();
    const answer = await world.ask("bob@example.com/x", { session: sessionId, machine: "m2" });
    expect(answer.refused).to.equal("not-acceptable");
  });

  it("J-032, case 8: refuses a session without a machine", async () => {
    const { world, sessionId } = await opened();
    for (const machine of [undefined, ""]) {
      const answer = await world.ask(guest, { session: sessionId, machine });
      expect(answer.refused).to.equal("not-acceptable");
    }
  });

  it("J-033, case 9: refuses a user without a machine", async () => {
    const world = new SecureWorld();
    for (const machine of [undefined, "", " "]) {
      const answer = await world.ask(user, { machine });
      expect(answer.refused).to.equal("not-acceptable");
      expect(answer.text).to.equal("Missing mandatory attribute 'machine-uid'");
    }
    expect(world.rooms.size).to.equal(0);
  });

  it("J-034, case 10: gives a user a session for each machine", async () => {
    const { world, sessionId } = await opened();
    const answer = await world.ask(user, { machine: "m2" });
    expect(answer.sessionId).to.match(/^[0-9a-f-]{36}$/);
    expect(answer.sessionId).not.to.equal(sessionId);
    expect((await world.ask(guest, { session: sessionId, machine: "m1" })).ready).to.equal(true);
  });
});

describe("a secure domain: owners", () => {
  it("J-054: makes users owners and guests not, whoever comes first", async () => {
    const { world } = await opened();
    await world.ask(guest, { machine: "m2" });
    await world.enter(guest, "gus");
    await world.enter(user, "ada");
    expect(world.roomOf().granted).to.deep.equal(["ada@example.com"]);
    await world.leave("ada");
    await world.enter("another@guest.example.com/y", "gil");
    expect(world.roomOf().granted).to.deep.equal(["ada@example.com"]);
  });

  it("J-054: makes a guest owner who logs in while in the room", async () => {
    const { world } = await opened();
    await world.enter(guest, "gus");
    await world.pass(1000);
    expect(world.roomOf().granted).to.deep.equal([]);
    // The page logs in over a second connection and repeats its request with the session.
    const login = await world.ask("bob@example.com/login", { machine: "m2" });
    await world.ask(guest, { session: login.sessionId, machine: "m2" });
    expect(world.roomOf().granted).to.deep.equal(["1a2b3c@guest.example.com"]);
  });

  it("goes by the whole address, not by the account", async () => {
    const { world } = await opened();
    await world.enter("ada@example.com/another-page", "ada2");
    expect(world.roomOf().granted).to.deep.equal([]);
    await world.enter(user, "ada");
    expect(world.roomOf().granted).to.deep.equal(["ada@example.com"]);
  });

  it("grants nothing to a member whose address the room hides, nor twice to an owner", async () => {
    const { world } = await opened();
    const hall = world.roomOf();
    await world.enter(user, "ada");
    const ada = hall.occupants.get("ada");
    if (ada === undefined) throw new Error("Ada is there");
    hall.put({ ...ada, nick: "shadow", realJid: undefined });
    // One whom the server makes owner by itself, as it does with administrators.
    const bob = jid("bob@example.com/x");
    await world.ask(bob, { machine: "m2" });
    hall.put({ ...ada, nick: "bob", realJid: bob, affiliation: "owner" });
    await world.pass(5);
    expect(hall.granted).to.deep.equal(["ada@example.com"]);
  });

  it("says in the debug state who decides about owners", async () => {
    const { world } = await opened();
    const state = world.jicofo.focus.debugState(room, true);
    expect(state?.["chat_room_role_manager"]).to.deep.equal({ class: "AuthenticationRoleManager" });
  });
});

describe("a secure domain: sessions", () => {
  const idle =
    "{ enabled = true, type = XMPP, login-url = example.com, authentication-lifetime = 2 minutes }";
  const other = "two@conference.example.com";

  it("end when they were not used for their lifetime", async () => {
    const { world, sessionId } = await opened(idle);
    for (let minute = 0; minute < 4; minute++) {
      await world.pass(60_000);
      expect((await world.ask(guest, { session: sessionId, machine: "m1" })).refused).to.equal(
        undefined,
      );
    }
    await world.pass(131_000);
    expect((await world.ask(guest, { session: sessionId, machine: "m1" })).sessionInvalid).to.equal(
      true,
    );
  });

  it("take the right to open rooms with them", async () => {
    const { world } = await opened(idle);
    await world.ask(guest, { machine: "m2" });
    await world.pass(140_000);
    expect((await world.ask(guest, { machine: "m2" }, other)).refused).to.equal("not-authorized");
  });

  it("outlive their conference with automatic login, and do not without", async () => {
    for (const [autoLogin, refused] of [
      [true, undefined],
      [false, "not-acceptable"],
    ] as const) {
      const { world, sessionId } = await opened(
        `{ enabled = true, type = XMPP, login-url = example.com, enable-auto-login = ${autoLogin} }`,
      );
      await world.pass(20_000);
      expect(world.jicofo.focus.has(room)).to.equal(false);
      const again = await world.ask(guest, { session: sessionId, machine: "m1" });
      expect(again.refused).to.equal(refused);
    }
  });

  it("J-038: end with a logout, by IQ also through the proxy", async () => {
    const { world, sessionId } = await opened();
    const logout = (id: string) => xml("logout", { xmlns: NS.focus, "session-id": id });
    const strange = await world.send(guest, logout("made-up"));
    expect(childOf(childOf(strange, "error") ?? strange, "session-invalid", NS.focus)).not.to.equal(
      undefined,
    );
    const done = await world.send(`focus.example.com/${guest}`, logout(sessionId));
    expect(attr(done, "type")).to.equal("result");
    expect(childOf(done, "logout", NS.focus)?.attrs).to.deep.equal({ xmlns: NS.focus });
    const said = world.log.lines.find(({ message }) => message === "Logged out");
    expect(said?.context).to.deep.equal({ identity: pii("ada@example.com") });
    expect((await world.ask(guest, { session: sessionId, machine: "m1" })).sessionInvalid).to.equal(
      true,
    );
    expect((await world.ask(guest, { machine: "m1" }, other)).refused).to.equal("not-authorized");
  });

  it("J-037: are found under the address of the login page", async () => {
    const world = new SecureWorld();
    const where = (attributes: Readonly<Record<string, string>>) =>
      world.send(guest, xml("login-url", { xmlns: NS.focus, ...attributes }));
    const answer = await where({ room, "machine-uid": "m1" });
    expect(childOf(answer, "login-url", NS.focus)?.attrs["url"]).to.equal(".%2Fone%3Flogin%3Dtrue");
    const condition = async (attributes: Readonly<Record<string, string>>) => {
      const error = childOf(await where(attributes), "error");
      return error && childOf(error, "not-acceptable", NS.stanzas)
        ? "not-acceptable"
        : error && childOf(error, "bad-request", NS.stanzas) && "bad-request";
    };
    expect(await condition({ "machine-uid": "m1" })).to.equal("not-acceptable");
    expect(await condition({ room })).to.equal("bad-request");
    expect(await condition({ room, "machine-uid": " " })).to.equal("bad-request");
  });
});

describe("a secure domain: tokens", () => {
  const jwt =
    "{ enabled = true, type = JWT, login-url = example.com, authentication-lifetime = 24 hours }";

  it("J-036: says that the login is elsewhere and gives no address of it", async () => {
    const { world } = await opened(jwt);
    const answer = await world.ask(user, { machine: "m1" });
    expect(answer.properties).to.include({ authentication: "true", externalAuth: "true" });
    const login = await world.send(
      guest,
      xml("login-url", { xmlns: NS.focus, room, "machine-uid": "m1" }),
    );
    expect(attr(login, "type")).to.equal("result");
    expect(childOf(login, "login-url", NS.focus)?.attrs).to.deep.equal({ xmlns: NS.focus });
  });

  it("J-036: keeps a session for one minute, whatever the lifetime, and no longer than its conference", async () => {
    const first = await opened(jwt);
    await first.world.enter(user, "ada");
    await first.world.pass(71_000);
    const late = await first.world.ask(guest, { session: first.sessionId, machine: "m1" });
    expect(late.sessionInvalid).to.equal(true);
    const second = await opened(jwt);
    await second.world.pass(16_000);
    const over = await second.world.ask(guest, { session: second.sessionId, machine: "m1" });
    expect(over.sessionInvalid).to.equal(true);
  });

  it("does not believe a token it is shown: that is the server's part", async () => {
    const world = new SecureWorld(jwt);
    const payload = xml("conference", { xmlns: NS.focus, room, "machine-uid": "m1" });
    const claims = Buffer.from(JSON.stringify({ context: { user: { id: "ada" } } }));
    payload.attrs["token"] = `e30.${claims.toString("base64url")}.x`;
    expect(childOf(await world.send(guest, payload), "error")).not.to.equal(undefined);
    expect(world.rooms.size).to.equal(0);
  });
});

describe("a secure domain: breakout rooms", () => {
  it("J-039: lets anybody into rooms of the breakout component", async () => {
    const world = new SecureWorld();
    await world.pass(100);
    const answer = await world.ask(guest, { machine: "m1" }, "b1@breakout.example.com");
    expect(answer).to.include({ ready: true, sessionId: undefined });
    expect(answer.properties).to.include({ authentication: "true" });
    const bold = await world.ask(guest, { machine: "m1" }, "breakout.example.com@evil.example.com");
    expect(bold.refused).to.equal("not-authorized");
  });

  it("J-039: lets a guest return to the main room of a breakout room", async () => {
    const world = new SecureWorld();
    await world.pass(100);
    world.prepareRoom = (hall) => {
      if (hall.room.endsWith("@breakout.example.com"))
        hall.form = new Map([
          ["muc#roominfo_isbreakout", ["1"]],
          ["muc#roominfo_breakout_main_room", [room]],
        ]);
    };
    expect((await world.ask(guest, { machine: "m1" })).refused).to.equal("not-authorized");
    await world.ask(guest, { machine: "m1" }, "b1@breakout.example.com");
    expect((await world.ask(guest, { machine: "m1" })).ready).to.equal(true);
    const other = await world.ask(guest, { machine: "m1" }, "two@conference.example.com");
    expect(other.refused).to.equal("not-authorized");
  });
});

describe("a secure domain: HTTP requests, which prove no sender", () => {
  it("J-023: refuses a new room with 403, session or not, and starts nothing", async () => {
    const { world, sessionId } = await opened();
    const two = "two@conference.example.com";
    for (const more of [{}, { machineUid: "m1" }, { sessionId, machineUid: "m1" }]) {
      const reply = await world.post({ room: two, ...more });
      expect(reply).to.include({ status: 403, body: "Error" });
    }
    expect(world.jicofo.focus.rooms()).to.deep.equal([room]);
  });

  it("admits to a room that exists, with the session's identity where there is one", async () => {
    const { world, sessionId } = await opened();
    const plain = await world.post({ room, machineUid: "m2" });
    expect(plain.status).to.equal(200);
    expect(JSON.parse(String(plain.body))).to.deep.include({
      ready: true,
      properties: { authentication: "true", externalAuth: "false", "visitors-supported": "false" },
    });
    const known = await world.post({ room, sessionId, machineUid: "m1" });
    expect(JSON.parse(String(known.body))).to.include({ sessionId, identity: "ada@example.com" });
  });

  it("J-023: answers a session that is not its own with 400 and the words that clients look for", async () => {
    const { world, sessionId } = await opened();
    for (const more of [
      { sessionId: "made-up", machineUid: "m1" },
      { sessionId, machineUid: "m2" },
      { sessionId },
    ]) {
      const reply = await world.post({ room, ...more });
      expect(reply.status).to.equal(400);
      expect(reply.body).to.match(/^Bad request: .*400 invalid-session/);
    }
  });
});

describe("a secure domain: intruders", () => {
  /** Nobody of the login domain sent any of these, and no room exists. */
  const strangers: readonly (readonly [string, string])[] = [
    ["an anonymous guest", guest],
    ["a user of another domain", "ada@example.com.evil.example/x"],
    ["a user of a domain below", "ada@sub.example.com/x"],
    ["a domain in a resource", "guest@guest.example.com/ada@example.com/page"],
    [
      "a guest whose name looks like the proxy",
      "focus.example.com@guest.example.com/ada@example.com/x",
    ],
    ["a user of the proxy's own domain", "somebody@focus.example.com/ada@example.com/page"],
    ["a host like the proxy", "focus.example.com.evil.example/ada@example.com/page"],
    ["another component", "conference.example.com/ada@example.com/page"],
    ["a member of a room named like a user", "lobby@conference.example.com/ada@example.com"],
    ["the proxy on behalf of a guest", `focus.example.com/${guest}`],
    ["the proxy on behalf of nobody", "focus.example.com"],
    ["the proxy with a resource that is no address", "focus.example.com/@example.com"],
  ];
  for (const [name, from] of strangers)
    it(`opens no room for ${name}`, async () => {
      const world = new SecureWorld();
      for (const asking of [{}, { machine: "m1" }]) {
        expect((await world.ask(from, asking)).refused).to.equal("not-authorized");
      }
      expect((await world.ask(from, { machine: "m1", session: "s" })).sessionInvalid).to.equal(
        true,
      );
      expect(world.rooms.size).to.equal(0);
      const refusals = world.log.lines.filter((line) => line.message.startsWith("Refused"));
      expect(refusals).to.have.length(3);
    });

  it("J-012: believes the configured proxy, and answers it", async () => {
    const world = new SecureWorld();
    const answer = await world.ask(`focus.example.com/${user}`, { machine: "m1" });
    expect(answer).to.include({ ready: true, identity: "ada@example.com" });
    expect(attr(answer.element, "to")).to.equal(`focus.example.com/${user}`);
    await world.enter(user, "ada");
    expect(world.roomOf().granted).to.deep.equal(["ada@example.com"]);
  });

  it("believes at the component who the server says it is, and nobody inside", async () => {
    const world = new SecureWorld();
    const asking = { machine: "m1" };
    for (const from of [guest, `focus.example.com/${user}`, `evil.example/${user}`]) {
      const answer = await world.ask(from, asking, room, world.component);
      expect(answer.refused, from).to.equal("not-authorized");
    }
    const opened = await world.ask(user, asking, room, world.component);
    expect(opened).to.include({ ready: true, identity: "ada@example.com" });
    const logout = xml("logout", { xmlns: NS.focus, "session-id": opened.sessionId });
    expect(attr(await world.send(user, logout, world.component), "type")).to.equal("result");
  });

  it("makes nobody owner who only says so", async () => {
    const { world, sessionId } = await opened();
    await world.ask(guest, { session: sessionId, machine: "guessed" });
    await world.ask(guest, { session: sessionId.replace(/.$/, "x"), machine: "m1" });
    await world.ask(`evil.example/${user}`, { machine: "m1" });
    await world.enter(guest, "ada@example.com");
    await world.enter("evil.example/ada@example.com/page", "eve");
    expect(world.roomOf().granted).to.deep.equal([]);
  });

  it("keeps a room open to guests only as long as it lasts", async () => {
    const { world } = await opened();
    await world.enter(user, "ada");
    expect((await world.ask(guest, { machine: "m2" })).ready).to.equal(true);
    await world.leave("ada");
    expect((await world.ask(guest, { machine: "m2" })).refused).to.equal("not-authorized");
  });

  it("keeps at most a hundred sessions of one account", async () => {
    const { world, sessionId } = await opened();
    await world.pass(10);
    for (let n = 0; n < 99; n++) await world.ask(user, { machine: `n${n}` });
    expect((await world.ask(guest, { session: sessionId, machine: "m1" })).ready).to.equal(true);
    await world.ask(user, { machine: "one more" });
    expect((await world.ask(guest, { session: sessionId, machine: "m1" })).ready).to.equal(true);
    const first = await world.ask("bob@example.com/x", { machine: "m1" });
    expect(first.sessionId).to.be.a("string");
  });
});

describe("a secure domain: a user who asks for too many rooms", () => {
  it("keeps the session while being told to wait", async () => {
    const world = new SecureWorld();
    const answers: ReturnType<typeof world.connection.deliver>[] = [];
    const askFor = (rooms: number) => {
      for (let n = 0; n < rooms; n++) {
        const address = `r${answers.length}@conference.example.com`;
        answers.push(world.connection.deliver(user, conferenceFor(address)));
      }
    };
    // A thousand rooms at once, and 50 a second from then on; requests may be twice as many.
    askFor(1000);
    await world.pass(500);
    askFor(40);
    await world.pass(20_000);
    const last = childOf((await answers.at(-1)) ?? xml("iq"), "conference", NS.focus);
    expect(last?.attrs).to.include({ ready: "false", identity: "ada@example.com" });
  });
});

describe("an open domain", () => {
  it("is open, and answers neither login nor logout", async () => {
    for (const off of ["{ enabled = false, type = XMPP, login-url = x }", "{ enabled = true }"]) {
      const world = new SecureWorld(off);
      const answer = await world.ask(guest);
      expect(answer).to.include({ ready: true, sessionId: undefined });
      expect(answer.properties["authentication"]).to.equal("false");
      expect(answer.properties).not.to.have.property("externalAuth");
      expect(await world.connection.deliver(guest, xml("logout", { xmlns: NS.focus }))).to.equal(
        undefined,
      );
    }
  });
});
