import { expect } from "chai";
import { until } from "./until.ts";

describe("until", () => {
  const failed = (waiting: Promise<void>) =>
    waiting.then(undefined, (error: Error) => error.message);

  it("waits until the condition holds, given at once or as a promise", async () => {
    let asked = 0;
    await until("three", () => ++asked >= 3);
    expect(asked).to.equal(3);
    await until(async () => ++asked >= 5);
    expect(asked).to.equal(5);
  });

  it("says what did not happen in time, and passes on what the condition throws", async () => {
    expect(await failed(until("it rains", () => false, 30))).to.equal("not within 30 ms: it rains");
    const never = () => false;
    expect(await failed(until(never, 30))).to.match(/^not within 30 ms: .*false/);
    const broken = () => Promise.reject(new Error("no weather"));
    expect(await failed(until("it rains", broken, 30))).to.equal("no weather");
  });
});
