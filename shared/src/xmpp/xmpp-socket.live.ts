import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { expect } from "chai";
import { XmppSocket } from "./xmpp-socket.ts";

describe("a socket to a server that does not read", () => {
  const server = createServer({ pauseOnConnect: true });
  let accepted: Socket | undefined;
  let socket: XmppSocket;

  before(async () => {
    server.on("connection", (peer) => {
      accepted = peer.on("error", () => {});
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const options = { host: "127.0.0.1", port, domain: "x", insecure: false };
    socket = new XmppSocket({ ...options, security: "disabled" });
    socket.on("error", () => {});
    socket.connect();
    await once(socket, "connect");
  });
  after(() => {
    socket.destroy();
    accepted?.destroy();
    server.close();
  });

  it("R16: counts bytes, of what is written as of what waits", async () => {
    const chars = 8 * 2 ** 20;
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.write("é".repeat(chars), resolve);
    await promise;
    const { waiting, written } = socket.backlog;
    expect({ waiting, written }).to.deep.equal({ waiting: 2 * chars, written: 2 * chars });
  });

  it("R16: has nothing waiting once the server has read", async () => {
    let read = 0;
    accepted?.on("data", (data: Buffer) => {
      read += data.length;
    });
    accepted?.resume();
    while (socket.backlog.waiting > 0) await new Promise((resolve) => setImmediate(resolve));
    const { written } = socket.backlog;
    while (read < written) await new Promise((resolve) => setImmediate(resolve));
    expect([read, written]).to.deep.equal([2 ** 24, 2 ** 24]);
  });
});
