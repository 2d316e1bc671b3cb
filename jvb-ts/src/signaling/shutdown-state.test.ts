import { expect } from "chai";
import { Shutdown } from "./shutdown-state.ts";

const settings = {
  gracefulMaxDurationMs: 86_400_000,
  gracefulMinParticipants: 0,
  shuttingDownDelayMs: 60_000,
};

describe("shutdown", () => {
  it("B-135 waits for the last participant, then for the delay", () => {
    const shutdown = new Shutdown(settings);
    shutdown.handleRequest(true, 2, 1000);
    expect(shutdown.state).to.equal("GRACEFUL_SHUTDOWN");
    shutdown.handleEndpoints(1, 2000);
    expect(shutdown.state).to.equal("GRACEFUL_SHUTDOWN");
    shutdown.handleEndpoints(0, 3000);
    expect(shutdown.state).to.equal("SHUTTING_DOWN");
    expect(shutdown.isGraceful).to.equal(true);
    expect(shutdown.pollTimeout()).to.equal(63_000);
    shutdown.handleTimeout(62_999);
    expect(shutdown.isFinished).to.equal(false);
    shutdown.handleTimeout(63_000);
    expect(shutdown.isFinished).to.equal(true);
  });

  it("goes on at once without participants", () => {
    const shutdown = new Shutdown(settings);
    shutdown.handleRequest(true, 0, 0);
    expect(shutdown.state).to.equal("SHUTTING_DOWN");
  });

  it("B-135 gives up waiting after the maximum duration", () => {
    const shutdown = new Shutdown(settings);
    shutdown.handleRequest(true, 5, 0);
    shutdown.handleTimeout(86_400_000);
    expect(shutdown.state).to.equal("SHUTTING_DOWN");
    expect(shutdown.pollTimeout()).to.equal(86_460_000);
  });

  it("is forced from any state, and says whether it was graceful before", () => {
    const forced = new Shutdown(settings);
    forced.handleRequest(false, 5, 0);
    expect([forced.state, forced.isGraceful]).to.deep.equal(["SHUTTING_DOWN", false]);
    const both = new Shutdown(settings);
    both.handleRequest(true, 5, 0);
    both.handleRequest(false, 5, 10);
    expect([both.state, both.isGraceful]).to.deep.equal(["SHUTTING_DOWN", true]);
    both.handleRequest(false, 5, 20);
    expect(both.pollTimeout()).to.equal(60_010);
  });
});
