import { expect } from "chai";
import { recordingLogger } from "#shared/testing/recording-logger";
import type { Bridge } from "../bridge/bridge.ts";
import { BridgeRegistry } from "../bridge/registry.ts";
import { readReport } from "../bridge/report.ts";
import { defaultBridgeSettings } from "../bridge/settings.ts";
import { LoadRedistributor } from "./load-redistributor.ts";

function bridges(stress: Record<string, number>): Bridge[] {
  const registry = new BridgeRegistry(defaultBridgeSettings);
  for (const [nick, value] of Object.entries(stress))
    registry.handleReport(`b@x/${nick}`, readReport(new Map([["stress_level", `${value}`]])), 0);
  return registry.bridges(0);
}

function setUp() {
  const moves: [string, number][] = [];
  const settings = { stressThreshold: 0.9, timeout: 180_000, endpoints: 10 };
  const redistributor = new LoadRedistributor(
    settings,
    (bridge, count) => {
      moves.push([bridge, count]);
      return { movedEndpoints: count, conferences: 1 };
    },
    recordingLogger(),
  );
  return { redistributor, moves };
}

describe("LoadRedistributor", () => {
  it("moves endpoints away from bridges under stress, each at most once per timeout", () => {
    const { redistributor, moves } = setUp();
    const all = bridges({ hot: 0.95, warm: 0.85, cool: 0.1 });
    expect([...redistributor.run(all, 0)]).to.deep.equal([["hot", 10]]);
    redistributor.run(all, 179_999);
    expect(moves).to.deep.equal([["b@x/hot", 10]]);
    redistributor.run(all, 180_000);
    expect(moves).to.have.length(2);
  });

  it("moves nobody when no bridge has room", () => {
    const { redistributor, moves } = setUp();
    redistributor.run(bridges({ hot: 0.95, warm: 0.8 }), 0);
    expect(moves).to.deep.equal([]);
  });
});
