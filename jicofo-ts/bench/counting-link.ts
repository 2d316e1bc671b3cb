/** Between a focus and the XMPP server: passes everything on and counts it by kind. */
import { connect, createServer, type Server, type Socket } from "node:net";
import { StringDecoder } from "node:string_decoder";
import { attr, type Element, elementsOf, XmlStreamParser } from "#shared/xmpp/xml";

/** What went one way. */
export interface Traffic {
  bytes: number;
  stanzas: number;
  /** Pieces that one read of the socket gave. */
  reads: number;
  /** Stanzas and bytes-free counts by kind, such as `iq set jingle session-initiate`. */
  readonly kinds: Map<string, number>;
}

function noTraffic(): Traffic {
  return { bytes: 0, stanzas: 0, reads: 0, kinds: new Map() };
}

function kindOf(el: Element): string {
  const type = attr(el, "type");
  const payload = el.name === "iq" ? elementsOf(el)[0] : undefined;
  const action = payload && attr(payload, "action");
  const ns = payload && action === undefined ? attr(payload, "xmlns")?.replace(/^.*[/:]/, "") : "";
  return [el.name, type, payload?.name, action, ns].filter((word) => word).join(" ");
}

export class CountingLink {
  port = 0;
  /** From and to the focus. */
  sent = noTraffic();
  received = noTraffic();
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(target: number) {
    this.#server = createServer({ noDelay: true }, (near) => {
      const far = connect({ host: "127.0.0.1", port: target, noDelay: true });
      this.#pass(near, far, () => this.sent);
      this.#pass(far, near, () => this.received);
    });
  }

  static async to(target: number): Promise<CountingLink> {
    const link = new CountingLink(target);
    await new Promise<void>((resolve) => link.#server.listen(0, "127.0.0.1", resolve));
    const address = link.#server.address();
    if (typeof address === "object" && address) link.port = address.port;
    return link;
  }

  /** Counts from zero. */
  reset(): void {
    this.sent = noTraffic();
    this.received = noTraffic();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #pass(from: Socket, to: Socket, traffic: () => Traffic): void {
    this.#sockets.add(from);
    const decoder = new StringDecoder("utf8");
    const handler = {
      start() {},
      element: (el: Element) => {
        const { kinds } = traffic();
        const kind = kindOf(el);
        kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
        if (el.name === "iq" || el.name === "presence" || el.name === "message")
          traffic().stanzas++;
      },
      refused() {},
      end() {},
    };
    let parser = new XmlStreamParser(handler);
    from.on("data", (data: Buffer) => {
      to.write(data);
      traffic().bytes += data.length;
      traffic().reads++;
      const text = decoder.write(data);
      // After the login both sides begin a new stream.
      const anew = text.search(/<\?xml|<stream:stream/);
      if (anew >= 0) parser = new XmlStreamParser(handler);
      parser.push(anew >= 0 ? text.slice(anew) : text);
    });
    from.on("error", () => {});
    from.on("close", () => {
      this.#sockets.delete(from);
      to.destroy();
    });
  }
}
