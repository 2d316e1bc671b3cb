import { expect } from "chai";
import type { HttpHandler, HttpReply, HttpRequest } from "#shared/http/message";
import type { HttpServer } from "#shared/http/server";
import { err, ok } from "#shared/runtime/result";
import { VirtualRuntime } from "#shared/testing/virtual-runtime";
import { BridgeRegistry } from "../bridge/registry.ts";
import { readReport } from "../bridge/report.ts";
import { defaultBridgeSettings } from "../bridge/settings.ts";
import type { Focus } from "../focus/door.ts";
import { addDebugRoutes } from "./debug-routes.ts";
import { addConferenceRoute, addMetricsRoute, addPlainRoutes } from "./http-routes.ts";
import { createMetrics } from "./metrics.ts";
import { addMoveRoutes } from "./move-routes.ts";
import { addPinRoutes } from "./pin-routes.ts";
import { Pins } from "./pins.ts";
import { statsObject } from "./stats.ts";

const room = "r1@conference.example.com";

/** A focus with one room of two. */
const focus: Focus = {
  admit: () => ({ verdict: "admitted", loud: true }),
  notReady: () => {
    throw new Error("everybody is admitted");
  },
  request: async () => err(refused),
  has: (name) => name === room,
  hasBreakouts: () => false,
  memberAuthenticated: () => {},
  handleBridge: () => {},
  rooms: () => [room],
  debugState: (name, full) => (name === room ? { name, full } : undefined),
  rtcstats: () => ({}),
  participantCount: () => 2,
  figures: () => ({
    conferences: 1,
    participants: 2,
    largestConference: 2,
    sizes: [2],
    pairs: 4,
    jingleSent: new Map([
      ["session-initiate", 2],
      ["source-add", 1],
    ]),
    jingleReceived: new Map([["session-accept", 2]]),
  }),
  moveEndpoint: (_room, endpoint) =>
    endpoint === "e1"
      ? { movedEndpoints: 1, conferences: 1 }
      : { movedEndpoints: 0, conferences: 0 },
  moveEndpoints: (_bridge, _room, count) => ({ movedEndpoints: count, conferences: 1 }),
  stop: async () => {},
};
const refused = {
  type: "cancel",
  condition: "not-allowed",
  text: undefined,
  application: undefined,
} as const;

function setUp() {
  const routes = new Map<string, HttpHandler>();
  const server: HttpServer = {
    route: (method, pattern, handler) => routes.set(`${method} ${pattern}`, handler),
    upgrade: () => {},
    start: async () => {},
    stop: async () => {},
    port: 0,
  };
  const { clock } = new VirtualRuntime();
  const metrics = createMetrics(clock, "1.1.x");
  const bridges = new BridgeRegistry(defaultBridgeSettings);
  bridges.handleReport("brewery@x/jvb1", readReport(new Map([["version", "2.3"]])), 0);
  for (let n = 0; n < 20; n++) bridges.endpointAdded("brewery@x/jvb1", 0);
  addPlainRoutes(server, {
    focus,
    metrics,
    update: () => {},
    stats: () =>
      statsObject({
        figures: focus.figures(),
        bridges: bridges.bridges(0),
        metrics,
        version: "1.1.x",
        jigasiConfigured: true,
        threads: 7,
        health: undefined,
      }),
    health: undefined,
    version: "1.1.x",
    os: "Linux",
  });
  addMetricsRoute(server, {
    focus,
    metrics,
    update: () => {},
    stats: () => ({}),
    health: undefined,
    version: "",
    os: "",
  });
  addMoveRoutes(server, focus, bridges, clock);
  addPinRoutes(server, new Pins(), clock);
  addDebugRoutes(server, {
    focus,
    bridges,
    clock,
    strategy: "SingleBridgeSelectionStrategy",
    focusJid: "focus@auth.example.com",
    jibriBrewery: "jibri@x",
    jibriSipBrewery: undefined,
    jigasiBrewery: undefined,
    component: () => undefined,
    caps: () => ({}),
  });
  addConferenceRoute(server, async (request) =>
    request.room === room
      ? ok({
          room,
          focusJid: "focus@auth.example.com",
          ready: true,
          sessionId: undefined,
          identity: undefined,
          vnode: undefined,
          properties: new Map(),
        })
      : err(refused),
  );
  /** The reply to `METHOD /path?query`; `route` where it has parameters. */
  const call = async (
    line: string,
    more: { body?: string; headers?: Record<string, string>; params?: Record<string, string> } = {},
  ): Promise<HttpReply> => {
    const [method = "", target = ""] = line.split(" ");
    const [path = "", query = ""] = target.split("?");
    const handler = routes.get(`${method} ${path}`);
    if (!handler) throw new Error(`no route ${method} ${path}`);
    const body = more.body ?? "";
    const request: HttpRequest = {
      method,
      path,
      params: more.params ?? {},
      query: new URLSearchParams(query),
      headers: more.headers ?? {},
      remoteAddress: "127.0.0.1",
      body: new TextEncoder().encode(body),
      json: () => {
        try {
          return ok(JSON.parse(body) as unknown);
        } catch {
          return err("not JSON");
        }
      },
    };
    return handler(request);
  };
  const text = async (...args: Parameters<typeof call>) => {
    const { status, body } = await call(...args);
    return `${status} ${body === undefined ? "" : String(body)}`.trim();
  };
  const json = async (...args: Parameters<typeof call>): Promise<unknown> =>
    JSON.parse(String((await call(...args)).body)) as unknown;
  return { call, text, json, routes };
}

describe("REST", () => {
  it("says what it is, and has no health without health checks", async () => {
    const { json, routes } = setUp();
    expect(await json("GET /about/version")).to.deep.equal({
      name: "JiCoFo",
      version: "1.1.x",
      os: "Linux",
    });
    expect(routes.has("GET /about/health")).to.equal(false);
  });

  it("shows statistics with upstream's keys", async () => {
    const { json } = setUp();
    const stats = (await json("GET /stats")) as Record<string, unknown>;
    expect(Object.keys(stats).sort()).to.deep.equal(
      `total_participants total_conferences_created conferences conferences_with_visitors
      bridge_failures participant_notifications largest_conference participants visitors
      conference_sizes endpoint_pairs jibri queues bridge_selector jibri_detector
      sip_jibri_detector jigasi_detector jigasi threads jingle version`
        .split(/\s+/)
        .sort(),
    );
    expect(stats["jingle"]).to.deep.equal({
      sent: { SESSION_INITIATE: 2, SOURCEADD: 1 },
      received: { SESSION_ACCEPT: 2 },
    });
    expect(stats["conference_sizes"]).to.include({ average: 2, max: 2, total_value: 2 });
    expect(stats["bridge_selector"]).to.include({ bridge_count: 1, bridge_version_count: 1 });
  });

  it("shows metrics as asked and refuses other forms", async () => {
    const { call, text } = setUp();
    const open = await call("GET /metrics");
    expect(open.headers?.["Content-Type"]).to.match(/^application\/openmetrics-text/);
    expect(await text("GET /metrics", { headers: { accept: "image/png" } })).to.match(/^500 /);
  });

  it("answers conference requests with upstream's statuses", async () => {
    const { text, call } = setUp();
    const headers = { "content-type": "application/json; charset=utf-8" };
    const ask = (body: string, more = headers) =>
      text("POST /conference-request/v1", { headers: more, body });
    expect(await ask(`{"room":"${room}"}`)).to.equal(
      `200 {"room":"${room}","ready":true,"focusJid":"focus@auth.example.com"}`,
    );
    expect(await ask(`{"room":"other@c"}`)).to.equal(
      "400 Bad request: XMPPError: not-allowed - cancel",
    );
    expect(await ask("{not json")).to.match(/^400 Bad request: Failed to convert/);
    expect(await ask("{}")).to.equal(
      "400 Bad request: XMPPError: bad-request - modify [No 'room' specified.]",
    );
    expect(await ask(`{"room":"a@b"}`, { "content-type": "text/plain" })).to.match(
      /^400 Bad request: Cannot transform/,
    );
    expect((await call("OPTIONS /conference-request/v1")).status).to.equal(200);
  });

  it("keeps pins", async () => {
    const { text, json } = setUp();
    expect(await text("GET /pin")).to.equal("200 []");
    const pin = { conferenceId: room, jvbVersion: "2.3", durationMinutes: 10 };
    expect(await text("POST /pin", { body: JSON.stringify(pin) })).to.equal("200");
    expect(await json("GET /pin")).to.deep.equal([
      { conferenceId: room, jvbVersion: "2.3", expiresAt: "2026-01-01T00:10:00Z" },
    ]);
    expect(await text("POST /pin", { body: "zzz" })).to.match(/^400 Bad request: /);
    expect(
      await text("POST /pin", { body: JSON.stringify({ ...pin, conferenceId: "a@b@c" }) }),
    ).to.equal("400 Bad request: Invalid conference ID");
    const unpin = (id: string) =>
      text("POST /pin/remove", { body: JSON.stringify({ conferenceId: id }) });
    expect(await unpin("nobody@c")).to.equal("200");
    expect(await unpin(room)).to.equal("200");
    expect(await text("POST /pin/remove", { body: "zzz" })).to.match(/^500 /);
    expect(await text("GET /pin")).to.equal("200 []");
  });

  const moves: [target: string, reply: string][] = [
    ["move-endpoint", "400 Bad request: Missing parameter: conference"],
    [`move-endpoint?conference=${room}`, "400 Bad request: Missing parameter: endpoint"],
    ["move-endpoint?conference=x@c&endpoint=e", "500 Not found: Conference not found"],
    [
      "move-endpoint?conference=%20@@&endpoint=x",
      "400 Bad request: Invalid parameter: conference ID",
    ],
    [
      `move-endpoint?conference=${room}&endpoint=e1&bridge=nosuch`,
      "500 Not found: Bridge not found",
    ],
    [`move-endpoint?conference=${room}&endpoint=e2`, '200 {"movedEndpoints":0,"conferences":0}'],
    [
      `move-endpoint?conference=${room}&endpoint=e1&bridge=jvb1`,
      '200 {"movedEndpoints":1,"conferences":1}',
    ],
    ["move-endpoints", "400 Bad request: Missing parameter: bridge"],
    ["move-endpoints?bridge=jvb9", "500 Not found: Bridge not found"],
    ["move-endpoints?bridge=jvb1&numEndpoints=abc", '500 For input string: "abc"'],
    ["move-endpoints?bridge=jvb1", '200 {"movedEndpoints":1,"conferences":1}'],
    ["move-fraction?bridge=jvb1&fraction=x", '500 For input string: "x"'],
    ["move-fraction?bridge=jvb1&fraction=0.0", '200 {"movedEndpoints":0,"conferences":1}'],
    ["move-fraction?bridge=brewery@x/jvb1", '200 {"movedEndpoints":2,"conferences":1}'],
  ];
  for (const [target, reply] of moves)
    it(`answers ${target}`, async () =>
      expect(await setUp().text(`GET /move-endpoints/${target}`)).to.equal(reply));

  it("shows conferences and bridges to debuggers", async () => {
    const { json, text } = setUp();
    expect(await json("GET /debug")).to.deep.include({
      focus_manager: { [room]: 2 },
      jibri_detector: { is_sip: false, brewery_jid: "jibri@x" },
      sip_jibri_detector: null,
    });
    expect(await json("GET /debug?full=true")).to.deep.include({
      focus_manager: { [room]: { name: room, full: true } },
    });
    expect(await json("GET /debug/conferences")).to.deep.equal([room]);
    const one = (name: string) => text("GET /debug/conference/{room}", { params: { room: name } });
    expect(await one(room)).to.match(/^200 \{"name"/);
    expect(await one("nobody@c")).to.equal("200 {}");
    expect(await one("a@b@c@@")).to.equal("400 Bad request: Invalid conference ID");
  });
});
