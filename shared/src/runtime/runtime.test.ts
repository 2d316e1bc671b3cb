import { expect } from "chai";
import { recordingLogger } from "../testing/recording-logger.ts";
import { VirtualRuntime } from "../testing/virtual-runtime.ts";
import { Bug, describe as describeValue } from "./bug.ts";
import { Mailbox } from "./mailbox.ts";
import { realRuntime } from "./real-runtime.ts";
import { createShutdown, type ProcessPort } from "./shutdown.ts";

describe("mailbox", () => {
  it("never enters a handler twice and keeps the order", () => {
    const seen: string[] = [];
    let depth = 0;
    const mailbox: Mailbox<number> = new Mailbox<number>({
      name: "m",
      log: recordingLogger(),
      handle(event) {
        expect(++depth).to.equal(1);
        seen.push(`in ${event}`);
        if (event < 3) mailbox.post(event + 10);
        seen.push(`out ${event}`);
        depth--;
      },
    });
    mailbox.post(1);
    mailbox.post(5);
    expect(seen).to.deep.equal(["in 1", "out 1", "in 11", "out 11", "in 5", "out 5"]);
  });

  it("logs a bug with its event, tells, and goes on", () => {
    const log = recordingLogger();
    const bugs: unknown[] = [];
    const done: number[] = [];
    const mailbox: Mailbox<{ n: number }> = new Mailbox<{ n: number }>({
      name: "conference x",
      log,
      handle({ n }) {
        if (n === 1) mailbox.post({ n: 2 });
        if (n === 1) throw new Bug("broken");
        done.push(n);
      },
      onBug: (_cause, event) => bugs.push(event),
    });
    mailbox.post({ n: 1 });
    expect(log.messages("error")).to.deep.equal(['Bug in conference x while handling {"n":1}']);
    expect(bugs).to.deep.equal([{ n: 1 }]);
    expect(done).to.deep.equal([2]);
  });

  it("drops everything once closed, from inside too", () => {
    const seen: number[] = [];
    const mailbox: Mailbox<number> = new Mailbox<number>({
      name: "m",
      log: recordingLogger(),
      handle(event) {
        seen.push(event);
        mailbox.post(9);
        mailbox.close();
      },
    });
    mailbox.post(1);
    mailbox.post(2);
    expect(seen).to.deep.equal([1]);
    expect(mailbox.length).to.equal(0);
  });

  it("takes many events posted from one handler", () => {
    let count = 0;
    const mailbox: Mailbox<number> = new Mailbox<number>({
      name: "m",
      log: recordingLogger(),
      handle(event) {
        count++;
        if (event === 0) for (let at = 1; at <= 5000; at++) mailbox.post(at);
      },
    });
    mailbox.post(0);
    expect(count).to.equal(5001);
  });
});

describe("bug", () => {
  it("says what an exhaustive switch met", () => {
    const event = { kind: "new", bytes: new Uint8Array(3), big: 5n } as never;
    const bug = new Bug(event);
    expect(bug.message).to.equal('impossible value {"kind":"new","bytes":"<3 bytes>","big":"5"}');
    expect(bug.code).to.equal("impossible-value");
  });

  it("describes anything", () => {
    const cycle: Record<string, unknown> = {};
    cycle["self"] = cycle;
    expect(describeValue(cycle)).to.equal("[unprintable]");
    expect(describeValue(undefined)).to.equal("undefined");
    expect(describeValue("x".repeat(1000))).to.have.length(500);
  });
});

describe("shutdown", () => {
  function setUp(options: { hang?: boolean; deadlineMs?: number } = { deadlineMs: 1000 }) {
    const runtime = new VirtualRuntime();
    const listeners = new Map<string, (...args: unknown[]) => void>();
    const exits: number[] = [];
    const port: ProcessPort = {
      on: (event, listener) => listeners.set(event, listener),
      removeListener: (event) => listeners.delete(event),
      exit: (code) => void exits.push(code),
    };
    const log = recordingLogger();
    const shutdown = createShutdown({
      runtime,
      log,
      process: port,
      ...(options.deadlineMs === undefined ? {} : { deadlineMs: options.deadlineMs }),
    });
    const stopped: string[] = [];
    shutdown.onStop("a", () => void stopped.push("a"));
    shutdown.onStop("b", () =>
      options.hang === true ? new Promise(() => {}) : Promise.reject(new Error("b")),
    );
    shutdown.onStop("gone", () => void stopped.push("gone"))();
    shutdown.onStop("c", () => void stopped.push("c"));
    shutdown.listen();
    const raise = (event: string, value?: unknown): void => listeners.get(event)?.(value);
    return { runtime, shutdown, stopped, exits, log, port, raise };
  }

  for (const [signal, code] of [
    ["SIGTERM", 143],
    ["SIGINT", 130],
    ["SIGHUP", 129],
  ] as const) {
    it(`${signal} stops in reverse order and exits with ${code}`, async () => {
      const { stopped, exits, raise, runtime, shutdown, log, port } = setUp();
      raise(signal);
      expect(port.exitCode).to.equal(code);
      expect(shutdown.stopping).to.equal(true);
      await runtime.advanceAsync(1);
      expect(stopped).to.deep.equal(["c", "a"]);
      expect(exits).to.deep.equal([code]);
      expect(log.messages("error")).to.deep.equal(["Stopping b failed"]);
      expect(log.messages("info")).to.deep.equal([`Stopping: ${signal}`, "Stopped"]);
      expect(runtime.pendingTimers).to.equal(0);
    });
  }

  it("R23: ends at the deadline, and at once on a second signal", async () => {
    const late = setUp({ hang: true, deadlineMs: 1000 });
    late.raise("SIGTERM");
    await late.runtime.advanceAsync(1000);
    expect(late.exits).to.deep.equal([143]);
    const twice = setUp({ hang: true });
    twice.raise("SIGTERM");
    twice.raise("SIGINT");
    expect(twice.exits).to.deep.equal([130]);
  });

  it("R23: whatever hangs, a stop takes less than 5 s", async () => {
    const { raise, runtime, exits } = setUp({ hang: true });
    raise("SIGTERM");
    await runtime.advanceAsync(4900);
    expect(exits).to.deep.equal([143]);
  });

  it("exits with 70 after an uncaught error", async () => {
    const { exits, raise, runtime, log } = setUp();
    raise("uncaughtException", new Error("x"));
    await runtime.advanceAsync(1);
    expect(exits).to.deep.equal([70]);
    expect(log.messages("error")[0]).to.equal("Uncaught error");
  });
});

describe("real runtime", () => {
  it("goes forward, fires timers and draws numbers in range", async () => {
    const { clock, timers, random } = realRuntime;
    const start = clock.now();
    const keepAlive = setTimeout(() => {}, 1000);
    await new Promise<void>((resolve) => void timers.after(5, resolve));
    clearTimeout(keepAlive);
    expect(clock.now() - start).to.be.greaterThan(3);
    expect(Math.abs(clock.wallNow() - Date.now())).to.be.lessThan(100);
    let fired = false;
    timers
      .after(0, () => {
        fired = true;
      })
      .cancel();
    timers.after(2 ** 40, () => {
      fired = true;
    });
    await new Promise<void>((resolve) => setImmediate(resolve));
    expect(fired).to.equal(false);
    expect(random.bytes(5)).to.have.length(5);
    const drawn = Array.from({ length: 1_000 }, () => random.bytes(16));
    expect(new Set(drawn.map((each) => Buffer.from(each).toString("hex")))).to.have.length(1_000);
    expect(random.bytes(100_000)).to.have.length(100_000);
    for (let at = 0; at < 100; at++) {
      expect(random.int(3)).to.be.within(0, 2);
      expect(random.float()).to.be.within(0, 1 - Number.EPSILON);
    }
  });
});
