import { mkdtempSync, openSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { createRootLogger, fdSink, type RootLoggerOptions } from "./log.ts";
import { pii, redactPii } from "./pii.ts";

describe("log lines", () => {
  const at = new Date(2026, 10, 21, 9, 5, 7, 8).getTime();
  let wall = at;
  const clock = { now: () => 0, wallNow: () => wall };

  const logTo = (options: Partial<RootLoggerOptions> = {}) => {
    const lines: string[] = [];
    wall = at;
    const log = createRootLogger({ clock, sink: (line) => lines.push(line), ...options });
    return { log, lines };
  };

  const timedLog = () => {
    let now = 0;
    const lines: string[] = [];
    const log = createRootLogger({
      clock: { now: () => now, wallNow: () => now },
      sink: (line) => lines.push(line),
    });
    const advance = (ms: number): void => {
      now += ms;
    };
    return { log, lines, advance };
  };

  it("are upstream's", () => {
    const { log, lines } = logTo({ program: "JVB" });
    const conference = log.child({ conf_name: "r@c.x", meeting_id: "m" }, "Conference");
    conference.child({ epId: "ab" }).info("Created.", { size: 2, gone: undefined });
    wall += 1000;
    log.warn("No context");
    log.warn("Failed", {}, new Error("why"));
    expect(lines).to.deep.equal([
      "JVB 2026-11-21 09:05:07.008 INFO: [1] [conf_name=r@c.x meeting_id=m epId=ab size=2] Conference: Created.\n",
      "JVB 2026-11-21 09:05:08.008 WARNING: [1] Main: No context\n",
      "JVB 2026-11-21 09:05:08.008 WARNING: [1] Main: Failed\nError: why\n",
    ]);
  });

  it("leave out program and time when told so, and name the worker", () => {
    const { log, lines } = logTo({ timestamps: false, thread: 3, component: "Worker" });
    log.child({ a: 1 }).info("x");
    expect(lines).to.deep.equal(["INFO: [3] [a=1] Worker: x\n"]);
  });

  it("obey levels, by component too", () => {
    const { log, lines } = logTo({
      timestamps: false,
      level: "warn",
      levels: new Map([
        ["Loud", "trace"],
        ["Mute", "off"],
      ]),
    });
    log.info("no");
    log.warn("yes");
    const loud = log.child({}, "Loud");
    loud.debug("yes");
    log.child({}, "Mute").error("no");
    expect(lines.map((line) => line.trim())).to.deep.equal([
      "WARNING: [1] Main: yes",
      "FINE: [1] Loud: yes",
    ]);
    expect([log.enabled("info"), log.enabled("error"), loud.enabled("trace")]).to.deep.equal([
      false,
      true,
      true,
    ]);
  });

  it("show stack and causes by error or at debug, else the messages", () => {
    const cause = new TypeError("outer", { cause: new Error("inner") });
    const quiet = logTo({ timestamps: false });
    quiet.log.warn("x", {}, cause);
    expect(quiet.lines[0]).to.equal(
      "WARNING: [1] Main: x\nTypeError: outer\nCaused by: Error: inner\n",
    );
    quiet.log.error("x", {}, cause);
    expect(quiet.lines[1]).to.match(/TypeError: outer\n +at /);
    const loud = logTo({ timestamps: false, level: "debug" });
    loud.log.info("x", {}, cause);
    expect(loud.lines[0]).to.match(/TypeError: outer\n +at .*\nCaused by: Error: inner\n +at /s);
  });

  it("stay one line: control characters of peers are escaped", () => {
    const { log, lines } = logTo({ timestamps: false });
    log.info("name is a\r\nSEVERE: forged\u001b[31m", { room: "x\ny" });
    expect(lines[0]).to.equal(
      "INFO: [1] [room=x\\ny] Main: name is a\\r\\nSEVERE: forged\\u001b[31m\n",
    );
  });

  it("stay one line where an error's message or a cut name would break them (X8)", () => {
    const { log, lines } = logTo({ timestamps: false });
    log.warn("x", { room: `\u009b31m\u202e${"r".repeat(10_000)}` }, new Error("a\nSEVERE: forged"));
    expect(lines[0]).to.match(
      /^WARNING: \[1\] \[room=\\u009b31m\\u202er{495}… \(10005 characters\)\] Main: x\nError: a\\nSEVERE: forged\n$/,
    );
    log.error("x", {}, new Error("b\n    at forged (x.ts:1:1)"));
    const [, message = "", frame = ""] = (lines[1] ?? "").split("\n");
    expect(message).to.equal("Error: b\\n    at forged (x.ts:1:1)");
    expect(frame).to.match(/^ {4}at /);
    const json = logTo({ format: "json" });
    json.log.info("\u009b31m\u2028", { room: "\u007f" });
    expect(json.lines[0]).to.match(/"room":"\\u007f","msg":"\\u009b31m\\u2028"/);
  });

  it("do not follow each other faster than people can read, from one source (I9)", () => {
    const { log, lines, advance } = timedLog();
    const told = (endpoint: string) => log.info("Channel opened", { endpoint });
    for (let at = 0; at < 10_000; at++) {
      told("bad");
      advance(1);
    }
    const bad = lines.length;
    expect(bad).to.be.within(30, 10 * 10);
    told("good");
    expect(lines.length).to.equal(bad + 1);
    advance(10_000);
    told("bad");
    expect(lines.at(-1)).to.match(/endpoint=bad alike_left_out=1\d\d\]/);
    told("bad");
    expect(lines.at(-1)).not.to.contain("alike_left_out");
  });

  it("do not follow each other faster when one source provokes many kinds of them (I9)", () => {
    const { log, lines, advance } = timedLog();
    const room = log.child({ conf_name: "r@c.x" }, "Conference");
    for (let at = 0; at < 10_000; at++) {
      room.warn(`Refused for reason ${at % 12}`, { participant: "bad" });
      room.child({}, `Part${at % 7}`).info("Told", { participant: "bad" });
      advance(1);
    }
    expect(lines.length).to.be.within(50, 10 * 10);
    const before = lines.length;
    room.warn("Refused for reason 1", { participant: "good" });
    room.info("Conference ended");
    expect(lines.length).to.equal(before + 2);
    advance(60_000);
    room.warn("Refused for reason 1", { participant: "bad" });
    expect(lines.at(-1)).to.match(/alike_left_out=\d\d\d\]/);
  });

  it("of the program itself may be as many as its components have to say", () => {
    const { log, lines } = timedLog();
    for (let at = 0; at < 300; at++) log.info(`Key ${at} is not built yet`);
    expect(lines).to.have.length(300);
  });

  it("are bounded although each names another source (E14)", () => {
    const { log, lines, advance } = timedLog();
    for (let at = 0; at < 60_000; at++) {
      log.warn(`Unexpected ${at}`, { room: `r${at}` });
      advance(1);
    }
    expect(lines.length).to.be.below(1000 + 60 * 100 + 100);
    expect(lines.join("").length).to.be.below(1_000_000);
  });

  it("of a hundred people who leave at once are all there", () => {
    const { log, lines } = timedLog();
    for (let at = 0; at < 100; at++) log.info("Member left", { participant: `p${at}` });
    expect(lines).to.have.length(100);
  });

  it("are one object each as JSON", () => {
    const { log, lines } = logTo({ format: "json" });
    log.child({ conf: "c" }).error("bad\nline", { endpoint: "e" }, new Error("why"));
    const parsed = JSON.parse(lines[0] ?? "") as Record<string, string>;
    expect(parsed).to.include({ level: "SEVERE", component: "Main", conf: "c", endpoint: "e" });
    expect(parsed["msg"]).to.equal("bad\nline");
    expect(parsed["err"]).to.match(/^Error: why\n/);
    expect(lines[0]?.trimEnd()).not.to.contain("\n");
  });

  it("go to a file in one piece", () => {
    const file = join(mkdtempSync(join(tmpdir(), "log-")), "x.log");
    const sink = fdSink(openSync(file, "a"));
    sink("a\n");
    sink("ü\n");
    expect(readFileSync(file, "utf8")).to.equal("a\nü\n");
  });
});

describe("pii", () => {
  afterEach(() => redactPii(false));

  it("prints as upstream unless told to redact; then tags stay the same", () => {
    expect(pii("10.0.0.1")).to.equal("10.0.0.1");
    redactPii(true);
    expect(pii("10.0.0.1")).to.match(/^<[0-9a-f]{8}>$/);
    expect(pii("10.0.0.1")).to.equal(pii("10.0.0.1"));
    expect(pii("10.0.0.2")).not.to.equal(pii("10.0.0.1"));
  });
});
