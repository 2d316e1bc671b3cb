/** A wire between somebody and the XMPP server, which a test can cut in every way. */
import { connect, createServer, type Server, type Socket } from "node:net";

export class CuttableLink {
  readonly #server: Server;
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  #held = false;
  #down = false;
  port = 0;

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer((socket) => this.#join(socket));
  }

  /** Listens on a free port of the loopback and passes everything on to that one. */
  static async to(target: number): Promise<CuttableLink> {
    const link = new CuttableLink(target);
    await new Promise<void>((resolve) => link.#server.listen(0, "127.0.0.1", resolve));
    const address = link.#server.address();
    if (typeof address === "object" && address) link.port = address.port;
    return link;
  }

  /** Resets what is open; who reconnects is served. */
  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Closes what is open and refuses what comes, as for a process that was killed. */
  down(): void {
    this.#down = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Serves again after `down`. */
  up(): void {
    this.#down = false;
  }

  /** Keeps everything in both directions, as a network that drops packets. */
  hold(): void {
    this.#held = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** What was kept goes on. */
  release(): void {
    this.#held = false;
    for (const socket of this.#sockets) socket.resume();
  }

  async close(): Promise<void> {
    this.down();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(near: Socket): void {
    if (this.#down) {
      near.destroy();
      return;
    }
    const far = connect(this.#target, "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from);
      from.on("data", (data: Buffer) => to.write(data));
      from.on("error", () => {});
      from.on("close", () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      if (this.#held) from.pause();
    }
  }
}
