import { expect } from "chai";
import type { ColibriErrorReason, ConferenceModified } from "#shared/stanza/colibri2";
import { colibriTransport } from "#shared/stanza/colibri2-blanks";
import { emptyTransport } from "#shared/stanza/ice-udp";
import type { EndpointSpec } from "./colibri-session.ts";
import { type ColibriRequest, ColibriSessions } from "./colibri-sessions.ts";
import { allocationReaction, type ColibriReply, updateReaction } from "./reaction.ts";

const bridge = { jid: "brewery@x/jvb1", nick: "jvb1", region: "r" };

function spec(id: string, more: Partial<EndpointSpec> = {}): EndpointSpec {
  return {
    id,
    statsId: `${id}-stats`,
    media: [],
    data: true,
    sources: [],
    forceMute: { audio: false, video: false },
    visitor: false,
    diarize: false,
    ssrcRewriting: false,
    rtpMidDemux: false,
    privateAddresses: false,
    ...more,
  };
}

function sessions(): ColibriSessions {
  let id = 0;
  const conference = { meetingId: "m", name: "room@x", rtcstatsEnabled: true };
  return new ColibriSessions(conference, () => `s${++id}`);
}

function modified(port: number | undefined, ...ids: string[]): ColibriReply<ConferenceModified> {
  return {
    kind: "result",
    value: {
      endpoints: ids.map((id) => ({
        id,
        expire: false,
        transport: colibriTransport({
          sctp: { port, role: undefined },
          ice: emptyTransport,
        }),
      })),
      relays: [],
      sources: undefined,
    },
  };
}

const refused = (condition: string, reason?: ColibriErrorReason, endpointId?: string) =>
  ({
    kind: "error",
    error: { condition, type: "cancel", reason, text: undefined, endpointId },
  }) as const;

/** The requests in short: what is created, expired or changed. */
const shown = (requests: readonly ColibriRequest[]): string[] =>
  requests.map(({ modify }) =>
    [
      modify.create ? "conference+" : modify.expire ? "conference-" : "",
      ...modify.endpoints.map(
        ({ id, create, expire }) => `${id}${create ? "+" : expire ? "-" : "~"}`,
      ),
    ]
      .filter((part) => part !== "")
      .join(" "),
  );

describe("sessions on bridges", () => {
  it("ask for one endpoint per request and create the conference with the first", () => {
    const all = sessions();
    all.allocate(bridge, spec("a"), 0);
    all.allocate(bridge, spec("b"), 0);
    expect(shown(all.drain())).to.deep.equal(["conference+ a+", "b+"]);
    all.allocate(bridge, spec("c"), 0);
    all.update("a", { initialLastN: 3 });
    all.update("a", { sources: [] });
    all.update("b", { sources: [] });
    expect(shown(all.drain())).to.deep.equal(["a~", "b~", "c+"]);
    expect(shown(all.drain())).to.deep.equal([]);
  });

  it("expire several endpoints at once", () => {
    const all = sessions();
    for (const id of ["a", "b", "c"]) all.allocate(bridge, spec(id), 0);
    all.drain();
    all.expire("a");
    all.expire("c");
    expect(shown(all.drain())).to.deep.equal(["a- c-"]);
  });

  it("expire an endpoint before they ask for it again", () => {
    const all = sessions();
    all.allocate(bridge, spec("a"), 0);
    all.allocate(bridge, spec("b"), 0);
    all.drain();
    all.expire("a");
    all.allocate(bridge, spec("a"), 0);
    expect(shown(all.drain())).to.deep.equal(["a-", "a+"]);
  });

  it("end the conference with its last endpoint and create it again only after the answer", () => {
    const all = sessions();
    all.allocate(bridge, spec("a"), 0);
    all.drain();
    all.expire("a");
    all.allocate(bridge, spec("a"), 0);
    const [expiry, ...others] = all.drain();
    expect(expiry?.modify.expire).to.equal(true);
    expect(others).to.deep.equal([]);
    all.allocate(bridge, spec("b"), 0);
    expect(shown(all.drain())).to.deep.equal([]);
    if (expiry !== undefined) all.handleReply(expiry.tag, { kind: "timeout" });
    expect(shown(all.drain())).to.deep.equal(["conference+ a+", "b+"]);
  });

  it("J-116: count who was added lately, whether or not it left, and afresh after the end", () => {
    const all = sessions();
    const recently = (since: number) => all.sessions.get(bridge.jid)?.recentlyAdded(since);
    for (const [at, id] of ["a", "b", "c"].entries()) all.allocate(bridge, spec(id), at * 1_000);
    expect([recently(0), recently(1_000), recently(2_001)]).to.deep.equal([3, 2, 0]);
    all.expire("a");
    expect(recently(0)).to.equal(3);
    all.endSession(bridge.jid);
    all.allocate(bridge, spec("d"), 3_000);
    expect(recently(0)).to.equal(1);
  });

  it("say nothing of an endpoint that came and went within a turn", () => {
    const all = sessions();
    all.allocate(bridge, spec("a"), 0);
    all.expire("a");
    expect(shown(all.drain())).to.deep.equal([]);
    expect(all.sessions.size).to.equal(0);
  });

  it("give every participant its transport and the bridge's sources from any answer", () => {
    const all = sessions();
    all.allocate(bridge, spec("a"), 0);
    all.allocate(bridge, spec("b"), 0);
    const outcomes = all
      .drain()
      .flatMap(({ tag }, at) => all.handleReply(tag, modified(5000, "ab".charAt(at))));
    expect(outcomes.map(({ kind }) => kind)).to.deep.equal(["allocated", "allocated"]);
    const [first] = outcomes;
    expect(first?.kind === "allocated" && first.allocation.sctpPort).to.equal(5000);
    expect(first?.kind === "allocated" && first.allocation.bridgeSession).to.equal("s1");
  });

  it("fail the one participant whose answer has no SCTP port or no transport", () => {
    for (const [reply, why] of [
      [modified(undefined, "a"), "no SCTP port"],
      [modified(5000, "z"), "no transport in the answer"],
    ] as const) {
      const all = sessions();
      all.allocate(bridge, spec("a"), 0);
      const [request] = all.drain();
      const [outcome] = request === undefined ? [] : all.handleReply(request.tag, reply);
      expect(outcome).to.include({ kind: "endpointFailed", why });
      expect(all.sessionOf("a")).to.equal(undefined);
    }
  });

  it("ignore answers for what is no longer wanted", () => {
    const all = sessions();
    all.allocate(bridge, spec("a"), 0);
    all.allocate(bridge, spec("b"), 0);
    const [first, second] = all.drain();
    all.expire("a");
    all.allocate(bridge, spec("a"), 0);
    if (first === undefined || second === undefined) throw new Error("two requests");
    expect(all.handleReply(first.tag, modified(5000, "a"))).to.deep.equal([]);
    expect(all.handleReply(second.tag, modified(5000, "b"))).to.have.length(1);
    all.endAll();
    expect(all.handleReply(second.tag, refused("conflict"))).to.deep.equal([]);
  });

  it("lose one endpoint, or the bridge, by the error of an update", () => {
    const all = sessions();
    all.allocate(bridge, spec("a"), 0);
    all.allocate(bridge, spec("b"), 0);
    all.drain();
    all.update("a", { sources: [] });
    const [update] = all.drain();
    if (update === undefined) throw new Error("a request");
    expect(all.handleReply(update.tag, { kind: "timeout" })).to.deep.equal([]);
    expect(
      all.handleReply(update.tag, refused("item-not-found", "unknown_endpoint", "a")),
    ).to.deep.equal([{ kind: "endpointLost", endpoint: "a", bridge: bridge.jid }]);
    const [failed] = all.handleReply(update.tag, refused("internal-server-error"));
    expect(failed).to.deep.include({ kind: "bridgeFailed", endpoints: ["b"] });
    expect(shown(all.drain())).to.deep.equal(["conference-"]);
  });
});

describe("reactions to failed requests", () => {
  const cases: readonly [Parameters<typeof allocationReaction>[0], string][] = [
    [{ kind: "timeout" }, "bridge failed"],
    [refused("bad-request"), "endpoint none"],
    [refused("item-not-found", "conference_not_found"), "bridge none"],
    [refused("item-not-found", "unknown_endpoint"), "endpoint none"],
    [refused("item-not-found"), "endpoint none"],
    [refused("conflict"), "bridge none"],
    [refused("conflict", "unspecified"), "bridge none"],
    [refused("conflict", "conference_already_exists"), "bridge none"],
    [refused("service-unavailable", "graceful_shutdown"), "bridge shutdown"],
    [refused("service-unavailable"), "bridge failed"],
    [refused("internal-server-error"), "bridge failed"],
    [refused("feature-not-implemented", "feature_not_implemented"), "bridge failed"],
    [{ kind: "unusable", why: "x" }, "endpoint failed"],
    [{ kind: "disconnected" }, "endpoint none"],
  ];
  for (const [reply, expected] of cases) {
    const name =
      reply.kind === "error" ? `${reply.error.condition} ${reply.error.reason}` : reply.kind;
    it(`allocation: ${name} → ${expected}`, () => {
      const { scope, fault } = allocationReaction(reply);
      expect(`${scope} ${fault}`).to.equal(expected);
    });
  }

  it("of an update concern one endpoint only if the bridge names it", () => {
    expect(updateReaction(refused("item-not-found", "unknown_endpoint", "a")).scope).to.equal(
      "endpoint",
    );
    expect(updateReaction(refused("item-not-found", "unknown_endpoint")).scope).to.equal("bridge");
    expect(updateReaction({ kind: "timeout" }).scope).to.equal("none");
    expect(updateReaction({ kind: "unusable", why: "x" }).scope).to.equal("bridge");
  });
});
