import { expect } from "chai";
import { JVB_HTTP } from "#shared/http/dialect";
import type { HttpHandler } from "#shared/http/message";
import { createHttpServer } from "#shared/http/server";
import { ok } from "#shared/runtime/result";
import { recordingLogger } from "#shared/testing/recording-logger";
import type { BridgeApi } from "./bridge-api.ts";
import { type ApiSwitches, addPrivateRoutes } from "./private-http.ts";

const refused = () => {
  throw new Error("not asked for here");
};

/** Knows plain text metrics only. */
const api: BridgeApi = {
  version: "2.3-test",
  health: refused,
  statistics: refused,
  metrics: (accept) =>
    Promise.resolve(
      accept === "text/plain" ? { contentType: "text/plain", body: "a 1\n" } : undefined,
    ),
  drain: false,
  setDrain: refused,
  shutDown: refused,
  conferenceOf: refused,
  colibri: refused,
  debug: refused,
  mayCapture: false,
  capture: refused,
  speakers: refused,
  debugHead: refused,
  debugStats: refused,
  mucClients: refused,
  addMucClient: refused,
  removeMucClient: refused,
};

const off: ApiSwitches = {
  colibri: false,
  debug: false,
  drain: false,
  health: false,
  prometheus: false,
  rtcstats: false,
  version: false,
  shutdown: false,
};

/** The routes that these switches give. */
function routes(switches: ApiSwitches): Map<string, HttpHandler> {
  const handlers = new Map<string, HttpHandler>();
  addPrivateRoutes(
    {
      route: (method, pattern, handler) => void handlers.set(`${method} ${pattern}`, handler),
      upgrade: refused,
      start: refused,
      stop: refused,
      port: 0,
    },
    api,
    switches,
  );
  return handlers;
}

describe("private HTTP routes", () => {
  const handlers = routes({ ...off, prometheus: true, version: true });
  const get = (path: string, accept: string) => {
    const handler = handlers.get(`GET ${path}`);
    if (handler === undefined) throw new Error(`no route ${path}`);
    return handler({
      method: "GET",
      path,
      params: {},
      query: new URLSearchParams(),
      headers: { accept },
      remoteAddress: "127.0.0.1",
      body: new Uint8Array(),
      json: () => ok(undefined),
    });
  };

  it("are only those that are switched on", () => {
    expect([...handlers.keys()].sort()).to.deep.equal(["GET /about/version", "GET /metrics"]);
  });

  it("give metrics in the form asked for", async () => {
    expect(await get("/metrics", "text/plain")).to.deep.equal({
      status: 200,
      headers: { "Content-Type": "text/plain" },
      body: "a 1\n",
    });
  });

  it("answer a form that nobody makes as upstream does (spec jvb-control 6.6)", async () => {
    expect((await get("/metrics", "image/png")).status).to.equal(500);
  });
});

describe("debug routes", () => {
  const log = recordingLogger();
  const server = createHttpServer({
    name: "private",
    host: "127.0.0.1",
    port: 0,
    portKey: "x",
    dialect: JVB_HTTP,
    log,
  });
  before(async () => {
    addPrivateRoutes(server, api, { ...off, debug: true });
    await server.start();
  });
  after(() => server.stop(50));
  const ask = (path: string, method = "GET"): Promise<Response> =>
    fetch(`http://127.0.0.1:${server.port}${path}`, { method, redirect: "manual" });

  it("lead from the old paths to the new ones, whatever stands in them", async () => {
    for (const [from, to] of [
      ["/colibri/debug/a/b?full=true", "/debug/a/b?full=true"],
      ["/colibri/debug/%0d%0aX:1", "/debug/%0D%0AX%3A1"],
      ["/colibri/debug/%E2%82%AC", "/debug/%E2%82%AC"],
      ["/colibri/debug//evil.example", "/debug//evil.example"],
      ["/debug/stats/%0d%0aX:1", "/debug/stats/jvb/%0D%0AX%3A1"],
    ] as const) {
      const reply = await ask(from);
      expect(reply.status, from).to.be.oneOf([301, 302]);
      expect(reply.headers.get("location"), from).to.equal(to);
      expect(reply.headers.get("x")).to.equal(null);
    }
    expect(log.messages("error")).to.deep.equal([]);
  });

  it("switch what there are figures of, and know nothing of what is not built", async () => {
    const feature = "/debug/features/jvb/";
    expect((await ask(`${feature}queue-stats/true`, "POST")).status).to.equal(200);
    expect(await (await ask(`${feature}queue-stats`)).text()).to.equal("true");
    for (const name of ["payload-verification", "node-tracing", "pool-bookkeeping", "nosuch"]) {
      expect((await ask(`${feature}${name}/true`, "POST")).status, name).to.equal(404);
      expect((await ask(feature + name)).status, name).to.equal(404);
    }
    expect((await ask(`${feature}task-pool-stats/true`, "POST")).status).to.equal(404);
  });

  for (const mayCapture of [false, true])
    it(`capture an endpoint's packets ${mayCapture ? "where that is switched on" : "only where that is switched on"}`, async () => {
      const captured: Record<string, boolean> = {};
      const handlers = new Map<string, HttpHandler>();
      const door = {
        route: (method: string, pattern: string, handler: HttpHandler) =>
          void handlers.set(`${method} ${pattern}`, handler),
        upgrade: refused,
        start: refused,
        stop: refused,
        port: 0,
      };
      const asked: BridgeApi = {
        ...api,
        mayCapture,
        debug: () => Promise.resolve({ c: { endpoints: { e: null } } }),
        capture: ({ feature, on }) => {
          if (on !== undefined) captured[feature] = on;
          return Promise.resolve(captured[feature] ?? false);
        },
      };
      addPrivateRoutes(door, asked, { ...off, debug: true });
      const one = "/debug/features/endpoint/{conference}/{endpoint}/{feature}";
      const call = async (method: string, endpoint: string, feature: string, value?: string) => {
        const handler = handlers.get(`${method} ${one}${value === undefined ? "" : "/{value}"}`)!;
        const params = { conference: "c", endpoint, feature, ...(value && { value }) };
        const query = new URLSearchParams();
        const reply = await handler({
          method,
          path: "",
          params,
          query,
          headers: {},
          remoteAddress: "127.0.0.1",
          body: new Uint8Array(),
          json: () => ok(undefined),
        });
        return method === "POST" ? reply.status : reply.body;
      };
      expect(await call("POST", "e", "pcap-dump", "true")).to.equal(mayCapture ? 200 : 403);
      expect(await call("GET", "e", "pcap-dump")).to.equal(String(mayCapture));
      expect(await call("POST", "x", "pcap-dump", "true")).to.equal(404);
      expect(await call("GET", "e", "sctp-pcap-dump")).to.equal("false");
      expect(await call("POST", "e", "sctp-pcap-dump", "true")).to.equal(mayCapture ? 200 : 403);
      expect(await call("GET", "e", "sctp-pcap-dump")).to.equal(String(mayCapture));
      expect(await call("POST", "e", "other-dump", "true")).to.equal(404);
      expect(captured).to.deep.equal(
        mayCapture ? { "pcap-dump": true, "sctp-pcap-dump": true } : {},
      );
    });
});
