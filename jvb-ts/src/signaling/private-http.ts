/** Routes of the private HTTP server (jvb-control 6.2). A disabled API answers 404. */
import {
  emptyReply,
  type HttpHandler,
  type HttpReply,
  type HttpRequest,
  jsonReply,
  textReply,
} from "#shared/http/message";
import type { HttpServer } from "#shared/http/server";
import { type CaptureRequest, captureFeatures } from "../export/captures.ts";
import type { BridgeApi } from "./bridge-api.ts";
import { conferenceModifiedJson, parseConferenceJson } from "./colibri-json.ts";

/** Which APIs are on. `colibri` is `videobridge.apis.rest.enabled`. */
export interface ApiSwitches {
  readonly colibri: boolean;
  readonly debug: boolean;
  readonly drain: boolean;
  readonly health: boolean;
  readonly prometheus: boolean;
  readonly rtcstats: boolean;
  readonly version: boolean;
  readonly shutdown: boolean;
}

/**
 * Figures that upstream collects only while they are switched on. Here they are always there
 * (`/debug/stats/jvb/NAME`), so the switch is remembered for those who read it, as scripts do that
 * switch, poll and switch back. Features that are not built are unknown: verification of payloads,
 * tracing of nodes, bookkeeping of pools, timing of queues.
 */
const jvbFeatures: Readonly<Record<string, boolean>> = {
  "node-stats": true,
  "pool-stats": false,
  "queue-stats": false,
  "transit-stats": true,
  "task-pool-stats": true,
  "tossed-packet-stats": true,
};
const readOnlyFeatures = new Set(["task-pool-stats", "tossed-packet-stats"]);

/** Adds every route that is switched on. */
export function addPrivateRoutes(server: HttpServer, api: BridgeApi, on: ApiSwitches): void {
  if (on.health) server.route("GET", "/about/health", () => health(api));
  if (on.version) {
    server.route("GET", "/about/version", () =>
      jsonReply({ name: "JVB", version: api.version, os: "Linux" }),
    );
  }
  if (on.prometheus) {
    server.route("GET", "/metrics", async ({ headers }) => {
      const view = await api.metrics(headers.accept);
      // Upstream answers so, not with 406 (spec jvb-control 6.6).
      if (view === undefined) return emptyReply(500);
      return { status: 200, headers: { "Content-Type": view.contentType }, body: view.body };
    });
  }
  if (on.rtcstats) {
    server.route("GET", "/stats", async () =>
      jsonReply({ conferences: await api.debug(undefined, undefined, "stats") }),
    );
  }
  if (on.drain) addDrainRoutes(server, api);
  if (on.colibri) addColibriRoutes(server, api);
  if (on.colibri && on.shutdown) {
    server.route(
      "POST",
      "/colibri/shutdown",
      wantsJson((body) => shutDown(api, body)),
    );
  }
  if (on.debug) addDebugRoutes(server, api);
}

function health(api: BridgeApi): HttpReply {
  const { success, hardFailure, message } = api.health();
  return success ? emptyReply() : textReply(message ?? "", hardFailure ? 500 : 503);
}

/** Wraps a handler of a JSON body: 415 for another type, 400 for what is no JSON. */
function wantsJson(
  handle: (body: unknown, request: HttpRequest) => HttpReply | Promise<HttpReply>,
  onBadJson: (why: string) => HttpReply = (why) => textReply(why, 400),
): HttpHandler {
  return (request) => {
    const type = (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase();
    if (type !== "application/json") return emptyReply(415);
    const body = request.json();
    return body.ok ? handle(body.value, request) : onBadJson(body.error);
  };
}

function fieldOf(body: unknown, key: string): unknown {
  if (typeof body !== "object" || body === null || !Object.hasOwn(body, key)) return undefined;
  return (body as Readonly<Record<string, unknown>>)[key];
}

/** The text `"true"` counts as true: the packaged script sends it. */
function shutDown(api: BridgeApi, body: unknown): HttpReply {
  const wanted = fieldOf(body, "graceful-shutdown");
  const text = typeof wanted === "string" ? wanted.toLowerCase() : wanted;
  if (text === true || text === "true") api.shutDown(true);
  else if (text === false || text === "false") api.shutDown(false);
  else return textReply("graceful-shutdown must be true or false", 400);
  return emptyReply();
}

function addDrainRoutes(server: HttpServer, api: BridgeApi): void {
  server.route("GET", "/colibri/drain", () => jsonReply({ drain: api.drain }));
  for (const [word, value] of [
    ["enable", true],
    ["disable", false],
  ] as const) {
    server.route("POST", `/colibri/drain/${word}`, () => {
      api.setDrain(value);
      return emptyReply();
    });
  }
}

function addColibriRoutes(server: HttpServer, api: BridgeApi): void {
  server.route("GET", "/colibri/stats", async () => jsonReply(await api.statistics()));
  const conferences = "/colibri/v2/conferences";
  server.route("GET", conferences, () => emptyReply(501));
  server.route(
    "POST",
    conferences,
    wantsJson(
      (body) => createConference(api, body),
      (why) => textReply(`Failed to create conference, could not parse JSON: ${why}`, 400),
    ),
  );
  server.route("GET", `${conferences}/{id}`, ({ params }) =>
    emptyReply(api.conferenceOf(params["id"] ?? "") === undefined ? 404 : 501),
  );
  server.route(
    "PATCH",
    `${conferences}/{id}`,
    wantsJson(
      (body, { params }) => modifyConference(api, body, params["id"] ?? ""),
      () => emptyReply(400),
    ),
  );
  server.route("GET", `${conferences}/{id}/dominant-speaker-identification`, async (request) => {
    const conference = api.conferenceOf(request.params["id"] ?? "");
    const state = conference === undefined ? undefined : await api.speakers(conference);
    return state === undefined ? emptyReply(404) : jsonReply(state);
  });
  addMucClientRoutes(server, api);
}

async function createConference(api: BridgeApi, body: unknown): Promise<HttpReply> {
  const request = parseConferenceJson(body);
  if (!request.ok) return textReply(`Failed to parse ConferenceModify JSON:${request.error}`, 400);
  const outcome = await api.colibri(request.value);
  if (outcome.ok) return jsonReply(conferenceModifiedJson(outcome.modified));
  return textReply(`Failed to create conference: ${outcome.error.text ?? ""}`, 400);
}

async function modifyConference(api: BridgeApi, body: unknown, id: string): Promise<HttpReply> {
  if (api.conferenceOf(id) === undefined) return emptyReply(404);
  const request = parseConferenceJson(body, id);
  if (!request.ok) return emptyReply(400);
  const outcome = await api.colibri({ ...request.value, create: false });
  return outcome.ok ? jsonReply(conferenceModifiedJson(outcome.modified)) : emptyReply(400);
}

function addMucClientRoutes(server: HttpServer, api: BridgeApi): void {
  server.route("GET", "/colibri/muc-client/list", () => jsonReply(api.mucClients()));
  server.route(
    "POST",
    "/colibri/muc-client/add",
    wantsJson((body) => {
      const id = fieldOf(body, "id");
      if (typeof id !== "string") return emptyReply(400);
      const all = Object.entries(body as Readonly<Record<string, unknown>>);
      const properties = all.filter((entry): entry is [string, string] => {
        return typeof entry[1] === "string";
      });
      return emptyReply(api.addMucClient(id, new Map(properties)) ? 200 : 400);
    }),
  );
  server.route(
    "POST",
    "/colibri/muc-client/remove",
    wantsJson((body) => {
      const id = fieldOf(body, "id");
      return emptyReply(typeof id === "string" && api.removeMucClient(id) ? 200 : 400);
    }),
  );
}

function addDebugRoutes(server: HttpServer, api: BridgeApi): void {
  const state = async (request: HttpRequest, fullByDefault: boolean): Promise<HttpReply> => {
    const { conference, endpoint } = request.params;
    const full = request.query.get("full") ?? String(fullByDefault);
    const mode = full === "true" ? "full" : "short";
    const conferences: Record<string, unknown> = await api.debug(conference, endpoint, mode);
    if (conference !== undefined) conferences[conference] ??= "null";
    const { health: healthState, ...head } = api.debugHead();
    const tail = conference === undefined ? { health: healthState } : {};
    return jsonReply({ ...head, conferences, ...tail });
  };
  server.route("GET", "/debug", (request) => state(request, false));
  server.route("GET", "/debug/{conference}", (request) => state(request, true));
  server.route("GET", "/debug/{conference}/{endpoint}", (request) => state(request, true));
  server.route("GET", "/debug/stats/{name}", ({ params }) => ({
    status: 302,
    headers: { Location: `/debug/stats/jvb/${encodeURIComponent(params["name"] ?? "")}` },
  }));
  server.route("GET", "/debug/stats/jvb/{name}", async ({ params }) => {
    const value = await api.debugStats(params["name"] ?? "");
    return value === undefined ? emptyReply(404) : jsonReply(value);
  });
  addFeatureRoutes(server, api);
  server.route("GET", "/colibri/debug/{path*}", ({ params, query }) => {
    const text = query.size === 0 ? "" : `?${query.toString()}`;
    const path = (params["path"] ?? "").split("/").map(encodeURIComponent).join("/");
    return { status: 301, headers: { Location: `/debug/${path}${text}` } };
  });
}

function addFeatureRoutes(server: HttpServer, api: BridgeApi): void {
  const features = new Map(Object.entries(jvbFeatures));
  server.route("GET", "/debug/features/jvb/{feature}", ({ params }) => {
    const value = features.get(params["feature"] ?? "");
    return value === undefined ? emptyReply(404) : plain(String(value));
  });
  const change: HttpHandler = ({ params }) => {
    const feature = params["feature"] ?? "";
    if (!features.has(feature) || readOnlyFeatures.has(feature)) return emptyReply(404);
    features.set(feature, params["value"]?.toLowerCase() === "true");
    return emptyReply();
  };
  for (const method of ["GET", "POST"]) {
    server.route(method, "/debug/features/jvb/{feature}/{value}", change);
  }
  const one = "/debug/features/endpoint/{conference}/{endpoint}/{feature}";
  server.route("GET", one, async ({ params }) => {
    const asked = await captureRequest(api, params, undefined);
    if (asked === undefined) return emptyReply(404);
    return plain(String((await api.capture(asked)) === true));
  });
  for (const method of ["GET", "POST"]) {
    server.route(method, `${one}/{value}`, async ({ params }) => {
      const asked = await captureRequest(api, params, params["value"]?.toLowerCase() === "true");
      if (asked === undefined) return emptyReply(404);
      if (!api.mayCapture) return textReply("PCAP capture is disabled in configuration", 403);
      return emptyReply((await api.capture(asked)) === undefined ? 404 : 200);
    });
  }
}

/** What a path asks for, if there is such an endpoint and feature. */
async function captureRequest(
  api: BridgeApi,
  params: HttpRequest["params"],
  on: boolean | undefined,
): Promise<CaptureRequest | undefined> {
  const { conference = "", endpoint = "" } = params;
  const feature = captureFeatures.find((name) => name === params["feature"]);
  if (feature === undefined) return undefined;
  const state = (await api.debug(conference, endpoint, "short"))[conference];
  if (fieldOf(fieldOf(state, "endpoints"), endpoint) === undefined) return undefined;
  return { conference, endpoint, feature, on };
}

function plain(text: string): HttpReply {
  return { status: 200, headers: { "Content-Type": "text/plain" }, body: text };
}
