import { expect } from "chai";
import { Health } from "./health.ts";

const settings = { timeoutMs: 90_000, requireValidAddress: true, requireStun: false };
const good = { hasValidAddress: true, stunSucceeded: false, bindError: undefined };

describe("health", () => {
  it("is healthy before the first check", () => {
    expect(new Health(settings, 0).result(1000).success).to.equal(true);
  });

  const cases = [
    { name: "all well", facts: good, message: undefined },
    {
      name: "no public address",
      facts: { ...good, hasValidAddress: false },
      message: "No valid IP addresses available for harvesting.",
    },
    {
      name: "port taken",
      facts: { ...good, bindError: "in use" },
      message: "Failed to bind single-port",
    },
  ];
  for (const { name, facts, message } of cases) {
    it(name, () => {
      const health = new Health(settings, 0);
      health.handleCheck(facts, 10);
      expect(health.result(20).message).to.equal(message);
      expect(health.result(20).success).to.equal(message === undefined);
    });
  }

  it("wants STUN when told to", () => {
    const health = new Health({ ...settings, requireStun: true }, 0);
    health.handleCheck(good, 10);
    expect(health.result(20).message).to.equal("Address discovery through STUN failed");
  });

  it("fails when no check was made for too long", () => {
    const health = new Health(settings, 0);
    health.handleCheck(good, 10);
    expect(health.result(90_011).message).to.match(/^No health checks performed recently/);
  });
});
