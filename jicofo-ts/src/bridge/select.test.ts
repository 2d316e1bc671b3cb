import { expect } from "chai";
import fc from "fast-check";
import type { Bridge, ConferenceBridge, SelectionRequest } from "./bridge.ts";
import { selectBridge } from "./select.ts";
import { type BridgeSettings, defaultBridgeSettings, strategyNames } from "./settings.ts";

function bridge(nick: string, over: Partial<Bridge> = {}): Bridge {
  const correctedStress = over.correctedStress ?? over.stress ?? 0;
  return {
    jid: `brewery@x/${nick}`,
    nick,
    version: undefined,
    release: undefined,
    fullVersion: undefined,
    region: undefined,
    relayId: nick,
    stress: correctedStress,
    correctedStress,
    overloaded: correctedStress >= 0.8,
    operational: true,
    silent: false,
    unsteady: false,
    draining: false,
    gracefulShutdown: false,
    shuttingDown: false,
    healthy: true,
    failingIce: false,
    endpoints: 0,
    restartRequests: 0,
    ...over,
  };
}

function on(one: Bridge, participants = 1, recentlyAdded = 0): ConferenceBridge {
  return { bridge: one.jid, participants, recentlyAdded };
}

function choose(
  bridges: readonly Bridge[],
  request: Partial<SelectionRequest> = {},
  settings: Partial<BridgeSettings> = {},
): string | undefined {
  const asked = { conferenceBridges: [], region: undefined, pinnedVersion: undefined, ...request };
  return selectBridge(bridges, asked, { ...defaultBridgeSettings, ...settings }).bridge?.nick;
}

describe("selectBridge", () => {
  const idle = bridge("idle", { stress: 0.1 });
  const busy = bridge("busy", { stress: 0.5 });
  const full = bridge("full", { stress: 0.9 });

  const cases: {
    name: string;
    bridges: readonly Bridge[];
    request?: Partial<SelectionRequest>;
    settings?: Partial<BridgeSettings>;
    chosen: string | undefined;
  }[] = [
    { name: "nobody among none", bridges: [], chosen: undefined },
    { name: "the least loaded", bridges: [busy, idle, full], chosen: "idle" },
    { name: "an overloaded one when it is alone", bridges: [full], chosen: "full" },
    {
      name: "no bridge that failed",
      bridges: [bridge("dead", { operational: false }), full],
      chosen: "full",
    },
    {
      name: "no bridge that shuts down",
      bridges: [bridge("going", { shuttingDown: true })],
      chosen: undefined,
    },
    {
      name: "one that was silent lately only if there is no other",
      bridges: [bridge("back", { unsteady: true }), busy],
      chosen: "busy",
    },
    {
      name: "one that was silent lately if it is alone",
      bridges: [bridge("back", { unsteady: true })],
      chosen: "back",
    },
    {
      name: "a draining one only if there is no other",
      bridges: [bridge("draining", { draining: true }), full],
      chosen: "full",
    },
    {
      name: "the draining one if all drain",
      bridges: [bridge("draining", { draining: true })],
      chosen: "draining",
    },
    {
      name: "one in graceful shutdown only if there is no other",
      bridges: [bridge("leaving", { gracefulShutdown: true }), full],
      chosen: "full",
    },
    {
      name: "the conference's own bridge however loaded",
      bridges: [idle, full],
      request: { conferenceBridges: [on(full)] },
      chosen: "full",
    },
    {
      name: "another one once the conference's own failed",
      bridges: [idle, bridge("dead", { operational: false })],
      request: { conferenceBridges: [on(bridge("dead"))] },
      chosen: "idle",
    },
    {
      name: "the participant's region for a new conference",
      bridges: [idle, bridge("eu", { region: "eu", stress: 0.4 })],
      request: { region: "eu" },
      chosen: "eu",
    },
    {
      name: "the pinned version",
      bridges: [idle, bridge("new", { fullVersion: "2.3-2", stress: 0.6 })],
      request: { pinnedVersion: "2.3-2" },
      chosen: "new",
    },
    {
      name: "none when the pin contradicts the conference's bridge",
      bridges: [bridge("old", { fullVersion: "1" }), bridge("new", { fullVersion: "2" })],
      request: { pinnedVersion: "2", conferenceBridges: [on(bridge("old"))] },
      chosen: undefined,
    },
    {
      name: "only the version of the conference's bridge",
      bridges: [
        bridge("old", { fullVersion: "1", stress: 0.7 }),
        bridge("new", { fullVersion: "2" }),
      ],
      request: { conferenceBridges: [on(bridge("old"))] },
      settings: { severalBridges: true, strategy: "SplitBridgeSelectionStrategy" },
      chosen: "old",
    },
    {
      name: "split: a bridge not used yet",
      bridges: [idle, busy],
      request: { conferenceBridges: [on(idle)] },
      settings: { severalBridges: true, strategy: "SplitBridgeSelectionStrategy" },
      chosen: "busy",
    },
    {
      name: "split: the one with the fewest of this conference",
      bridges: [idle, busy],
      request: { conferenceBridges: [on(idle, 3), on(busy, 2)] },
      settings: { severalBridges: true, strategy: "SplitBridgeSelectionStrategy" },
      chosen: "busy",
    },
    {
      name: "split without links between bridges: stays",
      bridges: [idle, busy],
      request: { conferenceBridges: [on(busy)] },
      settings: { strategy: "SplitBridgeSelectionStrategy" },
      chosen: "busy",
    },
    {
      name: "one without a relay id keeps its conference to itself",
      bridges: [idle, bridge("alone", { relayId: undefined })],
      request: { conferenceBridges: [on(bridge("alone"))] },
      settings: { severalBridges: true, strategy: "SplitBridgeSelectionStrategy" },
      chosen: "alone",
    },
    {
      name: "region: the own region before a used bridge elsewhere",
      bridges: [bridge("us", { region: "us" }), bridge("eu", { region: "eu", stress: 0.3 })],
      request: { region: "eu", conferenceBridges: [on(bridge("us"))] },
      settings: { severalBridges: true, strategy: "RegionBasedBridgeSelectionStrategy" },
      chosen: "eu",
    },
    {
      name: "region: the group before the rest",
      bridges: [bridge("us"), bridge("uk", { region: "uk", stress: 0.3 })],
      request: { region: "eu" },
      settings: {
        severalBridges: true,
        strategy: "RegionBasedBridgeSelectionStrategy",
        regionGroups: [["eu", "uk"]],
      },
      chosen: "uk",
    },
    {
      name: "region: past the conference's limit, another bridge of the region",
      bridges: [bridge("eu1", { region: "eu" }), bridge("eu2", { region: "eu", stress: 0.3 })],
      request: { region: "eu", conferenceBridges: [on(bridge("eu1"), 80)] },
      settings: { severalBridges: true, strategy: "RegionBasedBridgeSelectionStrategy" },
      chosen: "eu2",
    },
    {
      name: "intra-region: the conference's region, not the participant's",
      bridges: [bridge("us", { region: "us" }), bridge("eu", { region: "eu", stress: 0.3 })],
      request: { region: "us", conferenceBridges: [on(bridge("eu"))] },
      settings: { severalBridges: true, strategy: "IntraRegionBridgeSelectionStrategy" },
      chosen: "eu",
    },
  ];
  for (const { name, bridges, request, settings, chosen } of cases)
    it(`chooses ${name}`, () => expect(choose(bridges, request, settings)).to.equal(chosen));

  it("says when a conference grows too fast on a bridge", () => {
    const settings = { ...defaultBridgeSettings, maxParticipantsPerInterval: 5 };
    const ask = (added: number) =>
      selectBridge(
        [idle],
        { conferenceBridges: [on(idle, 9, added)], region: undefined, pinnedVersion: undefined },
        settings,
      ).rateLimited;
    expect([ask(4), ask(5)]).to.deep.equal([false, true]);
  });

  it("never chooses a failed or ending bridge, whatever the input", () => {
    const anyBridge = fc.record({
      nick: fc.constantFrom("a", "b", "c", "d"),
      stress: fc.double({ min: 0, max: 2, noNaN: true }),
      operational: fc.boolean(),
      draining: fc.boolean(),
      shuttingDown: fc.boolean(),
      gracefulShutdown: fc.boolean(),
      region: fc.constantFrom(undefined, "eu", "us"),
      relayId: fc.constantFrom(undefined, "r"),
    });
    fc.assert(
      fc.property(
        fc.uniqueArray(anyBridge, { selector: (one) => one.nick }),
        fc.constantFrom(...strategyNames),
        fc.boolean(),
        fc.array(fc.constantFrom("a", "b", "c", "x")),
        (parts, strategy, severalBridges, usedNicks) => {
          const bridges = parts.map(({ nick, ...over }) => bridge(nick, over));
          const conferenceBridges = [...new Set(usedNicks)].map((nick) => on(bridge(nick)));
          const request = { conferenceBridges, region: "eu", pinnedVersion: undefined };
          const settings = { ...defaultBridgeSettings, strategy, severalBridges };
          const chosen = selectBridge(bridges, request, settings).bridge;
          if (!chosen) return;
          expect(chosen.operational).to.equal(true);
          expect(chosen.shuttingDown).to.equal(false);
        },
      ),
    );
  });
});
