/** Where the HTTP servers of the two programs differ (spec jicofo 10, jvb-control 6.1, 6.2). */
import { emptyReply, type HttpReply, type HttpRequest } from "./message.ts";

// Not by import: see server.ts.
const { STATUS_CODES } = process.getBuiltinModule("node:http");

/** Behaviour that belongs to no route. */
export interface Dialect {
  /** Whether HEAD is answered by the GET route. Else it is a method like any other. */
  readonly headAsGet: boolean;
  /** Whether `/a/` is the same as `/a`. */
  readonly trailingSlash: boolean;
  readonly sendDate: boolean;
  /** Reason phrases that are not Node's. */
  readonly reasons: Readonly<Record<number, string>>;
  /** Headers of each reply that a route made. */
  headers(request: HttpRequest): Readonly<Record<string, string>>;
  /** Reply to OPTIONS where no route has that method; `undefined` for 405. */
  options(request: HttpRequest, allowed: readonly string[]): HttpReply | undefined;
  /** A refusal without a body of its own: no such path, wrong method, body too large, a bug. */
  refuse(request: HttpRequest, status: number, allowed?: readonly string[]): HttpReply;
}

/** The focus: refusals have no body. */
export const JICOFO_HTTP: Dialect = {
  headAsGet: false,
  trailingSlash: false,
  sendDate: false,
  reasons: {},
  headers: () => ({}),
  options: () => undefined,
  refuse: (_request, status) => emptyReply(status),
};

/** The bridge: cross-origin headers for requests with an origin, HTML error pages. */
export const JVB_HTTP: Dialect = {
  headAsGet: true,
  trailingSlash: true,
  sendDate: true,
  reasons: { 500: "Server Error" },
  headers: (request) => ({ Vary: "Origin", ...corsHeaders(request) }),
  options(request, allowed) {
    const methods = inJerseyOrder(["HEAD", ...allowed, "OPTIONS"]);
    const preflight = request.headers.origin === undefined ? {} : PREFLIGHT;
    return {
      status: 200,
      headers: { ...preflight, "Content-Type": "text/plain", Allow: methods.join(",") },
      body: methods.join(", "),
    };
  },
  refuse: (request, status, allowed) => errorPage(request, status, allowed),
};

const PREFLIGHT = {
  "Access-Control-Max-Age": "1800",
  "Access-Control-Allow-Methods": "GET,POST",
  "Access-Control-Allow-Headers": "X-Requested-With,Content-Type,Accept,Origin",
} as const;

function corsHeaders(request: HttpRequest): Record<string, string> {
  const { origin } = request.headers;
  if (origin === undefined) return {};
  return { "Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true" };
}

/** Error replies of the bridge; a page for GET, HEAD and POST, empty for other methods. */
export function errorPage(
  request: HttpRequest,
  status: number,
  allowed?: readonly string[],
): HttpReply {
  const headers: Record<string, string> = { "Cache-Control": "must-revalidate,no-cache,no-store" };
  if (allowed !== undefined && request.method !== "TRACE") {
    headers["Allow"] = inJerseyOrder([...allowed, "OPTIONS"]).join(",");
  }
  if (!["GET", "HEAD", "POST"].includes(request.method)) return { status, headers, bare: true };
  headers["Content-Type"] = "text/html;charset=iso-8859-1";
  const reason = JVB_HTTP.reasons[status] ?? STATUS_CODES[status] ?? "";
  const title = `Error ${status} ${reason}`;
  const body = `<html><head><title>${title}</title></head><body><h2>HTTP ERROR ${status} ${reason}</h2></body></html>\n`;
  return { status, headers, body, bare: true };
}

/** The order in which upstream's server lists methods. */
function inJerseyOrder(methods: readonly string[]): string[] {
  const order = ["HEAD", "GET", "POST", "OPTIONS", "PATCH", "PUT", "DELETE"];
  return [...new Set(methods)].sort((a, b) => order.indexOf(a) - order.indexOf(b));
}
