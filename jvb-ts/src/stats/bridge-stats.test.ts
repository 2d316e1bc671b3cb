import { expect } from "chai";
import { zeroDrops } from "../media/media-statistics.ts";
import { zeroPacketCounters } from "../media/packet-io.ts";
import { emptyTotals } from "../media/totals.ts";
import {
  type WorkerCounter,
  type WorkerStats,
  workerCounters,
  zeroSums,
} from "../worker-messages.ts";
import {
  type BridgeFacts,
  BridgeStats,
  bridgeStatistics,
  presenceStatistics,
  statisticsJson,
} from "./bridge-stats.ts";

const facts: BridgeFacts = {
  stress: 0.25,
  averageParticipantStress: 0.01,
  gracefulShutdown: false,
  shuttingDown: false,
  drain: true,
  healthy: true,
  version: "2.3.1",
  release: undefined,
  region: "region1",
  relayId: undefined,
  threads: 7,
  mucClientsConfigured: 1,
  mucClientsConnected: 1,
  mucsConfigured: 2,
  mucsJoined: 1,
  wallNow: Date.UTC(2026, 10, 21, 10, 39, 32, 464),
};

function report(over: Partial<WorkerStats> = {}): WorkerStats {
  const counters = Object.fromEntries(workerCounters.map((name) => [name, 1]));
  return {
    counters: counters as Record<WorkerCounter, number>,
    conferences: [],
    sockets: zeroPacketCounters(),
    drops: zeroDrops(),
    engine: emptyTotals(),
    ...zeroSums(),
    ...over,
  };
}

const conference = (localEndpoints: number, sendingAudio: number) => ({
  localEndpoints,
  visitors: 0,
  sendingAudio,
  sendingVideo: 0,
  receiveOnly: localEndpoints - sendingAudio,
  mostForwarded: 0,
});

describe("a worker that dies", () => {
  it("leaves its counters behind, not its conferences", () => {
    const stats = new BridgeStats();
    const one = {
      localEndpoints: 3,
      visitors: 0,
      sendingAudio: 0,
      sendingVideo: 0,
      receiveOnly: 3,
      mostForwarded: 0,
    };
    stats.handleReport(0, report({ conferences: [one] }));
    stats.handleReport(1, report());
    stats.handleWorkerGone(0);
    expect(stats.totals().localEndpoints).to.equal(0);
    expect(stats.totals().counters.packets_received).to.equal(2);
    stats.handleReport(0, report());
    expect(stats.totals().counters.packets_received).to.equal(3);
  });
});

describe("bridge statistics", () => {
  it("sums the workers", () => {
    const stats = new BridgeStats();
    const conferences = [conference(2, 0), conference(3, 1)];
    stats.handleReport(0, report({ conferences, incomingBps: 110_400, rttSumMs: 30, rttCount: 2 }));
    stats.handleReport(1, report({ conferences: [conference(1, 1)], rttSumMs: 30, rttCount: 1 }));
    const json = statisticsJson(bridgeStatistics(stats.totals(), facts));
    expect(json).to.include({
      bit_rate_download: 110,
      rtt_aggregate: 20,
      endpoints: 6,
      local_active_endpoints: 4,
      inactive_conferences: 1,
      p2p_conferences: 1,
      inactive_endpoints: 2,
      largest_conference: 3,
      conferences: 3,
      total_participants: 2,
      drain: true,
      current_timestamp: "2026-11-21 10:39:32.464",
      region: "region1",
    });
    expect(json).to.not.have.any.keys("release", "relay_id");
  });

  it("sums datagrams by name", () => {
    const stats = new BridgeStats();
    const sockets = { ...zeroPacketCounters(), received: 5, authFailed: 2 };
    stats.handleReport(0, report({ sockets }));
    stats.handleReport(1, report({ sockets }));
    expect(stats.sockets()).to.include({ received: 10, authFailed: 4, replayed: 0 });
  });

  it("B-062 prints doubles with a decimal point and honours a whitelist in its order", () => {
    const stats = bridgeStatistics(new BridgeStats().totals(), { ...facts, stress: 0 });
    const all = new Map(presenceStatistics(stats, undefined));
    expect(all.get("stress_level")).to.equal("0.0");
    expect(all.get("average_participant_stress")).to.equal("0.01");
    expect(all.get("endpoints")).to.equal("0");
    expect(presenceStatistics(stats, ["version", "colibri2", "drain"])).to.deep.equal([
      ["version", "2.3.1"],
      ["drain", "true"],
    ]);
  });

  it("has every name the recordings of upstream have, in that order", () => {
    const names = bridgeStatistics(new BridgeStats().totals(), { ...facts, relayId: "jvb1" });
    expect(names.length).to.equal(82);
  });
});
