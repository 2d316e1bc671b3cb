import { expect } from "chai";
import { logFaults, processesOf } from "./log-faults.ts";

const line = (at: string, text: string) => `JVB 2026-11-21 16:15:${at} INFO: [1] ${text}`;

describe("faults in logs", () => {
  it("finds none in an ordinary log", () => {
    const text = [
      line("01.000", "[conf=a endpoint=b] Worker: ice connected"),
      line("02.000", "Bridge: Stopping: SIGTERM"),
    ].join("\n");
    expect(logFaults(text, ["hunter2"])).to.deep.equal([]);
  });

  it("finds severe lines and bugs", () => {
    const text = [
      "JVB 2026-11-21 16:15:01.000 SEVERE: [1] Bridge: it broke",
      line("02.000", "Worker: Bug: an event nobody knows"),
    ].join("\n");
    expect(logFaults(text, [])).to.have.lengthOf(2);
    expect(logFaults(text, [], /it broke$/)).to.have.lengthOf(1);
  });

  it("finds a password without repeating it", () => {
    const [found = ""] = logFaults(line("01.000", "Main: logs in with hunter2"), ["hunter2"]);
    expect(found).to.contain("Main: logs in with").and.not.contain("hunter2");
  });

  it("bounds the lines about one source, whatever they say, and not those about all", () => {
    const about = (endpoint: (at: number) => string) =>
      Array.from({ length: 150 }, (_, at) =>
        line(`0${Math.floor(at / 20)}.000`, `[conf=a endpoint=${endpoint(at)}] Worker: ${at % 12}`),
      ).join("\n");
    expect(logFaults(about(String), [])).to.deep.equal([]);
    expect(
      logFaults(
        about(() => "b"),
        [],
      ),
    ).to.deep.equal(["more than 100 lines in 10 s about endpoint=b"]);
  });

  it("finds processes by a path in their command line", () => {
    expect(processesOf(process.argv[0] ?? "").join("\n")).to.contain(`${process.pid} `);
    expect(processesOf("/no such folder/")).to.deep.equal([]);
  });
});
