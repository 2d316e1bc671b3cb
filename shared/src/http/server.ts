/** A small HTTP server: routes, bodies with a limit, WebSocket upgrades, an end in order. */
import type {
  IncomingMessage,
  RequestListener,
  Server,
  ServerOptions,
  ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { shapeFault } from "#shared/bridge-channel/json-shape";
import { ConfigError } from "#shared/config/config-error";
import type { Logger } from "#shared/logging/logger";
import { pii } from "#shared/logging/pii";
import { realRuntime } from "#shared/runtime/real-runtime";
import { err, ok, type Result } from "#shared/runtime/result";
import type { Runtime, Timers } from "#shared/runtime/runtime";
import { type Dialect, JICOFO_HTTP } from "./dialect.ts";
import type { HttpHandler, HttpReply, HttpRequest } from "./message.ts";
import { Router } from "./router.ts";
import type { TlsSettings } from "./tls-settings.ts";

/** How an HTTP server is built. */
export interface HttpServerOptions {
  /** For logs: `private`, `public`, `rest`. */
  readonly name: string;
  /** All addresses when not given. */
  readonly host?: string | undefined;
  /** 0 takes a free one. */
  readonly port: number;
  /** Key that sets the port; named when it is taken. */
  readonly portKey: string;
  readonly log: Logger;
  /** Real time when not given. */
  readonly runtime?: Runtime;
  /** Whose manners it has; the focus' when not given. */
  readonly dialect?: Dialect;
  /** Serves TLS only. */
  readonly tls?: TlsSettings | undefined;
  /** Largest body, in bytes. Default 1 MiB. */
  readonly maxBodyBytes?: number;
  /** Until a whole request must have arrived. Default 30 s. */
  readonly requestTimeoutMs?: number;
}

/** Takes over a connection that asked for an upgrade to WebSocket. */
export type UpgradeHandler = (
  request: IncomingMessage,
  params: Readonly<Record<string, string>>,
  socket: Duplex,
  head: Buffer,
) => void;

/** A small HTTP server. Routes may be added before and after `start`. */
export interface HttpServer {
  /** `pattern`: `/debug/{conference}`; a last `{name*}` takes the rest of the path. */
  route(method: string, pattern: string, handler: HttpHandler): void;
  /** WebSocket upgrades of paths that match; others are answered like unknown paths. */
  upgrade(pattern: string, handler: UpgradeHandler): void;
  /** Listens; throws `ConfigError` naming `portKey` when that cannot be, for 5 s if the port is taken. */
  start(): Promise<void>;
  /** Stops accepting, lets running requests end within `graceMs` (default 1000), then closes all. */
  stop(graceMs?: number): Promise<void>;
  /** The port listened on, after `start`. */
  readonly port: number;
}

// An `import` from node:http reads all its exports, among them getters that load Node's HTTP client:
// 13 MB and a tenth of a second for nothing.
const { createServer } = process.getBuiltinModule("node:http");

const CLIENT_ERRORS: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
};

const DEFAULT_MAX_BODY = 1 << 20;
const DEFAULT_REQUEST_TIMEOUT_MS = 30_000;
/** A connection without any byte in either direction is closed. */
const IDLE_TIMEOUT_MS = 60_000;
/**
 * A former process that is still closing has its port for up to 5 s (shutdown's deadline), and whoever
 * gives up at once with 78 stays down under a unit with RestartPreventExitStatus=78.
 */
const TAKEN_PAUSE_MS = 250;
const TAKEN_TRIES = 20;

/** Makes a server; nothing listens until `start`. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { log } = options;
  const { timers } = options.runtime ?? realRuntime;
  const dialect = options.dialect ?? JICOFO_HTTP;
  const routes = new Router<HttpHandler>();
  const upgrades = new Router<UpgradeHandler>();
  const upgraded = new Set<Duplex>();
  const answer = answerer({ ...options, dialect }, routes);
  const server = makeServer(
    options,
    (request) => isWebSocket(request, upgrades),
    (request, response) => {
      answer(request, response).catch((cause: unknown) => {
        log.error("HTTP request failed", { server: options.name }, cause);
        response.destroy();
      });
    },
  );
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const match = upgrades.match("GET", pathOf(request, dialect));
    if (match.kind !== "found") return void socket.destroy();
    request.socket.setTimeout(0);
    upgraded.add(socket);
    socket.on("close", () => upgraded.delete(socket));
    // A peer that resets the connection is no fault of ours.
    socket.on("error", () => socket.destroy());
    match.target(request, match.params, socket, head);
  });
  server.on("clientError", (cause: NodeJS.ErrnoException, socket: Duplex) => {
    const status = CLIENT_ERRORS[cause.code ?? ""] ?? "400 Bad Request";
    if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
    else socket.destroy();
  });
  return {
    route: (method, pattern, handler) => routes.add(method, pattern, handler),
    upgrade: (pattern, handler) => upgrades.add("GET", pattern, handler),
    async start() {
      await listen(server, options, timers);
      log.info(`HTTP server ${options.name} listens on ${options.host ?? "*"}:${portOf(server)}`);
    },
    stop: (graceMs = 1000) =>
      new Promise((resolve) => {
        const late = timers.after(graceMs, () => {
          for (const socket of upgraded) socket.destroy();
          server.closeAllConnections();
        });
        server.close(() => {
          late.cancel();
          resolve();
        });
        server.closeIdleConnections();
        for (const socket of upgraded) socket.end();
      }),
    get port() {
      return portOf(server);
    },
  };
}

function makeServer(
  options: HttpServerOptions,
  shouldUpgradeCallback: (request: IncomingMessage) => boolean,
  listener: RequestListener,
): Server {
  const requestTimeout = options.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS;
  const settings: ServerOptions = {
    noDelay: true,
    requestTimeout,
    headersTimeout: Math.min(requestTimeout, 10_000),
    connectionsCheckingInterval: Math.min(requestTimeout, 2000),
    keepAliveTimeout: IDLE_TIMEOUT_MS,
    shouldUpgradeCallback,
  };
  const server: Server =
    options.tls === undefined
      ? createServer(settings, listener)
      : createTlsServer({ ...settings, ...options.tls }, listener);
  server.timeout = IDLE_TIMEOUT_MS;
  return server;
}

function isWebSocket(request: IncomingMessage, upgrades: Router<UpgradeHandler>): boolean {
  if (request.headers.upgrade?.toLowerCase() !== "websocket") return false;
  return upgrades.match("GET", pathOf(request, undefined)).kind === "found";
}

async function listen(server: Server, options: HttpServerOptions, timers: Timers): Promise<void> {
  const { name, log } = options;
  for (let tries = 0; ; tries++) {
    const cause = await tryToListen(server, options);
    if (cause === undefined) break;
    if (cause.code !== "EADDRINUSE" || tries >= TAKEN_TRIES) throw cannotListen(options, cause);
    if (tries === 0)
      log.warn(`${placeOf(options)} is taken, trying again for 5 s`, { server: name });
    await new Promise<void>((resolve) => timers.after(TAKEN_PAUSE_MS, resolve));
  }
  server.on("error", (cause) => log.warn("HTTP server error", { server: name }, cause));
}

/** Why it does not listen; undefined when it does. */
function tryToListen(
  server: Server,
  { port, host }: HttpServerOptions,
): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const settle = (cause?: NodeJS.ErrnoException): void => {
      server.off("error", settle);
      server.off("listening", settle);
      resolve(cause);
    };
    server.on("error", settle);
    server.on("listening", settle);
    server.listen({ port, host });
  });
}

function placeOf({ host, port }: HttpServerOptions): string {
  return `${host ?? "*"}:${port}`;
}

function cannotListen(options: HttpServerOptions, cause: NodeJS.ErrnoException): ConfigError {
  const place = placeOf(options);
  const reasons: Readonly<Record<string, [string, string]>> = {
    EADDRINUSE: [
      `${place} is taken by another program`,
      `stop it or set ${options.portKey} to another port`,
    ],
    EACCES: [
      `${place} may not be opened by this user`,
      `set ${options.portKey} to a port above 1023`,
    ],
    EADDRNOTAVAIL: [
      `${place} is no address of this machine`,
      "set the host beside it to one that is",
    ],
    ENOTFOUND: [`${place} cannot be looked up`, "set the host beside it to an IP address"],
  };
  const [message, remedy] = reasons[cause.code ?? ""] ?? [
    `cannot listen on ${place}: ${cause.message}`,
    undefined,
  ];
  return new ConfigError({ key: options.portKey, message, remedy }, cause);
}

/** Reads the request, finds its route and sends the reply. */
function answerer(
  options: HttpServerOptions & { readonly dialect: Dialect },
  routes: Router<HttpHandler>,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const { dialect, log } = options;
  const limit = options.maxBodyBytes ?? DEFAULT_MAX_BODY;
  return async (incoming, response) => {
    response.sendDate = dialect.sendDate;
    const path = pathOf(incoming, dialect);
    const wanted = incoming.method ?? "GET";
    const method = wanted === "HEAD" && dialect.headAsGet ? "GET" : wanted;
    const match = routes.match(method, path);
    const params = match.kind === "found" ? match.params : {};
    const body = await readBody(incoming, limit);
    const request = requestOf(incoming, path, params, body ?? new Uint8Array());
    if (body === undefined) {
      response.setHeader("Connection", "close");
      return send(request, response, dialect.refuse(request, 413), dialect);
    }
    if (match.kind === "unknown-path") {
      return send(request, response, dialect.refuse(request, 404), dialect);
    }
    if (match.kind === "wrong-method") {
      const own = wanted === "OPTIONS" ? dialect.options(request, match.allowed) : undefined;
      return send(request, response, own ?? dialect.refuse(request, 405, match.allowed), dialect);
    }
    try {
      send(request, response, await match.target(request), dialect);
    } catch (cause) {
      log.error(`Bug in the answer to ${wanted} ${pii(path)}`, { server: options.name }, cause);
      send(request, response, dialect.refuse(request, 500), dialect);
    }
  };
}

/** The body, or `undefined` when it is larger than `limit` or the peer went away. */
function readBody(request: IncomingMessage, limit: number): Promise<Uint8Array | undefined> {
  const announced = Number(request.headers["content-length"] ?? 0);
  if (announced > limit) {
    request.resume();
    return Promise.resolve(undefined);
  }
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = [];
    let total = 0;
    request.on("data", (chunk: Uint8Array) => {
      total += chunk.length;
      // What comes after the limit is read and dropped, so that the refusal can be sent.
      if (total > limit) resolve(undefined);
      else chunks.push(chunk);
    });
    request.on("end", () => resolve(new Uint8Array(Buffer.concat(chunks))));
    request.on("error", () => resolve(undefined));
    request.on("close", () => resolve(undefined));
  });
}

function requestOf(
  incoming: IncomingMessage,
  path: string,
  params: Readonly<Record<string, string>>,
  body: Uint8Array,
): HttpRequest {
  const url = incoming.url ?? "";
  const mark = url.indexOf("?");
  return {
    method: incoming.method ?? "GET",
    path,
    params,
    query: new URLSearchParams(mark < 0 ? "" : url.slice(mark + 1)),
    headers: incoming.headers,
    remoteAddress: incoming.socket.remoteAddress ?? "",
    body,
    json: () => parseJson(body),
  };
}

/** JSON of a body, or why it is none. */
function parseJson(body: Uint8Array): Result<unknown, string> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    return err("the body is not UTF-8");
  }
  // Two readers of one body may see different halves of it (spec benchmarks-and-faults X4).
  const fault = shapeFault(text);
  if (fault !== undefined) return err(`the body is refused: ${fault}`);
  try {
    return ok(JSON.parse(text) as unknown);
  } catch (cause) {
    return err(cause instanceof Error ? cause.message : "the body is not JSON");
  }
}

function send(
  request: HttpRequest,
  response: ServerResponse,
  reply: HttpReply,
  dialect: Dialect,
): void {
  if (response.destroyed || response.headersSent) return;
  const body = typeof reply.body === "string" ? Buffer.from(reply.body, "utf8") : reply.body;
  const common = reply.bare === true ? {} : dialect.headers(request);
  const headers = { ...common, ...reply.headers, "Content-Length": String(body?.length ?? 0) };
  const reason = dialect.reasons[reply.status];
  if (reason === undefined) response.writeHead(reply.status, headers);
  else response.writeHead(reply.status, reason, headers);
  if (request.method === "HEAD" || body === undefined) response.end();
  else response.end(body);
}

/** Path without query, still percent-encoded; `http://host` of an absolute request line is cut. */
function pathOf(request: IncomingMessage, dialect: Dialect | undefined): string {
  const url = (request.url ?? "/").replace(/^[a-z]+:\/\/[^/?]*/i, "");
  const mark = url.indexOf("?");
  const path = mark < 0 ? url : url.slice(0, mark);
  const strip = (dialect?.trailingSlash ?? false) && path.length > 1 && path.endsWith("/");
  return strip ? path.slice(0, -1) : path === "" ? "/" : path;
}

function portOf(server: Server): number {
  const address = server.address() as AddressInfo | string | null;
  return typeof address === "object" && address !== null ? address.port : 0;
}
