/**
 * The demo's only door for browsers: the pages, the client library, and proxies to Prosody's
 * WebSocket, the focus' conference request and the bridges' channels, all on one origin. With TLS
 * nothing that a page needs is left on plain `ws:`.
 */
import { createReadStream, existsSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { createConnection } from "node:net";
import { extname, join } from "node:path";
import type { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

export interface WebOptions {
  readonly host: string;
  readonly port: number;
  readonly tls: { readonly key: string; readonly cert: string } | undefined;
  /** Path or http(s) URL of the client library. */
  readonly client: string;
  readonly domain: string;
  /** Where guests log in, when that is not the main domain. */
  readonly anonymousDomain?: string | undefined;
  readonly xmppHttpPort: number;
  readonly focusPort: number;
  readonly bridges: readonly {
    readonly name: string;
    readonly publicPort: number;
    readonly privatePort: number;
  }[];
}

const types: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".map": "application/json",
};

const files: Record<string, string> = {
  "/": "shared/demo/page/index.html",
  "/servers": "shared/demo/page/servers.html",
  "/style.css": "shared/demo/page/style.css",
  "/call.js": "dist/demo/call.js",
  "/call.js.map": "dist/demo/call.js.map",
  "/servers.js": "dist/demo/servers.js",
  "/servers.js.map": "dist/demo/servers.js.map",
};

function fail(response: ServerResponse, status: number, text: string): void {
  if (response.headersSent) response.destroy();
  else response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8" }).end(`${text}\n`);
}

/** What is asked for; null where that is no address: the name of a host begins behind `//`. */
const target = ({ url = "/" }: IncomingMessage) => URL.parse(url, "http://page");

/** Headers in which a proxy says for whom it asks: a focus and a Prosody on this machine believe us. */
const ofProxies: ReadonlySet<string> = new Set(["x-forwarded-for", "forwarded", "x-real-ip"]);

/** Who asks, as far as servers behind this page are told; what the browser claims is left out. */
const asker = ({ socket }: IncomingMessage) => socket.remoteAddress ?? "unknown";

/**
 * Whether somebody on this machine asks: over loopback, or by an address of its own, which the kernel
 * then gives both ends. What the servers show of conferences and people is for nobody else.
 */
export function onThisMachine(remote: string | undefined, local: string | undefined): boolean {
  const plain = remote?.replace(/^::ffff:/, "");
  if (plain === undefined) return false;
  return plain.startsWith("127.") || plain === "::1" || plain === local?.replace(/^::ffff:/, "");
}

/** Hands one plain HTTP request on to a port of this machine. */
function forward(
  incoming: IncomingMessage,
  response: ServerResponse,
  port: number,
  path: string,
): void {
  const own = Object.entries(incoming.headers).filter(([name]) => !ofProxies.has(name));
  const outgoing = request(
    {
      host: "127.0.0.1",
      port,
      path,
      method: incoming.method,
      headers: {
        ...Object.fromEntries(own),
        host: `127.0.0.1:${port}`,
        "x-forwarded-for": asker(incoming),
      },
    },
    (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    },
  );
  outgoing.on("error", (error) =>
    fail(response, 502, `the server behind this page does not answer: ${error.message}`),
  );
  incoming.pipe(outgoing);
}

/** Hands a WebSocket handshake on and then joins the two connections. */
function forwardUpgrade(
  incoming: IncomingMessage,
  client: Duplex,
  head: Buffer,
  port: number,
): void {
  const server = createConnection({ host: "127.0.0.1", port, noDelay: true });
  const lines = [`${incoming.method} ${incoming.url} HTTP/1.1`];
  for (let index = 0; index < incoming.rawHeaders.length; index += 2) {
    if (!ofProxies.has(`${incoming.rawHeaders[index]}`.toLowerCase()))
      lines.push(`${incoming.rawHeaders[index]}: ${incoming.rawHeaders[index + 1]}`);
  }
  lines.push(`X-Forwarded-For: ${asker(incoming)}`);
  server.on("connect", () => {
    server.write(`${lines.join("\r\n")}\r\n\r\n`);
    server.write(head);
    server.pipe(client);
    client.pipe(server);
  });
  const end = () => {
    server.destroy();
    client.destroy();
  };
  server.on("error", end).on("close", end);
  client.on("error", end).on("close", end);
}

async function json(url: string): Promise<unknown> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
    return response.ok
      ? await response.json()
      : { error: `${response.status} from ${new URL(url).pathname}` };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

/** What focus and bridges say of themselves, as they say it. */
async function servers(options: WebOptions): Promise<unknown> {
  const focus = `http://127.0.0.1:${options.focusPort}`;
  const [stats, debug, conferences, ...bridges] = await Promise.all([
    json(`${focus}/stats`),
    json(`${focus}/debug`),
    json(`${focus}/debug/conferences-full`),
    ...options.bridges.map(async ({ name, privatePort }) => ({
      name,
      stats: await json(`http://127.0.0.1:${privatePort}/colibri/stats`),
      debug: await json(`http://127.0.0.1:${privatePort}/debug?full=true`),
    })),
  ]);
  return { focus: { stats, debug, conferences }, bridges };
}

async function answer(
  options: WebOptions,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const asked = target(incoming);
  if (asked === null) return fail(response, 400, "that is no address");
  const { pathname, search } = asked;
  const file = files[pathname];
  if (pathname === "/xmpp-websocket" || pathname === "/http-bind")
    return forward(incoming, response, options.xmppHttpPort, pathname + search);
  if (pathname.startsWith("/conference-request/"))
    return forward(incoming, response, options.focusPort, pathname + search);
  if (incoming.method !== "GET" && incoming.method !== "HEAD")
    return fail(response, 405, "only GET here");
  const noStore = { "Cache-Control": "no-store" };
  if (pathname === "/config.json") {
    const { domain, anonymousDomain } = options;
    const deployment = {
      domain,
      anonymousDomain,
      muc: `conference.${domain}`,
      focus: `focus@auth.${domain}/focus`,
    };
    response
      .writeHead(200, { "Content-Type": "application/json", ...noStore })
      .end(JSON.stringify(deployment));
  } else if (pathname === "/servers.json") {
    const { remoteAddress, localAddress } = incoming.socket;
    if (!onThisMachine(remoteAddress, localAddress))
      return fail(response, 403, "only for a browser on the machine that runs the servers");
    response
      .writeHead(200, { "Content-Type": "application/json", ...noStore })
      .end(JSON.stringify(await servers(options)));
  } else if (pathname === "/lib-jitsi-meet.min.js") {
    const type = { "Content-Type": types[".js"] };
    if (/^https?:/.test(options.client)) {
      const library = await fetch(options.client);
      if (!library.ok) return fail(response, 502, `${options.client} answers ${library.status}`);
      response.writeHead(200, type).end(Buffer.from(await library.arrayBuffer()));
    } else
      createReadStream(options.client)
        .on("open", () => response.writeHead(200, type))
        .on("error", (error) => fail(response, 404, error.message))
        .pipe(response);
  } else if (file !== undefined && existsSync(join(root, file))) {
    response
      .writeHead(200, { "Content-Type": types[extname(file)], ...noStore })
      .end(readFileSync(join(root, file)));
  } else fail(response, 404, `nothing at ${pathname}`);
}

/** Starts serving; the returned function stops it and drops open connections. */
export async function serve(options: WebOptions): Promise<() => Promise<void>> {
  const listener = (incoming: IncomingMessage, response: ServerResponse) => {
    answer(options, incoming, response).catch((error: unknown) =>
      fail(response, 500, error instanceof Error ? error.message : String(error)),
    );
  };
  const server =
    options.tls === undefined ? createServer(listener) : createTlsServer(options.tls, listener);
  const sockets = new Set<Duplex>();
  server.on("connection", (socket: Duplex) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("upgrade", (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
    // From here on nobody else listens; an error without a listener ends the program.
    socket.on("error", () => socket.destroy());
    const refuse = (status: string) =>
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
    const asked = target(incoming);
    if (asked === null) return refuse("400 Bad Request");
    const { pathname } = asked;
    const bridge = options.bridges.find(({ name }) => pathname.startsWith(`/colibri-ws/${name}/`));
    const port = pathname === "/xmpp-websocket" ? options.xmppHttpPort : bridge?.publicPort;
    if (port === undefined) return refuse("404 Not Found");
    forwardUpgrade(incoming, socket, head, port);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host, resolve);
  });
  return () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
}
