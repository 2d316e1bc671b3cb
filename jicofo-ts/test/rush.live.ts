/** Rushes in real time: how long the focus keeps everything else waiting, and what it keeps in memory. */
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect } from "chai";
import { realRuntime } from "#shared/runtime/real-runtime";
import {
  logFaults,
  type SharedObjects,
  sharedObjectFaults,
  sharedObjects,
} from "#shared/testing/invariants";
import { LoopLag, lagFigures } from "#shared/testing/loop-lag";
import { type RecordingLogger, recordingLogger } from "#shared/testing/recording-logger";
import type { IqReply } from "#shared/xmpp/connection";
import { NS } from "#shared/xmpp/namespaces";
import { type Element, parseXml } from "#shared/xmpp/xml";
import { BridgeRegistry } from "../src/bridge/registry.ts";
import { defaultBridgeSettings } from "../src/bridge/settings.ts";
import { defaultConferenceConfig } from "../src/conference/config.ts";
import { handleConferenceIq } from "../src/entry/conference-iq.ts";
import { conferenceRequests } from "../src/entry/conference-requests.ts";
import { createMetrics } from "../src/entry/metrics.ts";
import { createFocus } from "../src/focus/focus.ts";
import { FakeBridge, wellReport } from "./scenarios/fake-bridge.ts";
import { FakeClient } from "./scenarios/fake-client.ts";
import { FakeConnection, FakeRoom, jid } from "./scenarios/fake-xmpp.ts";

/** `npm run test:full` lets the rushes go on longer, at the same rates. */
const scale = Math.min(4, Number(process.env["ABUSE_SCALE"] ?? "1"));

/** As over the wire: what is sent is written out and read again. */
class WireConnection extends FakeConnection {
  override request(iq: Element, timeoutMs?: number): Promise<IqReply> {
    const read = parseXml(iq.toString());
    if (!read.ok) throw new Error("the focus wrote what cannot be read");
    return super.request(read.value, timeoutMs);
  }
}

const logs: RecordingLogger[] = [];

/** A focus in real time with three bridges, on a connection that writes everything out. */
function setUp(initialTimeout = defaultConferenceConfig.initialTimeout) {
  const connection = new WireConnection(realRuntime, jid("focus@auth.example.com/focus"));
  const registry = new BridgeRegistry(defaultBridgeSettings);
  const rooms = new Map<string, FakeRoom>();
  const clients: FakeClient[] = [];
  const log = recordingLogger("test", () => realRuntime.clock.now());
  logs.push(log);
  const focus = createFocus(
    {
      conference: { ...defaultConferenceConfig, initialTimeout },
      focusJid: "focus@auth.example.com",
      sipGatewayEnabled: false,
    },
    {
      runtime: realRuntime,
      log,
      client: connection,
      service: connection,
      bridges: registry,
      count: () => {},
      openRoom: (room, nick, onEvent) => {
        const fake = new FakeRoom(room, nick, onEvent);
        rooms.set(room, fake);
        return fake;
      },
      discover: async (occupant) =>
        clients.find((client) => client.occupantJid === occupant)?.features,
    },
  );
  const metrics = createMetrics(realRuntime.clock, "test");
  handleConferenceIq(
    connection,
    conferenceRequests({ focus, metrics, log, clock: realRuntime.clock }),
    undefined,
  );
  for (const nick of ["jvb1", "jvb2", "jvb3"]) {
    const bridge = new FakeBridge(realRuntime, nick);
    connection.peers.set(bridge.jid, bridge.peer);
    registry.handleReport(bridge.jid, wellReport, realRuntime.clock.now());
  }
  /** Somebody asks by IQ, as it comes from the wire. */
  const ask = async (from: string, room: string): Promise<boolean> => {
    const payload = parseXml(
      `<conference xmlns="${NS.focus}" room="${room}" machine-uid="m"><property name="startAudioMuted" value="9"/></conference>`,
    );
    if (!payload.ok) throw new Error("a request");
    const answer = await connection.deliver(from, payload.value);
    return answer?.toString().includes('ready="true"') === true;
  };
  const enter = (nick: string, room: string): FakeClient => {
    const fake = rooms.get(room);
    if (fake === undefined) throw new Error("the focus is in the room");
    const client = new FakeClient(connection, fake, nick, 100_000 + 1_000 * clients.length);
    clients.push(client);
    client.join();
    return client;
  };
  return { focus, clients, ask, enter };
}

/** Measures how long everything else has to wait while `work` goes on, in ms (p99). */
async function lagDuring(work: () => Promise<void>): Promise<{ p99: number }> {
  const lag = new LoopLag(5);
  await work();
  lag.stop();
  const { p99, worst } = lagFigures(lag.take()) ?? { p99: Number.NaN, worst: Number.NaN };
  console.log(`      loop lag p99 ${p99.toFixed(1)} ms, worst ${worst.toFixed(1)} ms`);
  return { p99 };
}

describe("a rush in real time", () => {
  let before: SharedObjects = sharedObjects();
  beforeEach(() => {
    before = sharedObjects();
  });
  afterEach(() => {
    const faults = logs.splice(0).flatMap(({ lines }) => logFaults(lines));
    expect([...faults, ...sharedObjectFaults(before)], "invariants broken").to.deep.equal([]);
  });

  it("R19: 500 joins every 10 s, a hundred of them into one room: the loop lags under 200 ms (p99)", async () => {
    const { focus, clients, ask, enter } = setUp();
    const { p99 } = await lagDuring(async () => {
      const start = realRuntime.clock.now();
      for (let at = 0; at < 500 * scale; at++) {
        const wave = Math.floor(at / 500);
        const name = at % 5 === 0 ? `big${wave}` : `s${wave}-${at % 37}`;
        const room = `${name}@conference.example.com`;
        expect(await ask(`user${at}@example.com/x`, room)).to.equal(true);
        enter(`user${at}`, room);
        await sleep(Math.max(0, start + 20 * (at + 1) - realRuntime.clock.now()));
      }
      await sleep(1_000);
    });
    expect(clients.filter(({ invitations }) => invitations !== 1)).to.have.length(0);
    expect(p99).to.be.lessThan(200);
    for (const client of clients) client.leave();
    await focus.stop();
  }).timeout(30_000 * scale);

  it("E3: 2000 conference requests a second for 5 s and more: a call goes on, the loop lags under 50 ms (p99)", async () => {
    const { focus, ask, enter } = setUp();
    const room = "call@conference.example.com";
    await ask("ada@example.com/x", room);
    const call = [enter("ada", room), enter("bob", room)];
    const served: number[] = [];
    const { p99 } = await lagDuring(async () => {
      const start = realRuntime.clock.now();
      const pending: Promise<boolean>[] = [];
      for (let tick = 0; tick < 500 * scale; tick++) {
        for (let at = 0; at < 20; at++) {
          const bot = `bot${(20 * tick + at) % 150}@example.com/x`;
          pending.push(ask(bot, `r${(20 * tick + at) % 900}@conference.example.com`));
        }
        if (tick % 50 === 25) {
          const asked = realRuntime.clock.now();
          expect(await ask(`real${tick}@example.com/x`, room)).to.equal(true);
          served.push(realRuntime.clock.now() - asked);
        }
        await sleep(Math.max(0, start + 10 * (tick + 1) - realRuntime.clock.now()));
      }
      await Promise.all(pending);
    });
    expect(Math.max(...served)).to.be.lessThan(100);
    expect(p99).to.be.lessThan(50);
    expect(call.map(({ actions }) => actions.includes("session-terminate"))).to.deep.equal([
      false,
      false,
    ]);
    for (const client of call) client.leave();
    await focus.stop();
  }).timeout(30_000 * scale);

  it("E10: 5000 rooms that nobody enters take at most 60 kB each, and are left in time", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const { focus, ask } = setUp(5_000);
    const heap = (): number => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    const before = heap();
    for (let at = 0; at < 5_000; at += 50) {
      const asked = Array.from({ length: 50 }, (_, i) =>
        ask(`user${at + i}@example.com/x`, `idle${at + i}@conference.example.com`),
      );
      expect(new Set(await Promise.all(asked))).to.deep.equal(new Set([true]));
    }
    expect(focus.rooms()).to.have.length(5_000);
    const each = (heap() - before) / 5_000;
    console.log(`      ${(each / 1_000).toFixed(1)} kB for each room, the test's share included`);
    expect(each).to.be.lessThan(60_000);
    await sleep(6_000);
    expect(focus.rooms()).to.deep.equal([]);
    await focus.stop();
  }).timeout(60_000);
});
