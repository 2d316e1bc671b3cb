/** What is left of a focus that was stopped while its connections go on. */
import { expect } from "chai";
import { recordingLogger } from "#shared/testing/recording-logger";
import { VirtualRuntime } from "#shared/testing/virtual-runtime";
import { createJicofo } from "../../src/program.ts";
import { settings } from "./authentication-world.ts";
import { FakeConnection, FakeRoom, jid } from "./fake-xmpp.ts";

describe("a focus that was stopped", () => {
  it("hears nothing, asks nothing and joins nothing, though its connections come back", async () => {
    const runtime = new VirtualRuntime();
    const client = new FakeConnection(runtime, jid("focus@auth.example.com/focus"));
    const service = new FakeConnection(runtime, jid("focus@service.example.com/focus"));
    const rooms: FakeRoom[] = [];
    const brewery = "jvbbrewery@internal.auth.example.com";
    const jicofo = createJicofo(settings(`jicofo.bridge.brewery-jid = "${brewery}"`), {
      runtime,
      log: recordingLogger(),
      client,
      service,
      component: undefined,
      openRoom: (_connection, room, nick, onEvent) => {
        const opened = new FakeRoom(room, nick, onEvent);
        rooms.push(opened);
        return opened;
      },
      discover: async () => [],
      caps: () => ({}),
      threads: () => 1,
      os: "Linux",
      http: undefined,
    });
    await runtime.advanceAsync(20_000);
    expect(rooms.map(({ room, joined }) => `${room} ${joined}`)).to.deep.equal([`${brewery} true`]);
    await jicofo.stop();
    await runtime.advanceAsync(20_000);
    const sent = client.sent.length + service.sent.length;
    for (const connection of [client, service]) {
      connection.change("connecting");
      connection.change("online");
    }
    await runtime.advanceAsync(60_000);
    expect(rooms.map(({ joined }) => joined)).to.deep.equal([false]);
    expect(client.sent.length + service.sent.length).to.equal(sent);
    expect([client.listeners, service.listeners]).to.deep.equal([0, 0]);
    expect(runtime.pendingTimers).to.equal(0);
  });
});
