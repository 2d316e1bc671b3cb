/** Items of the media checklist (spec jvb-media 15) that need a whole bridge. */
import { expect } from "chai";
import { endpointRequest, modify, said, transportRequest } from "./requests.ts";
import { Stage } from "./stage.ts";

describe("media checklist: life", () => {
  it("an endpoint whose ICE failed goes with the next sweep (M-024)", async () => {
    const stage = new Stage();
    await stage.join("aaaa1111");
    const id = "bbbb2222";
    const lost = endpointRequest(id, {
      create: true,
      capabilities: ["source-names"],
      transport: transportRequest(),
    });
    const created = await stage.ask(modify({ endpoints: [lost] }));
    expect(said(created)).to.equal("ok");
    const ice = {
      ufrag: "nobody",
      pwd: "a password of twenty-two characters",
      candidates: [
        {
          component: 1,
          foundation: "1",
          generation: 0,
          id: "1",
          network: 0,
          priority: 2_130_706_431,
          protocol: "udp" as const,
          type: "host" as const,
          ip: "203.0.113.77",
          port: 9,
          relAddr: undefined,
          relPort: undefined,
          tcpType: undefined,
        },
      ],
      fingerprints: [],
      webSockets: [],
      rtcpMux: true,
      iceGeneration: undefined,
    };
    const request = endpointRequest(id, { transport: transportRequest({ ice }) });
    expect(said(await stage.ask(modify({ endpoints: [request] })))).to.equal("ok");
    await stage.run(70_000);
    const update = modify({ endpoints: [endpointRequest(id, { transport: transportRequest() })] });
    expect(said(await stage.ask(update))).to.equal(
      `unknown_endpoint: Endpoint not found for ID: ${id}`,
    );
  });
});
