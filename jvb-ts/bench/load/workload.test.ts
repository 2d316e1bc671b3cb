import { expect } from "chai";
import { isWanted, planOf, workloads } from "./workload.ts";

/** Packets that each receiver wants, as streams. */
const wanted = (name: string, kind: "audio" | "video"): number => {
  const plan = planOf(workloads.find((each) => each.name === name)!, 1);
  let count = 0;
  for (const stream of plan.streams.filter((each) => each.kind === kind))
    for (let receiver = 0; receiver < plan.participants.length; receiver++)
      if (isWanted(plan, stream, receiver)) count++;
  return count;
};

describe("workloads", () => {
  for (const [name, audio, video] of [
    ["audio", 2 * 10 * 9, 0],
    ["meeting", 5 * 4, 5 * 4],
    ["panel", 3 * 9, 3 * 9],
    ["small-calls", 10 * 3 * 2, 10 * 3 * 2],
    ["broadcast", 0, 30],
  ] as const) {
    it(`${name}: ${audio} audio and ${video} video streams are received`, () => {
      expect([wanted(name, "audio"), wanted(name, "video")]).to.deep.equal([audio, video]);
    });
  }

  it("are the same for everybody, with SSRCs and ids of their own", () => {
    for (const workload of workloads) {
      const plan = planOf(workload, 1);
      expect(planOf(workload, 1)).to.deep.equal(plan);
      const ssrcs = plan.participants.flatMap(({ audioSsrc, encodings, rtxSsrcs }) => [
        ...(audioSsrc === undefined ? [] : [audioSsrc]),
        ...encodings.map(({ ssrc }) => ssrc),
        ...rtxSsrcs,
      ]);
      expect(new Set(ssrcs).size).to.equal(ssrcs.length);
      expect(new Set(plan.participants.map(({ id }) => id)).size).to.equal(
        plan.participants.length,
      );
    }
  });
});
