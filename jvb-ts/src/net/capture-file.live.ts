/** Captures on a real disk. */
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { recordingLogger } from "#shared/testing/recording-logger";
import { until } from "#shared/testing/until";
import { openCaptureFile } from "./capture-file.ts";

describe("a capture's file", () => {
  const folder = mkdtempSync(join(tmpdir(), "capture-"));
  after(() => rmSync(folder, { recursive: true }));

  it("is written whole, for its owner alone", async () => {
    const log = recordingLogger("test");
    const path = join(folder, "a.pcap");
    const file = openCaptureFile(path, log);
    file.write(Buffer.from("head"));
    file.write(Buffer.from("body"));
    file.close();
    await until("it is written", () => statSync(path, { throwIfNoEntry: false })?.size === 8);
    expect(readFileSync(path, "utf8")).to.equal("headbody");
    expect(statSync(path).mode & 0o777).to.equal(0o600);
  });

  it("that cannot be made is one error in the log", async () => {
    const log = recordingLogger("test");
    const file = openCaptureFile(join(folder, "none", "b.pcap"), log);
    const errors = () => log.lines.filter(({ level }) => level === "error");
    await until("the error", () => errors().length > 0);
    file.write(Buffer.from("x"));
    file.close();
    expect(errors()).to.have.length(1);
  });
});
