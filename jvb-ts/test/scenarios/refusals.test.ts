/** Every refusal of jvb-control 2.4 to 2.10, by table. */
import { expect } from "chai";
import type { ColibriConnect, ColibriRelay, ConferenceModify } from "#shared/stanza/colibri2";
import { defaultIceSettings } from "../../src/transport/ice/ice-settings.ts";
import {
  audioSource,
  creation,
  endpointRequest,
  modify,
  said,
  transportRequest,
} from "./requests.ts";
import { Stage } from "./stage.ts";

const relay = (over: Partial<ColibriRelay> = {}): ColibriRelay => ({
  id: "jvb2",
  meshId: undefined,
  create: true,
  expire: false,
  media: [],
  transport: transportRequest(),
  endpoints: [],
  ...over,
});
const connect: ColibriConnect = {
  id: "rec",
  create: true,
  expire: false,
  url: "wss://recorder.example/in",
  protocol: "mediajson",
  type: "recorder",
  audio: true,
  video: false,
};
const sctp = (port: number | undefined, role: "client" | "server" | undefined) =>
  transportRequest({ sctp: { port, role } });

const cases: { name: string; request: ConferenceModify; expected: string }[] = [
  {
    name: "endpoint and relay together",
    request: modify({ endpoints: [endpointRequest("x")], relays: [relay()] }),
    expected: "feature_not_implemented: Using both 'relay' and 'endpoint' in a request",
  },
  {
    name: "two endpoints, one with sources",
    request: modify({
      endpoints: [endpointRequest("aaaa1111", { sources: [] }), endpointRequest("x")],
    }),
    expected:
      "feature_not_implemented: Creating or updating media, sources or transport for more than one endpoint in a request.",
  },
  {
    name: "two relays",
    request: modify({ relays: [relay(), relay({ id: "jvb3" })] }),
    expected: "feature_not_implemented: Updating more than one 'relay' in a request.",
  },
  {
    name: "a relay",
    request: modify({ relays: [relay()] }),
    expected: "feature-not-implemented: Octo is disabled in configuration.",
  },
  {
    name: "an endpoint that exists",
    request: modify({ endpoints: [creation("aaaa1111")] }),
    expected: "conflict: Endpoint with ID aaaa1111 already exists",
  },
  {
    name: "a creation without transport",
    request: modify({ endpoints: [creation("x", { transport: undefined })] }),
    expected: "bad-request: Attempt to create endpoint x with no <transport>",
  },
  {
    name: "a creation without source names",
    request: modify({ endpoints: [creation("x", { capabilities: ["ssrc-rewriting"] })] }),
    expected: "bad-request: Source name support is mandatory.",
  },
  {
    name: "SCTP in the client role",
    request: modify({ endpoints: [creation("x", { transport: sctp(undefined, "client") })] }),
    expected: "feature-not-implemented: Unsupported SCTP role: CLIENT",
  },
  {
    name: "SCTP on another port",
    request: modify({ endpoints: [creation("x", { transport: sctp(5001, undefined) })] }),
    expected: "bad-request: Specific SCTP port requested, not supported.",
  },
  {
    name: "an update of an unknown endpoint",
    request: modify({ endpoints: [endpointRequest("x", { sources: [] })] }),
    expected: "unknown_endpoint: Endpoint not found for ID: x",
  },
  {
    name: "sources of a visitor",
    request: modify({
      endpoints: [creation("x", { mucRole: "visitor", sources: [audioSource("x", 5)] })],
    }),
    expected: "bad-request: Attempt to set sources for visitor endpoint x",
  },
  {
    name: "an exporter of another protocol",
    request: modify({ connects: [{ ...connect, protocol: "rtp" }] }),
    expected: "feature-not-implemented: Protocol rtp",
  },
  {
    name: "an update of an unknown exporter",
    request: modify({ connects: [{ ...connect, create: false }] }),
    expected: "bad-request: Connect for unknown id=rec without create=true",
  },
];

describe("refused requests", () => {
  for (const { name, request, expected } of cases) {
    it(`${name}, and nothing else changes`, async () => {
      const stage = new Stage();
      await stage.join("aaaa1111");
      expect(said(await stage.ask(request))).to.equal(expected);
      expect(await stage.stats()).to.include({ conferences: 1, endpoints: 1 });
    });
  }

  it("refuses SCTP when it is off", async () => {
    const stage = new Stage({ sctpEnabled: false });
    const request = modify({ create: true, endpoints: [creation("x")] });
    expect(said(await stage.ask(request))).to.equal(
      "feature-not-implemented: SCTP support is not configured",
    );
    expect(stage.io.open.size).to.equal(0);
  });

  it("echoes unknown ids in batches of force-mute and expire", async () => {
    const stage = new Stage();
    await stage.join("aaaa1111");
    const forceMute = { audio: true, video: false };
    const muted = await stage.ask(
      modify({
        endpoints: [
          endpointRequest("aaaa1111", { forceMute }),
          endpointRequest("cc33dd44", { forceMute }),
          endpointRequest("ee55ff66", { expire: true }),
        ],
      }),
    );
    expect(
      muted.ok && muted.modified.endpoints.map(({ id, expire }) => [id, expire]),
    ).to.deep.equal([
      ["aaaa1111", false],
      ["cc33dd44", false],
      ["ee55ff66", true],
    ]);
  });

  it("answers sctp with port and role, and refuses a restart by leaving the transport out", async () => {
    const stage = new Stage({ ice: { ...settingsWithoutRestart() } });
    const created = await stage.ask(modify({ create: true, endpoints: [creation("x")] }));
    expect(created.ok && created.modified.endpoints[0]?.transport?.sctp).to.deep.equal({
      port: 5000,
      role: "server",
    });
    const restart = await stage.ask(
      modify({
        endpoints: [endpointRequest("x", { transport: transportRequest({ iceRestart: true }) })],
      }),
    );
    expect(restart.ok && restart.modified.endpoints[0]?.transport).to.equal(undefined);
  });
});

function settingsWithoutRestart() {
  return { ...defaultIceSettings, restartEnabled: false };
}
