import { PassThrough } from "node:stream";
import { expect } from "chai";
import { createProgress } from "./progress.ts";

/** What is written when these are the stream's properties. */
function written(isTTY: boolean, columns: number): string {
  const out = Object.assign(new PassThrough(), { isTTY, columns });
  const progress = createProgress(out);
  progress.step("audio: round 1 of 5, java", 20);
  progress.say("a line that stays");
  progress.step("audio: round 1 of 5, canary");
  progress.end();
  return String(out.read());
}

describe("the progress of the benchmark", () => {
  it("is plain lines where no terminal is", () => {
    expect(written(false, 80)).to.equal(
      "audio: round 1 of 5, java, 20 s\na line that stays\naudio: round 1 of 5, canary\n",
    );
  });

  it("is one line that changes on a terminal, with the seconds that are left", () => {
    const lines = written(true, 80).split("\r\x1b[2K");
    expect(lines[1]).to.equal("audio: round 1 of 5, java, 20 s left");
    expect(lines[2]).to.equal("a line that stays\n");
    expect(lines.at(-1)).to.equal("");
  });

  it("never wraps", () => {
    expect(written(true, 12).split("\r\x1b[2K")[1]).to.equal("audio: roun");
  });
});
