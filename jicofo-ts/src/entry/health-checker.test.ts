import { expect } from "chai";
import { recordingLogger } from "#shared/testing/recording-logger";
import { VirtualRuntime } from "#shared/testing/virtual-runtime";
import { type CheckResult, HealthChecker } from "./health-checker.ts";

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

function setUp(part: () => Promise<CheckResult>) {
  const runtime = new VirtualRuntime();
  const log = recordingLogger();
  const checker = new HealthChecker({
    interval: 10_000,
    timeout: 30_000,
    maxCheckDuration: 20_000,
    runtime,
    log,
    parts: [part],
  });
  checker.start();
  const advance = async (seconds: number) => {
    for (let n = 0; n < seconds; n++) {
      runtime.advance(1000);
      await settle();
    }
  };
  return { checker, runtime, log, advance };
}

describe("HealthChecker", () => {
  it("is well before the first check and after one that passed", async () => {
    const { checker, advance } = setUp(async () => ({ ok: true }));
    expect(checker.report().responseCode).to.equal(200);
    await advance(11);
    expect(checker.report().success).to.equal(true);
  });

  it("tells hard failures from soft ones and forgets them", async () => {
    const results: CheckResult[] = [
      { ok: false, hard: true, message: "no bridge" },
      { ok: false, hard: false, message: "slow server" },
    ];
    const { checker, log, advance } = setUp(async () => results.shift() ?? { ok: true });
    await advance(10);
    expect(checker.report()).to.include({ responseCode: 500, message: "no bridge" });
    await advance(10);
    expect(checker.report()).to.include({ responseCode: 503, hardFailure: false });
    await advance(10);
    expect(checker.report().responseCode).to.equal(200);
    expect(log.messages()).to.deep.equal([
      "Health check failed: no bridge",
      "Health check passed again",
    ]);
  });

  it("fails when a check takes too long or never ends", async () => {
    const waiting: ((result: CheckResult) => void)[] = [];
    const { checker, advance } = setUp(() => new Promise((resolve) => waiting.push(resolve)));
    await advance(35);
    waiting[0]?.({ ok: true });
    await advance(1);
    expect(checker.report()).to.include({ success: false, slow: 1 });
    await advance(32);
    expect(checker.report().message).to.match(/No health check result/);
  });
});
