/** A rush in real time: how long the focus keeps everything else waiting while it serves it. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { realRuntime } from "#shared/runtime/real-runtime";
import { recordingLogger } from "#shared/testing/recording-logger";
import type { IqReply } from "#shared/xmpp/connection";
import { type Element, parseXml } from "#shared/xmpp/xml";
import { BridgeRegistry } from "../src/bridge/registry.ts";
import { defaultBridgeSettings } from "../src/bridge/settings.ts";
import { defaultConferenceConfig } from "../src/conference/config.ts";
import { createFocus } from "../src/focus/focus.ts";
import { FakeBridge, wellReport } from "./scenarios/fake-bridge.ts";
import { FakeClient } from "./scenarios/fake-client.ts";
import { FakeConnection, FakeRoom, jid } from "./scenarios/fake-xmpp.ts";

/** As over the wire: what is sent is written out and read again. */
class WireConnection extends FakeConnection {
  override request(iq: Element, timeoutMs?: number): Promise<IqReply> {
    const read = parseXml(iq.toString());
    if (!read.ok) throw new Error("the focus wrote what cannot be read");
    return super.request(read.value, timeoutMs);
  }
}

describe("R19: a rush in real time", () => {
  it("R19: 500 joins in 10 s, a hundred of them into one room: the loop lags under 200 ms (p99)", async () => {
    const connection = new WireConnection(realRuntime, jid("focus@auth.example.com/focus"));
    const registry = new BridgeRegistry(defaultBridgeSettings);
    const rooms = new Map<string, FakeRoom>();
    const clients: FakeClient[] = [];
    const focus = createFocus(
      {
        conference: defaultConferenceConfig,
        focusJid: "focus@auth.example.com",
        sipGatewayEnabled: false,
      },
      {
        runtime: realRuntime,
        log: recordingLogger(),
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
    for (const nick of ["jvb1", "jvb2", "jvb3"]) {
      const bridge = new FakeBridge(realRuntime, nick);
      connection.peers.set(bridge.jid, bridge.peer);
      registry.handleReport(bridge.jid, wellReport, realRuntime.clock.now());
    }
    const lag = monitorEventLoopDelay({ resolution: 5 });
    lag.enable();
    const start = realRuntime.clock.now();
    for (let at = 0; at < 500; at++) {
      const room =
        at % 5 === 0 ? "big@conference.example.com" : `s${at % 37}@conference.example.com`;
      const from = `user${at}@example.com/x`;
      const answer = await focus.request({
        room,
        from,
        sessionId: undefined,
        machineUid: undefined,
        token: undefined,
        properties: new Map(),
      });
      expect(answer.ok).to.equal(true);
      const fake = rooms.get(room);
      if (fake === undefined) throw new Error("the focus is in the room");
      const client = new FakeClient(connection, fake, `user${at}`, 100_000 + 1_000 * at);
      clients.push(client);
      client.join();
      await sleep(Math.max(0, start + 20 * (at + 1) - realRuntime.clock.now()));
    }
    await sleep(1_000);
    lag.disable();
    const p99 = lag.percentile(99) / 1e6;
    const worst = lag.max / 1e6;
    console.log(`      loop lag p99 ${p99.toFixed(1)} ms, worst ${worst.toFixed(1)} ms`);
    expect(clients.filter(({ invitations }) => invitations !== 1)).to.have.length(0);
    expect(p99).to.be.lessThan(200);
    for (const client of clients) client.leave();
    await focus.stop();
  }).timeout(30_000);
});
