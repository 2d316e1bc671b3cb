import { expect } from "chai";
import { Tally } from "./tally.ts";
import { planOf, type Workload } from "./workload.ts";

/** Two people, both send audio and simulcast: streams 0 to 3 and 4 to 7; 360p is wanted. */
const workload: Workload = {
  name: "test",
  about: "",
  conferences: 1,
  people: 2,
  speakers: 2,
  cameras: 2,
  wantedHeight: 360,
};
const wanted = [
  [0, 4],
  [0, 6],
  [1, 0],
  [1, 2],
] as const;
const newTally = () => new Tally(planOf(workload, 1));

/** Sends and receives ten packets of every wanted stream, each 2 ms late and 3 ms on its way. */
function run(tally: Tally, skip: (receiver: number, stream: number, index: number) => boolean) {
  tally.begin(100, 200);
  for (let index = 0; index < 12; index++) {
    const scheduled = 90 + index * 10;
    for (const [receiver, stream] of wanted) {
      tally.sent(stream, scheduled, scheduled + 2);
      if (!skip(receiver, stream, index))
        tally.received(receiver, stream, index, scheduled, scheduled + 5);
    }
  }
  return tally.end();
}

describe("Tally", () => {
  it("counts what was scheduled in the window, and its delay from that time", () => {
    const result = run(newTally(), () => false);
    expect(result).to.include({ packets: 40, expected: 40, lost: 0, unwanted: 0, silentPairs: 0 });
    expect(result).to.include({ sent: 40, delayMaxUs: 5000, latenessMaxUs: 2000 });
    expect(result.delayUs[50]).to.be.closeTo(5000, 10);
  });

  it("misses what is lost, at the end too", () => {
    expect(run(newTally(), (receiver, _, index) => receiver === 0 && index >= 9)).to.include({
      packets: 36,
      lost: 4,
      silentPairs: 0,
    });
  });

  it("names who got nothing", () => {
    expect(run(newTally(), (receiver) => receiver === 1)).to.include({ silentPairs: 2, lost: 20 });
  });

  it("counts another encoding than the one asked for as unwanted, and the asked for as lost", () => {
    const tally = newTally();
    tally.begin(0, 100);
    tally.sent(6, 10, 10);
    tally.sent(7, 10, 10);
    tally.received(0, 7, 0, 10, 11);
    expect(tally.end()).to.include({ packets: 1, expected: 1, unwanted: 1, lost: 1 });
  });

  it("counts a packet that comes twice once", () => {
    const tally = newTally();
    tally.begin(0, 100);
    tally.sent(4, 10, 10);
    tally.received(0, 4, 70, 10, 11);
    tally.received(0, 4, 70, 10, 12);
    expect(tally.end()).to.include({ packets: 1, duplicates: 1, lost: 0 });
  });

  it("is steady when everybody gets what was asked for and nothing else", () => {
    const tally = newTally();
    expect(tally.isSteady(0)).to.equal(false);
    for (const [receiver, stream] of wanted) tally.received(receiver, stream, 1, 10, 10);
    expect([tally.isSteady(20), tally.isSteady(2000)]).to.deep.equal([true, false]);
    tally.received(0, 5, 1, 10, 15);
    expect([tally.isSteady(20), tally.unsteadyPairs(20)]).to.deep.equal([false, 1]);
  });
});
