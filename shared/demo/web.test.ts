import { once } from "node:events";
import { createServer, type IncomingMessage, request } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { networkInterfaces } from "node:os";
import { expect } from "chai";
import { onThisMachine, serve } from "./web.ts";

describe("the demo's door", () => {
  /** What the servers behind it were asked. */
  const asked: IncomingMessage[] = [];
  const behind = createServer((incoming, response) => {
    asked.push(incoming);
    response.writeHead(200, { "Content-Type": "application/json" }).end("{}");
  });
  behind.on("upgrade", (incoming, socket) => {
    asked.push(incoming);
    socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
  });
  let port = 0;
  let close: (() => Promise<void>) | undefined;

  before(async () => {
    await once(behind.listen(0, "127.0.0.1"), "listening");
    const { port: behindPort } = behind.address() as AddressInfo;
    const free = createServer();
    await once(free.listen(0, "127.0.0.1"), "listening");
    ({ port } = free.address() as AddressInfo);
    await new Promise((resolve) => free.close(resolve));
    close = await serve({
      host: "127.0.0.1",
      port,
      tls: undefined,
      client: "none",
      domain: "meet.demo",
      xmppHttpPort: behindPort,
      focusPort: behindPort,
      bridges: [],
    });
  });
  after(async () => {
    await close?.();
    await new Promise((resolve) => behind.close(resolve));
  });
  beforeEach(() => asked.splice(0));

  const ask = async (path: string, options: object = {}): Promise<IncomingMessage> => {
    const [answer] = (await once(
      request({ host: "127.0.0.1", port, path, ...options }).end(),
      "response",
    )) as [IncomingMessage];
    answer.resume();
    return answer;
  };

  it("says itself for whom it asks, whatever a browser claims", async () => {
    const claims = { "X-Forwarded-For": "198.51.100.7", Forwarded: "for=198.51.100.7" };
    await ask("/conference-request/v1", { method: "POST", headers: claims });
    expect(asked[0]?.headers).to.include({ "x-forwarded-for": "127.0.0.1" });
    expect(asked[0]?.headers).not.to.have.property("forwarded");
  });

  it("does so in a WebSocket handshake too", async () => {
    const headers = {
      Connection: "Upgrade",
      Upgrade: "websocket",
      "x-forwarded-FOR": "198.51.100.7",
    };
    await ask("/xmpp-websocket", { headers });
    expect(asked[0]?.headers).to.include({ "x-forwarded-for": "127.0.0.1", upgrade: "websocket" });
  });

  /** What comes back for a head with these lines; `leave` breaks the connection off then. */
  const say = async (lines: readonly string[], leave = false): Promise<string> => {
    const socket = connect(port, "127.0.0.1");
    socket.write([...lines, "Host: page", "", ""].join("\r\n"));
    const [said] = (await once(socket, "data")) as [Buffer];
    if (leave) socket.resetAndDestroy();
    else socket.destroy();
    return said.toString();
  };
  const upgrade = ["Connection: Upgrade", "Upgrade: websocket"];

  for (const path of ["//", "//[", "http://:x"])
    for (const [how, more] of [
      ["", []],
      [" in a handshake", upgrade],
    ] as const)
      it(`answers 400 to ${path}${how}, and goes on`, async () => {
        expect(await say([`GET ${path} HTTP/1.1`, ...more])).to.match(/^HTTP\/1\.1 400 /);
        expect((await ask("/config.json")).statusCode).to.equal(200);
        expect(asked).to.deep.equal([]);
      });

  it("outlives whoever breaks a refused handshake off", async () => {
    for (const path of ["/nowhere", "//"]) await say([`GET ${path} HTTP/1.1`, ...upgrade], true);
    // A reset is noticed in a later round of the event loop.
    for (let round = 0; round < 3; round++)
      expect((await ask("/config.json")).statusCode).to.equal(200);
  });

  it("shows what the servers say on this machine", async () => {
    expect((await ask("/servers.json")).statusCode).to.equal(200);
    expect(asked.length).to.equal(3);
  });

  it("shows it to nobody else", async function () {
    const [other] = Object.values(networkInterfaces())
      .flatMap((list) => list ?? [])
      .filter(({ family, internal }) => family === "IPv4" && !internal);
    // What comes from the network's address to loopback looks like somebody else's.
    if (other === undefined) {
      console.log("      skipped: this machine has no address but loopback");
      return this.skip();
    }
    expect((await ask("/servers.json", { localAddress: other.address })).statusCode).to.equal(403);
    expect(asked).to.deep.equal([]);
  });

  for (const [remote, local, own] of [
    ["127.0.0.1", "127.0.0.1", true],
    ["::ffff:127.0.0.1", "::ffff:127.0.0.1", true],
    ["::1", "::1", true],
    ["192.0.2.1", "192.0.2.1", true],
    ["192.0.2.9", "192.0.2.1", false],
    ["2001:db8::9", "2001:db8::1", false],
    [undefined, undefined, false],
  ] as const)
    it(`${remote} at ${local} is ${own ? "" : "not "}on this machine`, () => {
      expect(onThisMachine(remote, local)).to.equal(own);
    });
});
