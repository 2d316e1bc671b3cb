/** The focus asks for an in-place ICE restart in mid-call, as in transcript 07b2. */
import { expect } from "chai";
import type { IceTransport } from "#shared/stanza/media";
import { withSetup } from "../dtls-setup.ts";
import type { Client } from "./client.ts";
import { creation, endpointRequest, modify, transportRequest } from "./requests.ts";
import { Stage } from "./stage.ts";

/** What the bridge answers to `ice-restart`. */
async function restart(stage: Stage, id: string): Promise<IceTransport | undefined> {
  const endpoints = [
    endpointRequest(id, {
      transport: transportRequest({ iceControlling: false, iceRestart: true }),
    }),
  ];
  const outcome = await stage.ask(modify({ endpoints }));
  return outcome.ok ? outcome.modified.endpoints[0]?.transport?.ice : undefined;
}

/** The client's half: new credentials to the bridge, the bridge's to the client. */
async function follow(stage: Stage, client: Client, offer: IceTransport): Promise<void> {
  const { clock } = stage.runtime;
  client.transport.restartIce(clock.now(), clock.wallNow());
  const own = client.transport.describeRestart();
  if (own === undefined) throw new Error("the client does not restart");
  const ice = { ...own, fingerprints: client.describe().fingerprints };
  await stage.ask(
    modify({ endpoints: [endpointRequest(client.id, { transport: transportRequest({ ice }) })] }),
  );
  client.transport.setRemote(withSetup(offer, "passive"), clock.now());
  client.pump();
  await stage.run(1000);
}

describe("an in-place ICE restart", () => {
  it("B-078 B-081 is answered with a new transport of the next generation, and moves the call over", async () => {
    const stage = new Stage();
    const a = await stage.join("aaaa1111");
    const b = await stage.join("bbbb2222");
    for (const generation of [1, 2]) {
      const offer = await restart(stage, "aaaa1111");
      expect(offer?.iceGeneration).to.equal(generation);
      expect(offer?.fingerprints[0]?.setup).to.equal("passive");
      expect(offer?.candidates.length).to.equal(1);
      expect(stage.io.ufrags).to.include(offer?.ufrag);
      if (offer === undefined) continue;
      await follow(stage, a, offer);
      expect(
        stage.log.messages("info").filter((line) => line === "ice restart succeeded").length,
      ).to.equal(generation);
      const message = { kind: "EndpointMessage", to: "aaaa1111", from: "", fields: {} } as const;
      a.messages.length = 0;
      b.say(message);
      await stage.run(50);
      expect(a.classes()).to.include("EndpointMessage");
    }
  });

  it("B-077 is answered with what there is before ICE has connected, and at all only for the known", async () => {
    const stage = new Stage();
    const create = modify({ create: true, name: "room@conference.example" });
    const created = await stage.ask({ ...create, endpoints: [creation("aaaa1111")] });
    const first = created.ok ? created.modified.endpoints[0]?.transport?.ice : undefined;
    const offer = await restart(stage, "aaaa1111");
    expect(offer?.iceGeneration).to.equal(undefined);
    expect(offer?.ufrag).to.equal(first?.ufrag);
    expect(await restart(stage, "nobody")).to.equal(undefined);
  });
});
