import { expect } from "chai";
import { BridgeKeeper, type Mortal } from "./bridge-keeper.ts";

describe("the demo's bridges", () => {
  let said: string[];
  let now: number;
  let over: boolean;
  let gaveUp: number;
  let keeper: BridgeKeeper;
  let starts: string[];
  const bridge = (name: string, start = () => Promise.resolve()): Mortal => ({
    name,
    start() {
      starts.push(`${name} at ${now}`);
      return start();
    },
  });

  beforeEach(() => {
    said = [];
    starts = [];
    now = 0;
    gaveUp = 0;
    over = false;
    keeper = new BridgeKeeper({
      say: (text) => void said.push(text),
      now: () => now,
      wait(ms) {
        now += ms;
        return Promise.resolve();
      },
      over: () => over,
      giveUp: () => void gaveUp++,
    });
  });

  it("come again after a pause, the last one too, and the demo goes on", async () => {
    const only = bridge("jvb1");
    keeper.started(only);
    now = 60_000;
    await keeper.ended(only, "jvb1 ended with SIGKILL");
    expect(said).to.deep.equal(["jvb1 ended with SIGKILL; it starts again in 5 s", "jvb1 is back"]);
    expect(starts).to.deep.equal(["jvb1 at 65000"]);
    expect(gaveUp).to.equal(0);
  });

  it("stay down when they end as soon as they began; without any the demo ends", async () => {
    const first = bridge("jvb1");
    const second = bridge("jvb2");
    keeper.started(first);
    keeper.started(second);
    now = 9_000;
    await keeper.ended(second, "jvb2 ended with status 1");
    expect(said).to.deep.equal(["jvb2 ended with status 1; it had just begun and stays down"]);
    expect([starts, gaveUp]).to.deep.equal([[], 0]);
    await keeper.ended(first, "jvb1 ended with status 1");
    expect(gaveUp).to.equal(1);
  });

  it("stay down when they do not come up again", async () => {
    const only = bridge("jvb1", () => Promise.reject(new Error("port taken")));
    keeper.started(only);
    now = 20_000;
    await keeper.ended(only, "jvb1 ended with SIGKILL");
    // What ends during its start is told twice; once is enough.
    await keeper.ended(only, "jvb1 ended with status 78");
    expect(said[1]).to.equal("jvb1 stays down: port taken");
    expect([said.length, gaveUp]).to.deep.equal([2, 1]);
  });

  it("are left alone once the demo ends", async () => {
    const only = bridge("jvb1");
    keeper.started(only);
    now = 20_000;
    const ending = keeper.ended(only, "jvb1 ended with SIGKILL");
    over = true;
    await ending;
    expect([starts, gaveUp]).to.deep.equal([[], 0]);
  });
});
