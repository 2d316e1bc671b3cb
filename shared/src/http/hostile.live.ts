import { connect, type Socket } from "node:net";
import { expect } from "chai";
import { recordingLogger } from "../testing/recording-logger.ts";
import { JICOFO_HTTP } from "./dialect.ts";
import { jsonReply, textReply } from "./message.ts";
import { createHttpServer, type HttpServer } from "./server.ts";

/** X4 and X9 of spec benchmarks-and-faults: what may come to a port that anybody can reach. */
describe("HTTP from the hostile", () => {
  const log = recordingLogger();
  let server: HttpServer;
  let handled: string[] = [];

  const start = async (more: object = {}): Promise<void> => {
    handled = [];
    const options = { name: "test", host: "127.0.0.1", port: 0, portKey: "x.port" };
    server = createHttpServer({ ...options, log, dialect: JICOFO_HTTP, ...more });
    server.route("GET", "/about/version", () => jsonReply({ name: "focus" }));
    server.route("POST", "/echo", (request) => {
      handled.push(request.path);
      const body = request.json();
      return body.ok ? jsonReply(body.value) : textReply(body.error, 400);
    });
    await server.start();
  };
  const served = async (): Promise<boolean> =>
    (await fetch(`http://127.0.0.1:${server.port}/about/version`)).status === 200;
  const post = (body: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${server.port}/echo`, { method: "POST", body });

  afterEach(async () => {
    await server.stop(50);
    log.clear();
  });

  it("X9: closes connections whose headers do not come to an end", async () => {
    await start({ requestTimeoutMs: 200 });
    const slow = connect(server.port, "127.0.0.1");
    slow.on("error", () => {});
    slow.resume();
    slow.write("GET /about/version HTTP/1.1\r\nHost: x\r\n");
    const trickle = setInterval(() => slow.write("X-More: y\r\n"), 20);
    await new Promise((resolve) => slow.on("close", resolve));
    clearInterval(trickle);
    expect(await served()).to.equal(true);
  });

  it("X9: serves others beside 2,000 idle connections, and closes those", async () => {
    await start({ requestTimeoutMs: 500 });
    const idle: Socket[] = [];
    // In parts: what exceeds the backlog is connected on one side only.
    while (idle.length < 2000) {
      const more = Array.from({ length: 200 }, () => opened(server.port));
      idle.push(...(await Promise.all(more)));
    }
    expect(await served()).to.equal(true);
    await Promise.all(idle.map(closed));
    expect(await served()).to.equal(true);
  }).timeout(20_000);

  const smuggled = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}";
  for (const { name, head, body } of [
    { name: "two lengths", head: "Content-Length: 2\r\nContent-Length: 3\r\n", body: "{}" },
    {
      name: "a length and chunks",
      head: "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
      body: "0\r\n\r\n",
    },
    {
      name: "chunks that are not quite",
      head: "Transfer-Encoding: xchunked\r\nContent-Length: 2\r\n",
      body: "{}",
    },
    {
      name: "chunked before another coding",
      head: "Transfer-Encoding: chunked, identity\r\n",
      body: "0\r\n\r\n",
    },
    { name: "a negative length", head: "Content-Length: -1\r\n", body: "" },
    { name: "a folded header", head: "X-A: b\r\n Content-Length: 5\r\n", body: "{}" },
    { name: "a space before the colon", head: "Content-Length : 2\r\n", body: "{}" },
    {
      name: "a chunk size with a sign",
      head: "Transfer-Encoding: chunked\r\n",
      body: "-1\r\n\r\n",
    },
    { name: "a bare line feed in a header", head: "X-A: b\nContent-Length: 2\r\n\r\n", body: "{}" },
  ]) {
    it(`X9: takes no second request behind ${name}`, async () => {
      await start({ requestTimeoutMs: 300 });
      const first = `POST /nosuch HTTP/1.1\r\nHost: x\r\n${head}\r\n${body}`;
      const reply = await raw(server.port, first + smuggled);
      expect(reply).to.match(/^HTTP\/1\.1 4\d\d /);
      expect(handled).to.deep.equal([]);
      expect(await served()).to.equal(true);
    });
  }

  for (const path of [
    "/../../etc/passwd",
    "/about/../../etc/passwd",
    "/about/%2e%2e/%2e%2e/etc/passwd",
    "/about/version%00.html",
    "/about//version",
    "/%2fabout%2fversion",
    "http://other/etc/passwd",
  ]) {
    it(`X9: has nothing at ${path}`, async () => {
      await start();
      const reply = await raw(
        server.port,
        `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
      );
      expect(reply).to.match(/^HTTP\/1\.1 404 /);
    });
  }

  it("X9: does nothing for other verbs, whatever a header says", async () => {
    await start();
    for (const verb of ["PUT", "DELETE", "TRACE", "PATCH"]) {
      const text = `${verb} /echo HTTP/1.1\r\nHost: x\r\nX-HTTP-Method-Override: POST\r\nConnection: close\r\n\r\n`;
      expect(await raw(server.port, text)).to.match(/^HTTP\/1\.1 405 /);
    }
    expect(handled).to.deep.equal([]);
  });

  it("X9: refuses headers of 64 kB and bodies of more than 1 MB", async () => {
    await start();
    const header = `GET /about/version HTTP/1.1\r\nHost: x\r\nX-Long: ${"y".repeat(65_536)}\r\n\r\n`;
    expect(await raw(server.port, header)).to.match(/^(HTTP\/1\.1 4\d\d .*)?$/s);
    const big = await post(`"${"x".repeat(1 << 20)}"`);
    expect(big.status).to.equal(413);
    expect(await served()).to.equal(true);
  });

  it("X4: refuses a key twice, depth and nonsense; names of members stay data", async () => {
    await start();
    const texts: readonly (readonly [string, RegExp])[] = [
      ['{"room":"a","room":"b"}', /key twice/],
      ['{"room":"a","\\u0072oom":"b"}', /key twice/],
      [`${"[".repeat(10_000)}${"]".repeat(10_000)}`, /too deeply/],
      [`${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`, /too deeply/],
      ['{"a":1e}', /./],
    ];
    for (const [text, why] of texts) {
      const reply = await post(text);
      expect(reply.status, text.slice(0, 40)).to.equal(400);
      expect(await reply.text()).to.match(why);
    }
    const polluting = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}';
    expect(await (await post(polluting)).text()).to.equal(polluting);
    expect(({} as Record<string, unknown>)["polluted"]).to.equal(undefined);
    expect(await (await post("[1e400]")).text()).to.equal("[null]");
    expect((await post('{"a":"\\ud800"}')).status).to.equal(200);
  });
});

function opened(port: number): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => resolve(socket));
    socket.on("error", () => resolve(socket));
    socket.resume();
  });
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.on("close", () => resolve());
  });
}

/** Sends text and returns everything received until the connection ends. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    let received = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    socket.on("data", (data) => {
      received += data.toString();
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(received));
    socket.setTimeout(1500, () => socket.destroy());
  });
}
