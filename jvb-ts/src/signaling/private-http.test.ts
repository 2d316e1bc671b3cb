import { expect } from "chai";
import type { HttpHandler } from "#shared/http/message";
import { ok } from "#shared/runtime/result";
import type { BridgeApi } from "./bridge-api.ts";
import { addPrivateRoutes } from "./private-http.ts";

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
  speakers: refused,
  debugHead: refused,
  debugStats: refused,
  mucClients: refused,
  addMucClient: refused,
  removeMucClient: refused,
};

describe("private HTTP routes", () => {
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
    {
      colibri: false,
      debug: false,
      drain: false,
      health: false,
      prometheus: true,
      rtcstats: false,
      version: true,
      shutdown: false,
    },
  );
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
