import { expect } from "chai";
import { recordingLogger } from "#shared/testing/recording-logger";
import { VirtualRuntime } from "#shared/testing/virtual-runtime";
import { NS } from "#shared/xmpp/namespaces";
import { type Element, xml } from "#shared/xmpp/xml";
import { FakeConnection, jid } from "../../test/scenarios/fake-xmpp.ts";
import { Components } from "./components.ts";

const domain = "example.com";
const identity = (category: string, type: string, name?: string) =>
  xml("identity", { category, type, name });

describe("components of the deployment", () => {
  async function discovered(answers: readonly (readonly Element[] | undefined)[]) {
    const runtime = new VirtualRuntime();
    const connection = new FakeConnection(runtime, jid("focus@auth.example.com/focus"));
    const components = new Components();
    for (const identities of answers) {
      connection.peers.set(domain, (iq) =>
        identities === undefined
          ? undefined
          : xml(
              "iq",
              { type: "result", from: domain, id: iq.attrs["id"] },
              xml("query", { xmlns: NS.discoInfo }, identities),
            ),
      );
      const done = components.discover(connection, domain, 15_000, recordingLogger());
      await runtime.advanceAsync(20_000);
      await done;
    }
    return components;
  }

  it("J-011: are the main domain's identities of that category, the name being the address", async () => {
    const components = await discovered([
      [
        identity("server", "im", "Prosody"),
        identity("component", "room_metadata", "metadata.example.com"),
        identity("component", "breakout_rooms", "breakout.example.com"),
        identity("component", "av_moderation"),
      ],
    ]);
    expect(components.address("room_metadata")).to.equal("metadata.example.com");
    expect(components.address("breakout_rooms")).to.equal("breakout.example.com");
    expect(components.address("av_moderation")).to.equal(undefined);
    expect(components.address("im")).to.equal(undefined);
  });

  it("J-011: are forgotten when the domain does not answer the next time", async () => {
    const components = await discovered([
      [identity("component", "room_metadata", "metadata.example.com")],
      undefined,
    ]);
    expect(components.address("room_metadata")).to.equal(undefined);
  });
});
