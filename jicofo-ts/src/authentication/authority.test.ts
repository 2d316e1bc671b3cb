import { expect } from "chai";
import { VirtualRuntime } from "#shared/testing/virtual-runtime";
import { type Jid, parseJid } from "#shared/xmpp/jid";
import { Authority } from "./authority.ts";
import type { AuthenticationSettings } from "./settings.ts";

const settings: AuthenticationSettings = {
  type: "XMPP",
  loginDomain: "example.com",
  lifetime: 1000,
  autoLogin: true,
};

function jid(text: string): Jid {
  const parsed = parseJid(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
}

function create(more: Partial<AuthenticationSettings> = {}) {
  let ids = 0;
  const authority = new Authority({ ...settings, ...more }, () => `s${++ids}`);
  const login = (from: string, machineUid: string, now = 0, sessionId?: string, room = "r@c") =>
    authority.authenticate({ room, from: jid(from), sessionId, machineUid }, now);
  return { authority, login };
}

describe("Authority", () => {
  it("binds a session to the address that used it last", () => {
    const { authority, login } = create();
    login("ada@example.com/a", "m");
    expect(authority.isAuthenticated(jid("ada@example.com/a"))).to.equal(true);
    expect(login("guest@guest.example.com/g", "m", 0, "s1").ok).to.equal(true);
    expect(authority.isAuthenticated(jid("ada@example.com/a"))).to.equal(false);
    expect(authority.isAuthenticated(jid("guest@guest.example.com/g"))).to.equal(true);
    expect(authority.isAuthenticated(jid("guest@guest.example.com"))).to.equal(false);
    expect(authority.isAuthenticated(undefined)).to.equal(false);
  });

  it("knows an address as long as one of its sessions lasts", () => {
    const { authority, login } = create();
    login("ada@example.com/a", "m1");
    login("ada@example.com/a", "m2");
    authority.logout("s1");
    expect(authority.isAuthenticated(jid("ada@example.com/a"))).to.equal(true);
    expect(authority.logout("s2")).to.equal("ada@example.com");
    expect(authority.isAuthenticated(jid("ada@example.com/a"))).to.equal(false);
    expect(authority.logout("s2")).to.equal(undefined);
  });

  it("keeps no machine's name without end", () => {
    const { authority, login } = create();
    expect(login("ada@example.com/a", "m".repeat(1025))).to.include({ error: "no machine" });
    expect(login("ada@example.com/a", "m".repeat(1024)).ok).to.equal(true);
    expect(authority.size).to.equal(1);
  });

  it("expires what was not used for longer than the lifetime", () => {
    const { authority, login } = create();
    login("ada@example.com/a", "m", 0);
    login("bob@example.com/b", "m", 500);
    expect(authority.expire(1000)).to.equal(0);
    expect(authority.expire(1001)).to.equal(1);
    expect(authority.isAuthenticated(jid("ada@example.com/a"))).to.equal(false);
    expect(login("bob@example.com/b", "m", 1400, "s2").ok).to.equal(true);
    expect(authority.expire(2400)).to.equal(0);
    expect(authority.expire(2401)).to.equal(1);
    expect(authority.size).to.equal(0);
  });

  it("ends a conference's sessions only without automatic login", () => {
    for (const autoLogin of [true, false]) {
      const { authority, login } = create({ autoLogin });
      login("ada@example.com/a", "m", 0, undefined, "one@c");
      login("bob@example.com/b", "m", 0, undefined, "two@c");
      expect(authority.conferenceEnded("one@c")).to.equal(autoLogin ? 0 : 1);
      expect(authority.isAuthenticated(jid("bob@example.com/b"))).to.equal(true);
    }
  });

  it("drops the session unused for longest when an account has very many", () => {
    const { authority, login } = create();
    for (let n = 1; n <= 100; n++) login(`ada@example.com/${n}`, "m", n);
    login("bob@example.com/b", "m", 0);
    login("ada@example.com/1", "m", 200, "s1");
    login("ada@example.com/new", "m", 201);
    expect(authority.size).to.equal(101);
    expect(authority.isAuthenticated(jid("ada@example.com/1"))).to.equal(true);
    expect(authority.isAuthenticated(jid("ada@example.com/2"))).to.equal(false);
    expect(authority.isAuthenticated(jid("bob@example.com/b"))).to.equal(true);
  });

  it("stays true to its rules under random operations", () => {
    const { random, seed } = new VirtualRuntime();
    const { authority } = create({ autoLogin: false });
    const pick = <T>(list: readonly T[]): T => list[random.int(list.length)] as T;
    const people = ["ada@example.com/a", "bob@example.com/b", "g@guest.example.com/g", "x@evil/x"];
    const living = new Map<string, { machine: string; room: string; last: number; by: string }>();
    let now = 0;
    for (let step = 0; step < 5000; step++) {
      const from = pick(people);
      const room = pick(["one@c", "two@c"]);
      const machineUid = pick(["m1", "m2", undefined]);
      now += random.int(40);
      switch (random.int(4)) {
        case 0:
        case 1: {
          const sessionId = random.int(2) === 0 ? undefined : pick([...living.keys(), "made-up"]);
          const result = authority.authenticate(
            { room, from: jid(from), sessionId, machineUid },
            now,
          );
          const known = sessionId === undefined ? undefined : living.get(sessionId);
          const fits = known !== undefined && known.machine === machineUid;
          const member = from.includes("@example.com/") && machineUid !== undefined;
          const outsider = sessionId === undefined && !from.includes("@example.com/");
          const may = sessionId === undefined ? member || outsider : fits;
          expect(result.ok, `step ${step}, seed ${seed}`).to.equal(may);
          if (!result.ok || result.value === undefined) break;
          const old = living.get(result.value.id);
          living.set(result.value.id, {
            machine: result.value.machineUid,
            room: old?.room ?? room,
            last: now,
            by: from,
          });
          break;
        }
        case 2:
          authority.expire(now);
          for (const [id, { last }] of living) if (now - last > 1000) living.delete(id);
          break;
        default:
          if (random.int(10) > 0) break;
          authority.conferenceEnded(room);
          for (const [id, session] of living) if (session.room === room) living.delete(id);
      }
      expect(authority.size, `step ${step}, seed ${seed}`).to.equal(living.size);
      const bound = new Set([...living.values()].map(({ by }) => by));
      for (const one of people)
        expect(authority.isAuthenticated(jid(one)), `step ${step}, seed ${seed}`).to.equal(
          bound.has(one),
        );
    }
  });
});
