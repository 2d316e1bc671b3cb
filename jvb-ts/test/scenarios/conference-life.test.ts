/** A conference from its creation to its end, over signalling and by time alone. */
import { expect } from "chai";
import { endpointRequest, modify, said, transportRequest } from "./requests.ts";
import { Stage } from "./stage.ts";

describe("life of a conference", () => {
  it("B-001 B-018 B-020 B-074 connects two, tells them what they need, and ends with the last", async () => {
    const stage = new Stage();
    const a = await stage.join("aaaa1111");
    const b = await stage.join("bbbb2222");
    for (const client of [a, b]) {
      expect(client.transport.iceConnected, "ICE").to.equal(true);
      expect(client.transport.dtlsConnected, "DTLS").to.equal(true);
      expect(client.transport.channelReady, "channel").to.equal(true);
    }
    expect(a.classes()).to.include("ForwardedSources");
    expect(await stage.stats()).to.include({
      conferences: 1,
      endpoints: 2,
      total_participants: 2,
      total_ice_succeeded: 2,
    });

    const one = await stage.ask(
      modify({ endpoints: [endpointRequest("aaaa1111", { expire: true })] }),
    );
    expect(one.ok && one.modified.endpoints).to.deep.equal([
      { id: "aaaa1111", expire: true, transport: undefined },
    ]);
    const last = modify({ endpoints: [endpointRequest("bbbb2222", { expire: true })] });
    expect(said(await stage.ask(last))).to.equal("ok");
    expect(said(await stage.ask(modify()))).to.equal(
      "conference_not_found: Conference not found for ID: meeting-1",
    );
    expect(stage.io.open.size, "sessions").to.equal(0);
    expect(stage.io.ufrags.size, "ufrags").to.equal(0);
    expect(await stage.stats()).to.include({ conferences: 0, total_conferences_completed: 1 });
  });

  it("B-019 gives the same feedback sources to every new endpoint and none to updates", async () => {
    const stage = new Stage();
    const create = await stage.ask(modify({ create: true, name: "r@c.example" }));
    const again = await stage.ask(
      modify({
        endpoints: [
          endpointRequest("e1", {
            create: true,
            capabilities: ["source-names"],
            transport: transportRequest(),
          }),
        ],
      }),
    );
    const update = await stage.ask(modify({ endpoints: [endpointRequest("e1")] }));
    if (!create.ok || !again.ok || !update.ok) throw new Error("refused");
    expect(create.modified.sources?.map(({ id }) => id)).to.deep.equal(["jvb-a0", "jvb-v0"]);
    expect(again.modified.sources).to.deep.equal(create.modified.sources);
    expect(update.modified.sources).to.equal(undefined);
    expect(update.modified.endpoints[0]?.transport).to.equal(undefined);
  });

  it("B-021 is not ended by the request that creates it, but by time when it stays empty", async () => {
    const stage = new Stage();
    expect(said(await stage.ask(modify({ create: true })))).to.equal("ok");
    await stage.run(15_000);
    expect(stage.bridge.conferenceOf("meeting-1")).to.not.equal(undefined);
    await stage.run(50_000);
    expect(stage.bridge.conferenceOf("meeting-1")).to.equal(undefined);
  });

  it("B-016 B-089 lets go of an endpoint that never connects, after two minutes (M-024)", async () => {
    const stage = new Stage();
    await stage.join("aaaa1111");
    const lonely = endpointRequest("bbbb2222", {
      create: true,
      capabilities: ["source-names"],
      transport: transportRequest(),
    });
    await stage.ask(modify({ endpoints: [lonely] }));
    await stage.run(119_000);
    const update = modify({
      endpoints: [endpointRequest("bbbb2222", { transport: transportRequest() })],
    });
    expect(said(await stage.ask(update))).to.equal("ok");
    await stage.run(70_000);
    const gone = await stage.ask(update);
    expect(said(gone)).to.equal("unknown_endpoint: Endpoint not found for ID: bbbb2222");
    expect(!gone.ok && gone.error.endpointId).to.equal("bbbb2222");
  });

  it("B-088 B-105 B-125 tells the others of a silent endpoint, and forgets it after a minute (M-024)", async () => {
    const stage = new Stage();
    const a = await stage.join("aaaa1111");
    const b = await stage.join("bbbb2222");
    a.messages.length = 0;
    stage.vanish(b);
    await stage.run(20_000);
    expect(a.messages).to.include(
      '{"colibriClass":"EndpointConnectivityStatusChangeEvent","endpoint":"bbbb2222","active":"false"}',
    );
    expect(await stage.stats()).to.include({ endpoints: 2, endpoints_disconnected: 1 });
    await stage.run(120_000);
    expect(await stage.stats()).to.include({ endpoints: 1 });
  });

  it("shows figures under every name of the debug statistics", async () => {
    const stage = new Stage();
    await stage.join("aaaa1111");
    await stage.join("bbbb2222");
    const shown: Record<string, string> = {};
    for (const name of [
      "node-stats",
      "pool-stats",
      "queue-stats",
      "transit-stats",
      "task-pool-stats",
      "xmpp-delay-stats",
      "payload-verification",
      "ice-stats",
      "conference-packet-stats",
      "tossed-packet-stats",
    ]) {
      void stage.bridge.debugStats(name).then((value) => {
        shown[name] = JSON.stringify(value);
      });
    }
    await stage.run(10);
    expect(Object.keys(shown)).to.have.length(10);
    for (const [name, text] of Object.entries(shown)) expect(text, name).to.match(/:\d/);
    expect(shown["ice-stats"]).to.contain('"ice_succeeded":2');
    expect(shown["conference-packet-stats"]).to.contain('"conferences_by_size":{"2":1}');
    expect(shown["task-pool-stats"]).to.contain('"local_endpoints_by_worker":[2]');
    const unknown = stage.bridge.debugStats("nosuch");
    await stage.run(10);
    expect(await unknown).to.equal(undefined);
  });
});
