/**
 * What the kernel may answer when there is no room, no route or no descriptor left: counted, dropped
 * or tried again, never thrown, and the next packet goes (spec G.2 R20).
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { receiveFaults } from "./receive-faults.ts";

const ROWS = 100;
interface Line {
  readonly code: string;
  readonly workers?: number;
  readonly which?: number;
  readonly sent: number;
  readonly congested: number;
  readonly refused: number;
  readonly tookMs: number;
  readonly later: number;
  /** What the packets sent were made of. */
  readonly messages?: number;
  /** Runs that were tried in the later call. */
  readonly runs?: number;
  /** And after an address was selected again. */
  readonly runsAnew?: number;
  readonly arrived: number;
}

describe("a kernel without room, route or descriptors (R20)", () => {
  const folder = mkdtempSync(join(tmpdir(), "jvb-faults-"));
  const library = join(folder, "send-faults.so");
  const table = join(folder, "table");
  let lines: Line[] = [];

  before(() => {
    const source = new URL("send-faults.c", import.meta.url).pathname;
    const built = spawnSync("cc", ["-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"]);
    expect(built.status, String(built.stderr)).to.equal(0);
    writeFileSync(table, Buffer.alloc(40));
    const child = new URL("faulty-kernel.ts", import.meta.url).pathname;
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      ["--conditions=source", "--disable-warning=ExperimentalWarning", child],
      { encoding: "utf8", env: { ...process.env, LD_PRELOAD: library, SEND_FAULTS: table } },
    );
    expect(status, stderr).to.equal(0);
    lines = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Line);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const sending = (code: string) => lines.find((line) => line.code === code && line.tookMs >= 0)!;

  for (const code of ["EAGAIN", "ENOBUFS", "ENOMEM"]) {
    it(`sendmmsg ${code}: the batch is dropped and counted, the next one goes`, () => {
      expect(sending(code)).to.include({ sent: 0, congested: ROWS, refused: 0, later: ROWS });
      expect(sending(code).arrived).to.equal(ROWS);
    });
  }

  it("sendmmsg EINTR: tried again", () => {
    expect(sending("EINTR")).to.include({
      sent: ROWS,
      congested: 0,
      refused: 0,
      arrived: 2 * ROWS,
    });
  });

  for (const [code, refused] of [
    ["EMFILE", 3],
    ["EHOSTUNREACH", 7],
    ["EPERM", 7],
    ["ENETDOWN", 7],
    ["EIO", 1],
    ["ENETUNREACH", ROWS],
    ["EADDRNOTAVAIL", ROWS],
  ] as const) {
    it(`sendmmsg ${code}: those packets are dropped and counted, at once, the rest goes`, () => {
      const line = sending(code);
      expect(line).to.include({ sent: ROWS - refused, refused, congested: 0, later: ROWS });
      expect(line.tookMs).to.be.below(50);
    });
  }

  for (const code of ["equal", "equal, IPv6", "media"]) {
    it(`packets of one length to one receiver (${code}) go as 4 messages, and all arrive`, () => {
      const line = lines.find((one) => one.code === code);
      expect(line).to.include({ sent: ROWS, messages: 4, runs: 4, arrived: ROWS });
    });
  }

  it("a run for which there is no room is dropped with the batch and counted, and the next goes", () => {
    const line = lines.find(({ code }) => code === "no room");
    expect(line).to.include({ sent: 0, congested: ROWS, messages: 4, runs: 4, arrived: ROWS });
  });

  for (const [code, runs] of [
    ["EIO", 0],
    ["EINVAL", 0],
    ["EMSGSIZE", 0],
    ["ENOBUFS", 4],
    ["EPERM", 4],
  ] as const) {
    it(`sendmmsg ${code} of a run: its packets go one by one, and ${runs === 0 ? "no" : "the next"} run is tried later`, () => {
      const line = lines.find((one) => one.code === code && one.runs !== undefined);
      expect(line).to.include({ sent: ROWS, refused: 0, later: ROWS, arrived: 3 * ROWS, runs });
      expect(line?.runsAnew).to.equal(4);
    });
  }

  for (const [workers, which, code] of receiveFaults) {
    it(`${which === 1 ? "recvmmsg" : "poll"} ${code}, ${workers} worker(s): nothing is lost`, () => {
      const line = lines.find(
        (one) => one.code === code && one.workers === workers && one.which === which,
      );
      expect(line?.arrived).to.equal(2 * ROWS);
    });
  }
});
