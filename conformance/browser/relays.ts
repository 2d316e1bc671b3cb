/** Relays of our own between two programs, on loopback, where a test breaks the way between them. */
import { createSocket, type Socket as Datagrams } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, Socket } from "node:net";
import {
  EmulatedLink,
  type LinkConditions,
  type LinkPhase,
  LOST,
} from "#shared/testing/network-emulator";
import { SeededRandom } from "#shared/testing/virtual-runtime";

/** Hands TCP connections on to a port of this machine. */
export class TcpRelay {
  readonly port: number;
  readonly #server: Server;
  readonly #pairs = new Set<readonly [near: Socket, far: Socket]>();
  #stalled = false;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  /** Listens at any free port for connections to `target`. */
  static async open(target: number): Promise<TcpRelay> {
    const server = createServer({ noDelay: true });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const relay = new TcpRelay(server);
    server.on("connection", (near) => relay.#join(near, target));
    return relay;
  }

  #join(near: Socket, target: number): void {
    const far = new Socket();
    far.setNoDelay(true);
    far.connect(target, "127.0.0.1");
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    const pass = (from: Socket, to: Socket) => {
      from.on("data", (bytes) => void to.write(bytes));
      from.on("end", () => to.end());
      from.on("error", () => to.destroy());
      from.on("close", () => {
        to.destroySoon();
        this.#pairs.delete(pair);
      });
      if (this.#stalled) from.pause();
    };
    pass(near, far);
    pass(far, near);
  }

  /** Ends every connection with a reset to both sides. New ones are taken at once. */
  reset(): void {
    for (const sockets of this.#pairs) for (const socket of sockets) socket.resetAndDestroy();
  }

  /** A black hole: connections stay up and carry nothing until `flow`. */
  stall(): void {
    this.#stalled = true;
    for (const sockets of this.#pairs) for (const socket of sockets) socket.pause();
  }

  flow(): void {
    this.#stalled = false;
    for (const sockets of this.#pairs) for (const socket of sockets) socket.resume();
  }

  /** Ends the XML streams in the client's name: the server closes them without keeping a session. */
  endStreams(): void {
    for (const [, far] of this.#pairs) far.write("</stream:stream>");
  }

  close(): void {
    this.#server.close();
    for (const sockets of this.#pairs) for (const socket of sockets) socket.destroy();
  }
}

/** A link as it is always, or in phases that repeat. */
type Link = LinkConditions | readonly LinkPhase[];

const SEED = 20;
/** Bytes of IPv4 and UDP before each datagram. */
const HEADER_BYTES = 28;

/** Hands datagrams on to a port of this machine, and the answers back to whoever asked. */
export class UdpRelay {
  readonly port: number;
  /** While set, nothing passes, either way. */
  dropping = false;
  #closed = false;
  #up: EmulatedLink | undefined;
  #down: EmulatedLink | undefined;
  readonly #front: Datagrams;
  readonly #backs = new Map<number, Datagrams>();

  private constructor(front: Datagrams, target: number) {
    this.#front = front;
    this.port = front.address().port;
    front.on("message", (bytes, from) => {
      let back = this.#backs.get(from.port);
      if (back === undefined) {
        back = createSocket("udp4");
        back.on("message", (answer) => {
          this.#pass(this.#down, answer, () => front.send(answer, from.port, from.address));
        });
        back.on("error", () => undefined);
        this.#backs.set(from.port, back);
      }
      const far = back;
      this.#pass(this.#up, bytes, () => far.send(bytes, target, "127.0.0.1"));
    });
    front.on("error", () => undefined);
  }

  /** Receives at any free port for `target`. */
  static async open(target: number): Promise<UdpRelay> {
    const front = createSocket("udp4");
    front.bind(0, "127.0.0.1");
    await once(front, "listening");
    return new UdpRelay(front, target);
  }

  /**
   * Makes the ways towards the port (`up`) and back (`down`) as given, from now on, for all who use this
   * relay; a way that is left out is perfect.
   */
  shape({ up, down }: { readonly up?: Link; readonly down?: Link }): void {
    const link = (plan: Link | undefined) =>
      plan && new EmulatedLink(new SeededRandom(SEED), plan, performance.now());
    this.#up = link(up);
    this.#down = link(down);
  }

  #pass(link: EmulatedLink | undefined, bytes: Buffer, send: () => void): void {
    if (this.dropping) return;
    if (link === undefined) {
      send();
      return;
    }
    const now = performance.now();
    const arrival = link.offer(bytes.length + HEADER_BYTES, now);
    if (arrival === LOST) return;
    setTimeout(() => {
      if (!this.#closed) send();
    }, arrival - now);
  }

  close(): void {
    this.#closed = true;
    this.#front.close();
    for (const back of this.#backs.values()) back.close();
  }
}
