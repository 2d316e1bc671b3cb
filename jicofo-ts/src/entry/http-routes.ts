import type { HttpRequest } from "#shared/http/message";
import { jsonReply, textReply } from "#shared/http/message";
import type { HttpServer } from "#shared/http/server";
import { JICOFO_METRICS } from "#shared/metrics/negotiate";
import type { Focus } from "../focus/door.ts";
import {
  badRequest,
  conferenceReply,
  parseConferenceJson,
  preflightReply,
  refusalReply,
} from "./conference-json.ts";
import type { AskForConference } from "./conference-requests.ts";
import type { HealthReport } from "./health-checker.ts";
import { httpOrigin } from "./http-origin.ts";
import type { FocusMetrics } from "./metrics.ts";

/** What the plain routes show. */
export interface HttpSources {
  readonly focus: Focus;
  readonly metrics: FocusMetrics;
  /** Brings gauges up to date; called before figures are shown. */
  readonly update: () => void;
  readonly stats: () => Record<string, unknown>;
  /** Absent: health checks are off and `/about/health` is 404. */
  readonly health: (() => HealthReport) | undefined;
  readonly version: string;
  /** Name of the operating system. */
  readonly os: string;
}

/** `/about/version`, `/about/health`, `/stats`, `/rtcstats`: always there (spec jicofo 10.1). */
export function addPlainRoutes(server: HttpServer, sources: HttpSources): void {
  const { focus, version, os, health } = sources;
  server.route("GET", "/about/version", () => jsonReply({ name: "JiCoFo", version, os }));
  if (health)
    server.route("GET", "/about/health", () => {
      const report = health();
      return report.success ? textReply("OK") : textReply(report.message, report.responseCode);
    });
  server.route("GET", "/stats", () => {
    sources.update();
    return jsonReply(sources.stats());
  });
  server.route("GET", "/rtcstats", () => jsonReply(focus.rtcstats()));
}

/** `/metrics` in the form that `Accept` asks for (spec jicofo 10.2). */
export function addMetricsRoute(server: HttpServer, sources: HttpSources): void {
  server.route("GET", "/metrics", (request) => {
    sources.update();
    const view = sources.metrics.registry.view(request.headers.accept, JICOFO_METRICS);
    if (!view)
      return textReply(
        "Accept one of application/openmetrics-text, text/plain and application/json",
        500,
      );
    return { status: 200, headers: { "Content-Type": view.contentType }, body: view.body };
  });
}

/** `/conference-request/v1` (spec jicofo 2.2). */
export function addConferenceRoute(server: HttpServer, ask: AskForConference): void {
  server.route("OPTIONS", "/conference-request/v1", preflightReply);
  server.route("POST", "/conference-request/v1", async (request) => {
    if (!isJson(request)) return badRequest("Cannot transform this request's content to JSON");
    const body = request.json();
    if (!body.ok) return badRequest(`Failed to convert request body: ${body.error}`);
    const parsed = parseConferenceJson(body.value, request.headers.authorization);
    if (!parsed.ok) return badRequest(parsed.error);
    const origin = httpOrigin(request.remoteAddress, request.headers["x-forwarded-for"]);
    const answer = await ask({ ...parsed.value, origin });
    return answer.ok ? conferenceReply(answer.value) : refusalReply(answer.error);
  });
}

function isJson(request: HttpRequest): boolean {
  const type = request.headers["content-type"]?.split(";")[0]?.trim().toLowerCase() ?? "";
  return type === "application/json" || type.endsWith("+json");
}
