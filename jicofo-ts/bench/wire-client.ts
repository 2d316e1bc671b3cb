/**
 * The cheapest honest XMPP client: an anonymous login over TCP and whole stanzas in and out. Hundreds
 * of them live in the generator, so it has no reconnection, no stream management and no queue.
 */
import { connect, type Socket } from "node:net";
import { StringDecoder } from "node:string_decoder";
import { NS } from "#shared/xmpp/namespaces";
import { childOf, childText, type Element, namespaceOf, XmlStreamParser } from "#shared/xmpp/xml";

export class WireClient {
  /** The full JID, once logged in. */
  jid = "";
  /** What arrives; `at` is when the bytes came, before anything was read of them. */
  onStanza: (stanza: Element, at: number) => void = () => {};
  readonly #domain: string;
  readonly #socket: Socket;
  readonly #ready = Promise.withResolvers<void>();
  #parser: XmlStreamParser;
  #authenticated = false;
  #at = 0;

  private constructor(port: number, domain: string) {
    this.#domain = domain;
    this.#parser = this.#newParser();
    this.#socket = connect({ host: "127.0.0.1", port, noDelay: true });
    const decoder = new StringDecoder("utf8");
    this.#socket.on("connect", () => this.#openStream());
    this.#socket.on("data", (data: Buffer) => {
      this.#at = performance.now();
      const fault = this.#parser.push(decoder.write(data));
      if (fault !== undefined) this.#fail(fault);
    });
    this.#socket.on("error", (error) => this.#fail(error.message));
    this.#socket.on("close", () => this.#fail("closed"));
  }

  static async login(port: number, domain: string): Promise<WireClient> {
    const client = new WireClient(port, domain);
    await client.#ready.promise;
    return client;
  }

  send(text: string): void {
    this.#socket.write(text);
  }

  /** Closes the stream and the socket. */
  close(): void {
    this.onStanza = () => {};
    this.#socket.end("</stream:stream>");
  }

  #fail(why: string): void {
    this.#ready.reject(new Error(`login: ${why}`));
    this.#socket.destroy();
  }

  #openStream(): void {
    this.#parser = this.#newParser();
    this.send(
      `<?xml version='1.0'?><stream:stream xmlns='${NS.client}' xmlns:stream='${NS.stream}' to='${this.#domain}' version='1.0'>`,
    );
  }

  #newParser(): XmlStreamParser {
    return new XmlStreamParser({
      start() {},
      element: (el) => this.#handle(el),
      refused: (_head, why) => this.#fail(why),
      end: () => this.#socket.destroy(),
    });
  }

  #handle(el: Element): void {
    if (this.jid !== "") this.onStanza(el, this.#at);
    else if (el.name === "features" && !this.#authenticated)
      this.send(`<auth xmlns='${NS.sasl}' mechanism='ANONYMOUS'/>`);
    else if (el.name === "success" && namespaceOf(el) === NS.sasl) {
      this.#authenticated = true;
      this.#openStream();
    } else if (el.name === "features") {
      this.send(`<iq type='set' id='bind'><bind xmlns='${NS.bind}'/></iq>`);
    } else if (el.name === "iq") {
      const bind = childOf(el, "bind", NS.bind);
      this.jid = (bind && childText(bind, "jid", NS.bind)) ?? "";
      if (this.jid === "") this.#fail("no address");
      else this.#ready.resolve();
    } else this.#fail(el.name);
  }
}
