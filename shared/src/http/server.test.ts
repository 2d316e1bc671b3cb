import { connect } from "node:net";
import { expect } from "chai";
import { WebSocket, WebSocketServer } from "ws";
import { ConfigError } from "#shared/config/config-error";
import { realRuntime } from "../runtime/real-runtime.ts";
import type { Timers } from "../runtime/runtime.ts";
import { recordingLogger } from "../testing/recording-logger.ts";
import { type Dialect, JICOFO_HTTP, JVB_HTTP } from "./dialect.ts";
import { emptyReply, jsonReply, textReply } from "./message.ts";
import { createHttpServer, type HttpServer } from "./server.ts";

describe("HTTP server", () => {
  const log = recordingLogger();
  let server: HttpServer;

  const start = async (dialect: Dialect, more: object = {}): Promise<void> => {
    server = createHttpServer({
      name: "test",
      host: "127.0.0.1",
      port: 0,
      portKey: "x.port",
      log,
      dialect,
      maxBodyBytes: 1000,
      ...more,
    });
    server.route("GET", "/about/version", () => jsonReply({ name: "JVB" }));
    server.route("GET", "/debug/{conference}/{endpoint}", ({ params }) => jsonReply(params));
    server.route("GET", "/debug/all", () => textReply("all"));
    server.route("GET", "/rest/{path*}", ({ params, query }) =>
      jsonReply({ ...params, q: query.get("q") }),
    );
    server.route("POST", "/echo", (request) => {
      const body = request.json();
      return body.ok ? jsonReply(body.value) : textReply(body.error, 400);
    });
    server.route("GET", "/header/{value}", ({ params }) => ({
      status: 200,
      headers: { "X-Value": params["value"] ?? "" },
    }));
    server.route("GET", "/bug", () => {
      throw new Error("broken");
    });
    await server.start();
  };
  const get = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`http://127.0.0.1:${server.port}${path}`, init);

  afterEach(async () => {
    await server.stop(50);
    log.clear();
  });

  it("routes by path, literal before parameter, and decodes", async () => {
    await start(JICOFO_HTTP);
    expect(await (await get("/debug/a%40b/x%20y?full=true")).json()).to.deep.equal({
      conference: "a@b",
      endpoint: "x y",
    });
    expect(await (await get("/debug/all")).text()).to.equal("all");
    expect(await (await get("/rest/a/b%2fc?q=1%2B1")).json()).to.deep.equal({
      path: "a/b/c",
      q: "1+1",
    });
    expect((await get("/rest/%zz")).status).to.equal(404);
  });

  const statuses: readonly [Dialect, string, string, number, string][] = [
    [JICOFO_HTTP, "GET", "/nosuch", 404, ""],
    [JICOFO_HTTP, "GET", "/debug/", 404, ""],
    [JICOFO_HTTP, "HEAD", "/about/version", 405, ""],
    [JICOFO_HTTP, "DELETE", "/about/version", 405, ""],
    [JICOFO_HTTP, "OPTIONS", "/about/version", 405, ""],
    [JVB_HTTP, "HEAD", "/about/version", 200, ""],
    [JVB_HTTP, "GET", "/about/version/", 200, '{"name":"JVB"}'],
    [JVB_HTTP, "OPTIONS", "/about/version", 200, "HEAD, GET, OPTIONS"],
    [JVB_HTTP, "PATCH", "/nosuch", 404, ""],
    [JVB_HTTP, "POST", "/about/version", 405, "Error 405"],
    [JVB_HTTP, "GET", "/bug", 500, "Error 500 Server Error"],
    [JICOFO_HTTP, "GET", "/bug", 500, ""],
  ];
  for (const [dialect, method, path, status, body] of statuses) {
    const who = dialect === JVB_HTTP ? "bridge" : "focus";
    it(`${who}: ${method} ${path} is ${status}`, async () => {
      await start(dialect);
      const reply = await get(path, { method });
      expect(reply.status).to.equal(status);
      const text = await reply.text();
      if (body === "") expect(text).to.equal("");
      else expect(text).to.contain(body);
    });
  }

  it("answers 500 where a reply cannot be sent, and goes on", async () => {
    await start(JVB_HTTP);
    for (const value of ["%0d%0aX-Evil:1", "%E2%82%AC", "%00"]) {
      const reply = await get(`/header/${value}`);
      expect(reply.status, value).to.equal(500);
      expect(reply.headers.get("x-evil")).to.equal(null);
    }
    expect((await get("/header/fine")).headers.get("x-value")).to.equal("fine");
    expect(log.messages("error")).to.have.length(3);
  });

  it("sends the bridge's cross-origin headers only to requests with an origin", async () => {
    await start(JVB_HTTP);
    const plain = await get("/about/version");
    expect(plain.headers.get("vary")).to.equal("Origin");
    expect(plain.headers.get("access-control-allow-origin")).to.equal(null);
    const preflight = await get("/about/version", {
      method: "OPTIONS",
      headers: { Origin: "https://x", "Access-Control-Request-Method": "GET" },
    });
    expect(preflight.headers.get("access-control-allow-origin")).to.equal("https://x");
    expect(preflight.headers.get("access-control-allow-methods")).to.equal("GET,POST");
    expect(preflight.headers.get("allow")).to.equal("HEAD,GET,OPTIONS");
    const refused = await get("/echo");
    expect(refused.headers.get("allow")).to.equal("POST,OPTIONS");
    expect(refused.headers.get("vary")).to.equal(null);
  });

  it("reads JSON and says why a body is none", async () => {
    await start(JICOFO_HTTP);
    const post = (body: string | Uint8Array): Promise<Response> =>
      get("/echo", { method: "POST", body });
    expect(await (await post('{"a":[1]}')).json()).to.deep.equal({ a: [1] });
    expect((await post("zzz")).status).to.equal(400);
    expect(await (await post(new Uint8Array([0xff, 0xfe]))).text()).to.contain("UTF-8");
    expect((await post("")).status).to.equal(400);
  });

  it("refuses large bodies, announced or not", async () => {
    await start(JICOFO_HTTP);
    const announced = await get("/echo", { method: "POST", body: `"${"x".repeat(2000)}"` });
    expect(announced.status).to.equal(413);
    const chunk = `bb8\r\n${"x".repeat(3000)}\r\n0\r\n\r\n`;
    const reply = await raw(
      server.port,
      `POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`,
    );
    expect(reply).to.match(/^HTTP\/1.1 413 /);
  });

  it("answers nonsense with 400 and goes on", async () => {
    await start(JICOFO_HTTP);
    expect(await raw(server.port, "\x16\x03\x01\r\n\r\n")).to.match(/^HTTP\/1.1 400 /);
    expect(
      await raw(server.port, "GET http://[ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
    ).to.match(/ 404 /);
    expect((await get("/about/version")).status).to.equal(200);
  });

  it("drops a client that is too slow", async () => {
    await start(JICOFO_HTTP, { requestTimeoutMs: 100 });
    const reply = await raw(
      server.port,
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n1",
    );
    expect(reply).to.match(/^(HTTP\/1.1 408 .*)?/s);
  });

  it("hands WebSockets to their route and refuses others", async () => {
    await start(JVB_HTTP);
    const sockets = new WebSocketServer({ noServer: true });
    server.upgrade("/colibri-ws/{server}/{id}", (request, params, socket, head) => {
      sockets.handleUpgrade(request, socket, head, (ws) => ws.send(params["id"] ?? ""));
    });
    const text = await new Promise<string>((resolve, reject) => {
      const client = new WebSocket(`ws://127.0.0.1:${server.port}/colibri-ws/jvb1/abc`);
      client.on("message", (data: Buffer) => {
        resolve(data.toString());
        client.terminate();
      });
      client.on("error", reject);
    });
    expect(text).to.equal("abc");
    const refused = await new Promise<string>((resolve) => {
      const client = new WebSocket(`ws://127.0.0.1:${server.port}/other`);
      client.on("error", (cause: Error) => resolve(cause.message));
    });
    expect(refused).to.contain("404");
    const other = await raw(
      server.port,
      "GET /about/version HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n",
    );
    expect(other).to.match(/^HTTP\/1.1 200 /);
  });

  /** A server at the port of the one that runs; its time passes as fast as its tries. */
  function second(each: (pauses: number) => void) {
    const pauses: number[] = [];
    const timers: Timers = {
      ...realRuntime.timers,
      after(delay, fn) {
        pauses.push(delay);
        each(pauses.length);
        setImmediate(fn);
        return { cancel: () => {} };
      },
    };
    const runtime = { ...realRuntime, timers };
    const { port } = server;
    const options = { name: "second", host: "127.0.0.1", port, portKey: "jicofo.rest.port", log };
    return { pauses, made: createHttpServer({ ...options, runtime }) };
  }

  it("names the key of a port that is taken, after 5 s", async () => {
    await start(JICOFO_HTTP);
    const { made, pauses } = second(() => {});
    const failure = await made.start().then(
      () => undefined,
      (cause: unknown) => cause,
    );
    expect(failure).to.be.instanceOf(ConfigError);
    expect((failure as ConfigError).line).to.match(/^jicofo.rest.port: 127.0.0.1:\d+ is taken by/);
    expect(pauses.reduce((sum, pause) => sum + pause, 0)).to.equal(5000);
    expect(log.messages("warn")).to.deep.equal([
      `127.0.0.1:${server.port} is taken, trying again for 5 s`,
    ]);
  });

  it("takes the port of a former process once that has closed it", async () => {
    await start(JICOFO_HTTP);
    const { made, pauses } = second((count) => {
      if (count === 3) void server.stop(0);
    });
    const { port } = server;
    await made.start();
    expect(made.port).to.equal(port);
    expect(pauses.length).to.be.within(3, 10);
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).to.equal(404);
    await made.stop(0);
    await start(JICOFO_HTTP);
  });

  it("stops although a connection hangs", async () => {
    await start(JICOFO_HTTP);
    const socket = connect(server.port, "127.0.0.1");
    await new Promise((resolve) => socket.on("connect", resolve));
    socket.write("GET /about");
    const closed = new Promise((resolve) => socket.on("close", resolve));
    socket.on("error", () => {});
    await server.stop(20);
    await closed;
    expect(emptyReply().status).to.equal(200);
  });
});

/** Sends text and returns everything received until the connection ends. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    let received = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    socket.on("data", (data) => {
      received += data.toString();
      if (/Connection: keep-alive/i.test(received)) socket.end();
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(received));
  });
}
