import { expect } from "chai";
import fc from "fast-check";
import { BridgeLiveness, type Liveness, type LivenessSettings } from "./liveness.ts";

const settings: LivenessSettings = { enabled: true, interval: 500, timeout: 3000 };

/** Bridges that answer pings 5 ms after they were sent unless they are dead or frozen. */
class World {
  now = 0;
  readonly liveness: BridgeLiveness;
  /** What was told, as `12000 jvb1 lost`. */
  readonly told: string[] = [];
  readonly states = new Map<string, Liveness>();
  readonly faults: boolean[] = [];
  /** Until when each bridge answers nothing. */
  readonly frozenUntil = new Map<string, number>();
  readonly pings = new Map<string, number>();
  #due: { readonly at: number; readonly bridge: string }[] = [];

  constructor(bridges: readonly string[], over: Partial<LivenessSettings> = {}) {
    this.liveness = new BridgeLiveness({ ...settings, ...over });
    this.liveness.handleOnline(0);
    for (const bridge of bridges) this.liveness.watch(bridge, 0);
  }

  /** From now on, for that long; the dead stay dead, and what stands still does so until the later end. */
  freeze(bridge: string, ms = Number.POSITIVE_INFINITY): void {
    this.frozenUntil.set(bridge, Math.max(this.now + ms, this.frozenUntil.get(bridge) ?? 0));
  }

  /** It answers again from now on. */
  thaw(bridge: string): void {
    this.frozenUntil.delete(bridge);
  }

  /** Passes time; `blocked`: we do nothing until it is over. */
  pass(ms: number, blocked = false): void {
    const end = this.now + ms;
    if (blocked) this.now = end;
    for (;;) {
      const timeout = this.liveness.pollTimeout() ?? Number.POSITIVE_INFINITY;
      const answer = this.#due[0]?.at ?? Number.POSITIVE_INFINITY;
      const next = Math.max(this.now, Math.min(timeout, answer));
      if (next > end) break;
      this.now = next;
      // The driver reads what the socket has before it gives time to the core.
      if (answer <= this.now) this.#answer();
      else this.#turn();
    }
    this.now = end;
  }

  hear(bridge: string): void {
    this.#note(this.liveness.handleHeard(bridge, this.now));
  }

  #turn(): void {
    const { ping, changes, ownFault } = this.liveness.handleTimeout(this.now);
    for (const bridge of ping) {
      this.pings.set(bridge, (this.pings.get(bridge) ?? 0) + 1);
      const at = Math.max(this.now, this.frozenUntil.get(bridge) ?? 0) + 5;
      if (at < Number.POSITIVE_INFINITY) this.#due.push({ at, bridge });
    }
    this.#due.sort((a, b) => a.at - b.at);
    if (ownFault !== undefined) this.faults.push(ownFault);
    this.#note(changes);
  }

  #answer(): void {
    const answer = this.#due.shift();
    if (answer === undefined) return;
    // Frozen meanwhile: it comes when that is over.
    const until = this.frozenUntil.get(answer.bridge) ?? 0;
    if (until > this.now) {
      if (until < Number.POSITIVE_INFINITY) this.#due.push({ ...answer, at: until + 5 });
      this.#due.sort((a, b) => a.at - b.at);
    } else this.#note(this.liveness.handleAnswer(answer.bridge, this.now));
  }

  #note(changes: readonly { readonly bridge: string; readonly state: Liveness }[]): void {
    for (const { bridge, state } of changes) {
      this.told.push(`${this.now} ${bridge} ${state}`);
      this.states.set(bridge, state);
    }
  }
}

describe("BridgeLiveness", () => {
  for (const phase of [0, 1, 6, 300, 500, 994, 995, 996, 999])
    it(`notices a death ${phase} ms after a ping within 3 s, and not before two losses`, () => {
      const world = new World(["jvb1", "jvb2"]);
      world.pass(10_000 + phase);
      world.freeze("jvb1");
      world.pass(3006);
      expect(world.told).to.have.length(1);
      const [at, bridge, state] = world.told[0]?.split(" ") ?? [];
      expect([bridge, state]).to.deep.equal(["jvb1", "lost"]);
      expect(Number(at)).to.be.at.least(10_000 + phase + 2500);
    });

  for (const phase of [0, 1, 6, 300, 500, 994, 995, 996, 999])
    it(`does nothing about 2 s of standstill ${phase} ms after a ping`, () => {
      const world = new World(["jvb1", "jvb2"]);
      world.pass(10_000 + phase);
      world.freeze("jvb1", 2000);
      world.pass(10_000);
      expect(world.told).to.deep.equal([]);
    });

  for (const interval of [100, 500, 1000, 2500])
    it(`pings every ${interval} ms where that is the interval, and finds a death however long it is`, () => {
      const world = new World(["jvb1", "jvb2"], { interval });
      world.pass(10_000);
      expect(world.pings.get("jvb1")).to.equal(10_000 / interval);
      world.freeze("jvb1");
      world.pass(Math.max(3006, 2 * interval + 1006));
      expect(world.told.map((line) => line.slice(line.indexOf(" ")))).to.deep.equal([" jvb1 lost"]);
    });

  it("asks nothing of a bridge that talks, and notices its death as soon", () => {
    const world = new World(["jvb1", "jvb2", "jvb3"]);
    world.pass(10_000);
    const asked = world.pings.get("jvb1");
    for (let at = 0; at < 50; at++) {
      world.liveness.handleHeard("jvb1", world.now);
      world.pass(100);
    }
    expect(world.pings.get("jvb1")).to.equal(asked);
    expect(world.pings.get("jvb2")).to.be.greaterThan(Number(asked) + 8);
    world.liveness.handleHeard("jvb1", world.now);
    world.freeze("jvb1");
    world.pass(3006);
    expect(world.told.map((line) => line.slice(line.indexOf(" ")))).to.deep.equal([" jvb1 lost"]);
  });

  it("first gives nobody new to a silent bridge, where the time-out is longer", () => {
    const world = new World(["jvb1", "jvb2"], { timeout: 8000 });
    world.pass(10_001);
    world.freeze("jvb1", 6900);
    world.pass(20_000);
    expect(world.told).to.deep.equal(["12505 jvb1 suspect", "16906 jvb1 alive"]);
    world.freeze("jvb1");
    world.pass(9000);
    expect(world.states.get("jvb1")).to.equal("lost");
  });

  it("clears a lost bridge with whatever is heard from it, and judges it again later", () => {
    const world = new World(["jvb1", "jvb2"]);
    world.pass(5000);
    world.freeze("jvb1");
    world.pass(5000);
    expect(world.states.get("jvb1")).to.equal("lost");
    world.hear("jvb1");
    expect(world.states.get("jvb1")).to.equal("alive");
    world.pass(5000);
    expect(world.states.get("jvb1")).to.equal("lost");
    world.thaw("jvb1");
    world.pass(2000);
    expect(world.states.get("jvb1")).to.equal("alive");
  });

  it("lets one of two go, and neither of two", () => {
    const world = new World(["jvb1", "jvb2"]);
    world.pass(5000);
    for (const bridge of ["jvb1", "jvb2"]) world.freeze(bridge);
    world.pass(60_000);
    expect(world.told).to.deep.equal([]);
    expect(world.faults).to.deep.equal([true]);
    for (const bridge of ["jvb1", "jvb2"]) world.thaw(bridge);
    world.hear("jvb1");
    world.hear("jvb2");
    world.pass(2000);
    expect(world.faults).to.deep.equal([true, false]);
  });

  it("says nothing of a bridge that is alone: there is nowhere to go", () => {
    const world = new World(["jvb1"]);
    world.pass(5000);
    world.freeze("jvb1");
    world.pass(60_000);
    expect(world.told).to.deep.equal([]);
  });

  it("judges the second of three when the first has been gone for a while, and never the last", () => {
    const world = new World(["jvb1", "jvb2", "jvb3"]);
    for (const bridge of ["jvb1", "jvb2", "jvb3"]) {
      world.pass(5000);
      world.freeze(bridge);
    }
    world.pass(20_000);
    expect([...world.states]).to.deep.equal([
      ["jvb1", "lost"],
      ["jvb2", "lost"],
    ]);
  });

  it("never blames all but half when our own link is dead, whatever the phases", () => {
    const names = Array.from({ length: 9 }, (_, index) => `jvb${index}`);
    for (let phase = 0; phase < 1000; phase += 50) {
      const world = new World([]);
      for (const name of names) {
        world.liveness.watch(name, world.now);
        world.pass(111);
      }
      world.pass(5000 + phase);
      for (const name of names) world.freeze(name);
      world.pass(30_000);
      expect(world.told).to.deep.equal([]);
    }
  });

  it("blames nobody after we stood still ourselves, nor after a time without connection", () => {
    const world = new World(["jvb1", "jvb2", "jvb3"]);
    world.pass(5500);
    world.pass(20_000, true);
    world.pass(5000);
    expect(world.told).to.deep.equal([]);
    world.liveness.handleOffline();
    expect(world.liveness.pollTimeout()).to.equal(undefined);
    world.pass(20_000);
    world.liveness.handleOnline(world.now);
    world.freeze("jvb1", 2000);
    world.pass(10_000);
    expect(world.told).to.deep.equal([]);
  });

  it("judges no bridge that refuses pings, but one that once answered", () => {
    const world = new World(["jvb1", "jvb2", "jvb3"]);
    world.liveness.handleRefusal("jvb1", 0);
    for (const bridge of ["jvb1", "jvb2", "jvb3"]) {
      world.freeze(bridge, bridge === "jvb3" ? 0 : undefined);
    }
    world.pass(2500);
    world.liveness.handleAnswer("jvb2", 2500);
    for (let i = 0; i < 10; i++) {
      world.pass(500);
      expect(world.liveness.handleRefusal("jvb2", world.now)).to.deep.equal([]);
    }
    expect(world.told.map((line) => line.split(" ").slice(1).join(" "))).to.deep.equal([
      "jvb2 lost",
    ]);
  });

  it("judges a bridge that refused its first ping and then answered: it knows pings after all", () => {
    const world = new World(["jvb1", "jvb2"]);
    world.freeze("jvb1", 700);
    world.pass(600);
    world.liveness.handleRefusal("jvb1", world.now);
    world.pass(10_000);
    expect(world.told).to.deep.equal([]);
    world.freeze("jvb1");
    world.pass(3006);
    expect(world.states.get("jvb1")).to.equal("lost");
  });

  it("keeps its promises whatever happens in whatever order", () => {
    const operation = fc.oneof(
      fc.record({ kind: fc.constant("pass" as const), ms: fc.integer({ min: 0, max: 4000 }) }),
      fc.record({ kind: fc.constant("freeze" as const), who: fc.nat(4), ms: fc.nat(8000) }),
      fc.record({ kind: fc.constant("kill" as const), who: fc.nat(4) }),
      fc.record({ kind: fc.constant("hear" as const), who: fc.nat(4) }),
      fc.record({ kind: fc.constant("leave" as const), who: fc.nat(4) }),
      fc.record({ kind: fc.constant("come" as const), who: fc.nat(4) }),
      fc.record({ kind: fc.constant("link" as const), up: fc.boolean() }),
      fc.record({ kind: fc.constant("block" as const), ms: fc.nat(6000) }),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
        const names = ["a", "b", "c", "d", "e"];
        const world = new World(names);
        const here = new Set(names);
        for (const one of operations) {
          const before = world.told.length;
          const name = "who" in one ? (names[one.who] as string) : "";
          if (one.kind === "pass") world.pass(one.ms);
          else if (one.kind === "freeze") world.freeze(name, one.ms);
          else if (one.kind === "kill") world.freeze(name);
          else if (one.kind === "hear") world.hear(name);
          else if (one.kind === "block") world.pass(one.ms, true);
          else if (one.kind === "leave") {
            world.liveness.forget(name);
            world.states.delete(name);
            here.delete(name);
          } else if (one.kind === "come") {
            world.liveness.watch(name, world.now);
            here.add(name);
          } else if (one.up) world.liveness.handleOnline(world.now);
          else world.liveness.handleOffline();
          const due = world.liveness.pollTimeout();
          if (due !== undefined) expect(due, "no busy loop").to.be.greaterThan(world.now - 1);
          for (const line of world.told.slice(before)) {
            const [at, bridge = "", state] = line.split(" ");
            expect(here.has(bridge) || one.kind === "leave").to.equal(true);
            // Whoever is blamed has been standing still for two intervals at least.
            const until = world.frozenUntil.get(bridge) ?? 0;
            if (state === "lost") expect(Number(at)).to.be.at.most(until + 5);
          }
          const lost = [...world.states.values()].filter((state) => state === "lost");
          if (here.size > 0 && names.every((each) => here.has(each)))
            expect(lost.length).to.be.lessThan(here.size);
        }
      }),
      { numRuns: 300 },
    );
  });
});
