import { expect } from "chai";
import { VirtualRuntime } from "#shared/testing/virtual-runtime";
import { BridgeDoctor, type HealthAnswer } from "./bridge-doctor.ts";

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

function doctor(answers: HealthAnswer[], retryDelay = 5000) {
  const runtime = new VirtualRuntime();
  const log: string[] = [];
  const at = () => runtime.clock.now() / 1000;
  const instance = new BridgeDoctor({
    timers: runtime.timers,
    interval: 10_000,
    retryDelay,
    ask: async (jid) => {
      log.push(`${at()}s ask ${jid}`);
      return answers.shift() ?? "healthy";
    },
    verdict: (jid, outcome) => log.push(`${at()}s ${jid} ${outcome}`),
  });
  const advance = async (seconds: number) => {
    for (let n = 0; n < seconds; n++) {
      runtime.advance(1000);
      await settle();
    }
  };
  return { instance, log, advance };
}

describe("BridgeDoctor", () => {
  it("asks one interval after the bridge came and one after each verdict", async () => {
    const { instance, log, advance } = doctor([]);
    instance.add("jvb1");
    instance.add("jvb1");
    await advance(25);
    expect(log).to.deep.equal([
      "10s ask jvb1",
      "10s jvb1 passed",
      "20s ask jvb1",
      "20s jvb1 passed",
    ]);
  });

  it("asks a silent bridge once more before it gives it up", async () => {
    const { instance, log, advance } = doctor(["timeout", "timeout", "timeout", "healthy"]);
    instance.add("jvb1");
    await advance(31);
    expect(log).to.deep.equal([
      "10s ask jvb1",
      "15s ask jvb1",
      "15s jvb1 timedOut",
      "25s ask jvb1",
      "30s ask jvb1",
      "30s jvb1 passed",
    ]);
  });

  it("gives a silent bridge up at once without a retry delay", async () => {
    const { instance, log, advance } = doctor(["timeout"], 0);
    instance.add("jvb1");
    await advance(11);
    expect(log).to.deep.equal(["10s ask jvb1", "10s jvb1 timedOut"]);
  });

  it("believes an error at once and passes over answers that say nothing", async () => {
    const { instance, log, advance } = doctor(["unhealthy", "unclear", "disconnected"]);
    instance.add("jvb1");
    await advance(31);
    expect(log.filter((line) => !line.includes("ask"))).to.deep.equal(["10s jvb1 failed"]);
    expect(log).to.have.length(4);
  });

  it("forgets a bridge that left, even with a question on its way", async () => {
    const { instance, log, advance } = doctor([]);
    instance.add("jvb1");
    instance.add("jvb2");
    await advance(9);
    instance.remove("jvb2");
    await advance(1);
    instance.stop();
    await advance(20);
    expect(log).to.deep.equal(["10s ask jvb1", "10s jvb1 passed"]);
  });
});
