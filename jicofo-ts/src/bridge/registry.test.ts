import { expect } from "chai";
import { BridgeRegistry } from "./registry.ts";
import { readReport } from "./report.ts";
import { type BridgeSettings, defaultBridgeSettings } from "./settings.ts";

const jid = "jvbbrewery@internal.example.com/jvb1";
const say = (stats: Record<string, string>) => readReport(new Map(Object.entries(stats)));
const registryWith = (settings: Partial<BridgeSettings> = {}) =>
  new BridgeRegistry({ ...defaultBridgeSettings, ...settings });
const kinds = (events: readonly { kind: string }[]) => events.map((event) => event.kind);

describe("BridgeRegistry", () => {
  it("adds a bridge with its first report and says so once", () => {
    const registry = registryWith();
    expect(kinds(registry.handleReport(jid, say({ stress_level: "0.1" }), 0))).to.deep.equal([
      "added",
    ]);
    expect(registry.handleReport(jid, say({ stress_level: "0.2" }), 10)).to.deep.equal([]);
    expect(registry.get(jid, 10)).to.include({ nick: "jvb1", stress: 0.2, operational: true });
  });

  it("keeps what a later report leaves out", () => {
    const registry = registryWith();
    registry.handleReport(jid, say({ version: "2.3", release: "1", region: "eu" }), 0);
    registry.handleReport(jid, say({ stress_level: "0.4" }), 1);
    expect(registry.get(jid, 1)).to.include({ fullVersion: "2.3-1", region: "eu", stress: 0.4 });
  });

  it("takes a bridge for draining until it says otherwise", () => {
    const registry = registryWith();
    registry.handleReport(jid, say({}), 0);
    expect(registry.get(jid, 0)?.draining).to.equal(true);
    expect(kinds(registry.handleReport(jid, say({ drain: "false" }), 1))).to.deep.equal([
      "recovered",
    ]);
    expect(registry.get(jid, 1)?.draining).to.equal(false);
    expect(kinds(registry.handleReport(jid, say({ drain: "true" }), 2))).to.deep.equal([
      "draining",
    ]);
  });

  it("never forgets an announced shutdown", () => {
    const registry = registryWith();
    registry.handleReport(jid, say({ drain: "false" }), 0);
    expect(registry.handleReport(jid, say({ drain: "false" }), 0)).to.deep.equal([]);
    const said = registry.handleReport(jid, say({ graceful_shutdown: "true" }), 1);
    expect(kinds(said)).to.deep.equal(["gracefulShutdown"]);
    registry.handleReport(jid, say({ graceful_shutdown: "false" }), 2);
    expect(registry.get(jid, 2)?.gracefulShutdown).to.equal(true);
    expect(kinds(registry.handleReport(jid, say({ shutting_down: "true" }), 3))).to.deep.equal([
      "shuttingDown",
    ]);
  });

  it("counts a bridge as lost only when it left unannounced", () => {
    const registry = registryWith();
    registry.handleReport(jid, say({}), 0);
    expect(registry.handleLeft(jid)).to.deep.equal([{ kind: "removed", bridge: jid, lost: true }]);
    registry.handleReport(jid, say({ graceful_shutdown: "true" }), 1);
    expect(registry.handleLeft(jid)).to.deep.equal([{ kind: "removed", bridge: jid, lost: false }]);
    expect(registry.handleLeft(jid)).to.deep.equal([]);
    expect(registry.lost).to.equal(1);
  });

  it("keeps a failed bridge out for the reset threshold whatever checks say", () => {
    const registry = registryWith();
    registry.handleReport(jid, say({}), 0);
    expect(kinds(registry.handleHealth(jid, "failed", 1000))).to.deep.equal(["failed"]);
    expect(registry.handleHealth(jid, "passed", 11_000)).to.deep.equal([]);
    expect(registry.get(jid, 60_999)?.operational).to.equal(false);
    expect(registry.get(jid, 61_000)?.operational).to.equal(true);
  });

  it("leaves a bridge out that no check has passed since", () => {
    const registry = registryWith();
    registry.handleReport(jid, say({}), 0);
    expect(kinds(registry.handleHealth(jid, "timedOut", 0))).to.deep.equal(["unresponsive"]);
    expect(registry.get(jid, 100_000)?.operational).to.equal(false);
    expect(kinds(registry.handleHealth(jid, "passed", 100_000))).to.deep.equal(["recovered"]);
  });

  it("lets time heal when health checks are off", () => {
    const registry = registryWith({ healthChecks: false });
    registry.handleReport(jid, say({}), 0);
    registry.requestFailed(jid, 0);
    expect(registry.get(jid, 59_999)?.operational).to.equal(false);
    expect(registry.get(jid, 60_000)?.operational).to.equal(true);
  });

  it("adds the expected stress of endpoints added lately, not of those removed", () => {
    const registry = registryWith();
    registry.handleReport(jid, say({ stress_level: "0.5" }), 0);
    for (let n = 0; n < 10; n++) registry.endpointAdded(jid, 1000);
    registry.endpointRemoved(jid);
    expect(registry.get(jid, 1000)?.correctedStress).to.be.closeTo(0.6, 1e-9);
    expect(registry.get(jid, 1000)?.endpoints).to.equal(9);
    expect(registry.get(jid, 22_000)?.correctedStress).to.equal(0.5);
  });

  it("uses the stress per participant that the bridge reports", () => {
    const registry = registryWith();
    registry.handleReport(jid, say({ average_participant_stress: "0.1" }), 0);
    for (let n = 0; n < 8; n++) registry.endpointAdded(jid, 0);
    expect(registry.get(jid, 0)?.overloaded).to.equal(true);
  });

  it("takes a bridge whose endpoints restart too often for overloaded", () => {
    const rule = { ...defaultBridgeSettings.iceFailureDetection, enabled: true, minEndpoints: 10 };
    const registry = registryWith({ iceFailureDetection: rule });
    registry.handleReport(jid, say({}), 0);
    for (let n = 0; n < 10; n++) registry.endpointAdded(jid, 0);
    registry.restartRequested(jid, 1);
    expect(registry.get(jid, 1)?.failingIce).to.equal(false);
    registry.restartRequested(jid, 2);
    expect(registry.get(jid, 30_000)).to.include({ failingIce: true, overloaded: true });
    expect(registry.get(jid, 2 + rule.timeout)?.failingIce).to.equal(false);
  });

  it("judges health by the age and content of presence when told so", () => {
    const registry = registryWith();
    registry.handleReport(jid, say({}), 0);
    expect(registry.checkPresence(jid, 45_000, 45_000)).to.equal("passed");
    expect(registry.checkPresence(jid, 45_000, 45_001)).to.equal("timedOut");
    registry.handleReport(jid, say({ healthy: "false" }), 50_000);
    expect(registry.checkPresence(jid, 45_000, 50_000)).to.equal("failed");
    expect(registry.checkPresence("nobody", 1, 0)).to.equal(undefined);
  });

  it("selects no silent bridge, and prefers others to one that came back", () => {
    const registry = registryWith();
    const other = "jvbbrewery@internal.example.com/jvb2";
    registry.handleReport(jid, say({ drain: "false" }), 0);
    registry.handleReport(other, say({ drain: "false", stress_level: "0.5" }), 0);
    const anybody = { conferenceBridges: [], region: undefined, pinnedVersion: undefined };
    const chosen = (now: number) => registry.select(anybody, now)?.nick;
    expect(kinds(registry.handleLiveness(jid, "suspect", 1000))).to.deep.equal(["suspect"]);
    expect(registry.handleLiveness(jid, "suspect", 1000)).to.deep.equal([]);
    expect(chosen(1000)).to.equal("jvb2");
    expect(kinds(registry.handleLiveness(jid, "lost", 2000))).to.deep.equal(["silent"]);
    expect(registry.get(jid, 2000)).to.include({ silent: true, operational: false });
    expect(kinds(registry.handleLiveness(jid, "alive", 3000))).to.deep.equal(["recovered"]);
    expect(registry.get(jid, 3000)).to.include({ operational: true, unsteady: true });
    expect(chosen(3000)).to.equal("jvb2");
    expect(chosen(63_001)).to.equal("jvb1");
    registry.handleLeft(other);
    expect(chosen(3000)).to.equal("jvb1");
  });

  it("finds a bridge by nick", () => {
    const registry = registryWith();
    registry.handleReport(jid, say({}), 0);
    expect(registry.find("jvb1", 0)?.jid).to.equal(jid);
    expect(registry.find(jid, 0)?.jid).to.equal(jid);
    expect(registry.find("vb1", 0)).to.equal(undefined);
  });
});
