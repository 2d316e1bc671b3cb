import { expect } from "chai";
import { secretMark } from "./invariants.ts";
import { outputFaults, secretFaults } from "./output-faults.ts";

const line = (text: string, level = "INFO", second = 0, context = "[room=a@b] "): string =>
  `Jicofo 2026-11-22 01:02:${String(second % 60).padStart(2, "0")}.007 ${level}: [1] ${context}MucRoom: ${text}\n`;

describe("outputFaults", () => {
  it("has nothing against what a program says in a good life", () => {
    expect(outputFaults(line("Joined the room") + line("Still trying", "WARNING"))).to.deep.equal(
      [],
    );
  });

  for (const [name, text] of Object.entries({
    "an error": line("Out of order", "SEVERE"),
    "an error in another form": "SEVERE: Out of order\n",
    "a bug": line("Bug in a mailbox", "WARNING"),
    "an exception of the process": "Uncaught Error: x\n",
    "a promise that nobody looked at": "[UnhandledPromiseRejection: x]\n",
    "a stack": `${line("Odd")}    at run (file:///a/b.ts:1:2)\n`,
    "a warning of Node": "(node:12) MaxListenersExceededWarning: leak\n",
    "a secret": line(`password ${secretMark}`),
    "a secret of the configuration": line("it is hunter2"),
  }))
    it(`finds ${name}`, () => {
      expect(outputFaults(text, { forbidden: ["hunter2"] })).to.have.length(1);
    });

  it("lets an error pass that the test provokes", () => {
    const output = line("wrong secret", "SEVERE") + line("Out of order", "SEVERE");
    expect(outputFaults(output, { expected: /wrong secret/ })).to.have.length(1);
  });

  it("does not let a bug pass with it", () => {
    const output = line("Bug in a mailbox", "SEVERE");
    expect(outputFaults(output, { expected: /./ })).to.have.length(1);
  });

  it("finds a secret without repeating it", () => {
    const [found] = outputFaults(line("logs in with hunter2"), { forbidden: ["hunter2"] });
    expect(found).to.contain("MucRoom: logs in with").and.not.contain("hunter2");
  });

  it("takes a short secret for one where it is a word of its own", () => {
    expect(secretFaults("ice-pwd, focus@a/Xpw1, apw\n", ["pw", ""])).to.deep.equal([]);
    for (const text of ['password="pw"', "with pw", "pw"])
      expect(secretFaults(text, ["pw"]), text).to.have.length(1);
    expect(secretFaults("it is a.c", ["a.c"])).to.have.length(1);
    expect(secretFaults("it is abc", ["a.c"])).to.deep.equal([]);
  });

  it("finds a flood about one source, whatever is said of it, by whom and in which room", () => {
    const lines = Array.from({ length: 150 }, (_, at) =>
      line("x", "INFO", Math.floor(at / 20), `[room=a${at % 9}@b participant=c] `).replace(
        "MucRoom",
        `Component${at % 12}`,
      ),
    ).join("");
    expect(outputFaults(lines)).to.deep.equal(["more than 100 lines in 10 s about participant=c"]);
  });

  it("finds a flood of one source, and none where many sources say a little", () => {
    const lines = (context: (at: number) => string) =>
      Array.from({ length: 150 }, (_, at) =>
        line("x", "INFO", Math.floor(at / 20), context(at)),
      ).join("");
    expect(outputFaults(lines(() => "[room=a@b] "))).to.have.length(1);
    expect(outputFaults(lines((at) => `[room=a${at}@b] `))).to.deep.equal([]);
  });
});
