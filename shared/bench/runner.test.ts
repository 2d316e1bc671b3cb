import { expect } from "chai";
import type { Round } from "./result.ts";
import type { Cell, ContenderName, Row, StartContender } from "./row.ts";
import { type Contenders, runRow, type Surroundings } from "./runner.ts";

/** A row whose contenders write down what is done to them. */
function scripted(cells: Partial<Record<ContenderName, (round: number) => Cell>>) {
  const done: string[] = [];
  const contenders: Partial<Record<ContenderName, StartContender>> = {};
  for (const [name, cell] of Object.entries(cells)) {
    let round = 0;
    contenders[name as ContenderName] = async () => {
      done.push(`start ${name}`);
      return {
        warm: async (seconds) => void done.push(`warm ${name} ${seconds}`),
        measure: async (seconds) => {
          done.push(`measure ${name} ${seconds}`);
          return cell(round++);
        },
        stop: async () => void done.push(`stop ${name}`),
      };
    };
  }
  const figures = [{ name: "x", unit: "" }];
  const row: Row = { name: "row", about: "", figures, contenders };
  return { row, done };
}

const plan = {
  rounds: 2,
  seconds: 5,
  warmSeconds: { ours: 1, java: 6, limit: 0 },
  repeatVoid: true,
};

function surroundings(elsewhere: readonly number[] = []) {
  const saved: { rounds: readonly Round[]; contenders: Contenders; complete: boolean }[] = [];
  const said: string[] = [];
  let round = 0;
  const around: Surroundings = {
    canary: async () => ({ ns: 2, total: 0, steal: 0 }),
    watchOthers: () => () => elsewhere[round++] ?? 0,
    date: () => "2026-11-21T10:00:00.000Z",
    commit: "abc",
    step: () => {},
    say: (text) => void said.push(text),
    save: (rounds, contenders, complete) =>
      void saved.push({ rounds: [...rounds], contenders: { ...contenders }, complete }),
  };
  return { around, saved, said };
}

const x = (value: number): Cell => ({ figures: { x: value } });

describe("the runner of a row", () => {
  it("starts all, warms them up, measures them in turns, and stops them", async () => {
    const { row, done } = scripted({ ours: x, java: x, limit: x });
    const { around, saved } = surroundings();
    await runRow(row, plan, around);
    expect(done.join(", ")).to.equal(
      "start ours, start java, start limit, warm ours 1, warm java 6, " +
        "measure ours 5, measure java 5, measure limit 5, " +
        "measure limit 5, measure java 5, measure ours 5, " +
        "stop ours, stop java, stop limit",
    );
    expect(saved.map(({ rounds, complete }) => [rounds.length, complete])).to.deep.equal([
      [1, false],
      [2, false],
      [2, true],
    ]);
  });

  it("repeats a void round and keeps it", async () => {
    const { row } = scripted({ ours: x, java: x });
    const { around, saved, said } = surroundings([0, 0.5]);
    await runRow(row, plan, around);
    const rounds = saved.at(-1)?.rounds ?? [];
    expect(rounds.map((round) => round.void)).to.deep.equal([
      undefined,
      "other programs used 50 % of a core",
      undefined,
    ]);
    expect(said).to.deep.equal(["round 2 of 2 is void: other programs used 50 % of a core"]);
  });

  it("gives up on a contender whose cells are always void", async () => {
    const { row, done } = scripted({ ours: x, java: () => ({ figures: {}, void: "late" }) });
    const { around, saved } = surroundings();
    await runRow(row, plan, around);
    expect(saved.at(-1)?.rounds).to.have.length(4);
    expect(done.filter((each) => each.startsWith("measure"))).to.have.length(8);
  });

  it("goes on without one that is not there, fails or cannot be measured", async () => {
    const { row, done } = scripted({
      ours: x,
      java: () => {
        throw new Error("it ended");
      },
    });
    const limit = async () => ({ notMeasured: "no compiler" });
    const { around, saved } = surroundings();
    await runRow({ ...row, contenders: { ...row.contenders, limit } }, plan, around);
    const last = saved.at(-1);
    expect(last?.contenders).to.deep.equal({
      ours: {},
      java: {},
      limit: { notMeasured: "no compiler" },
    });
    expect(last?.rounds[0]?.cells.java?.void).to.equal("failed: it ended");
    expect(done.slice(-2)).to.deep.equal(["stop ours", "stop java"]);
  });

  it("keeps what an interrupted run has and measures the rest", async () => {
    const { row, done } = scripted({ ours: x });
    const { around, saved } = surroundings();
    await runRow(row, plan, around);
    const before = saved[0]?.rounds ?? [];
    done.length = 0;
    await runRow(row, plan, around, before);
    expect(done.filter((each) => each.startsWith("measure"))).to.have.length(1);
    expect(saved.at(-1)?.rounds).to.have.length(2);
  });

  it("leaves out what is no number, and refuses a figure that the row does not name", async () => {
    const { around, saved } = surroundings();
    await runRow(scripted({ ours: () => x(Number.NaN) }).row, { ...plan, rounds: 1 }, around);
    expect(saved.at(-1)?.rounds[0]?.cells.ours?.figures).to.deep.equal({});
    const { row, done } = scripted({ ours: () => ({ figures: { y: 1 } }) });
    const failure = await runRow(row, plan, around).catch((cause: unknown) => String(cause));
    expect(failure).to.include("does not declare figure y");
    expect(done.at(-1)).to.equal("stop ours");
  });
});
