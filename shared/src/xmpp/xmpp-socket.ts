/**
 * A TCP socket that does STARTTLS before the stream library sees it (RFC 6120 §5): the library's
 * own step cannot require TLS, cannot skip verification, names no server and is silent on errors.
 *
 * Text in, text out: bytes are decoded across chunk borders, and all writes of one turn leave in
 * one system call.
 */
import { EventEmitter } from "node:events";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { NS } from "./namespaces.ts";
import { streamErrorCondition } from "./stream-error.ts";
import type { Backlog } from "./transport.ts";
import { Utf8Stream } from "./utf8-stream.ts";
import { childOf, isElement, serialise, XmlStreamParser, xml } from "./xml.ts";

/** `required`: no TLS, no stream. `ifpossible`: TLS where the server offers it. */
export type SecurityMode = "required" | "ifpossible" | "disabled";

/** Where and how to connect. */
export interface SocketOptions {
  readonly host: string;
  readonly port: number;
  /** XMPP domain: stream header, server name and the name in the certificate. */
  readonly domain: string;
  readonly security: SecurityMode;
  /** Accept any certificate. */
  readonly insecure: boolean;
  /** PEM certificates to trust instead of the system's. */
  readonly ca?: string | undefined;
}

/**
 * Events, as the stream library wants them: `connect`, `data` (text), `error`, `close`.
 */
export class XmppSocket extends EventEmitter {
  /** The library offers PLAIN only when this is set. */
  secure = false;
  readonly #options: SocketOptions;
  #socket: Socket | undefined = undefined;
  #out = "";
  #written = 0;
  #flushing = false;
  #closed = false;
  /** Text of a stream that was opened in vain, to be given to the library as its own. */
  #replay: string | undefined = undefined;

  constructor(options: SocketOptions) {
    super();
    this.#options = options;
  }

  /** Called by the library; ends in `connect`, or `error` and `close`. */
  connect(): void {
    const { host, port, security } = this.#options;
    const socket = connectTcp({ host, port, noDelay: true });
    this.#attach(socket);
    socket.once("connect", () => {
      if (security === "disabled") this.#ready(socket);
      else this.#negotiate(socket);
    });
  }

  #attach(socket: Socket): void {
    this.#socket = socket;
    socket.on("error", (error) => {
      if (this.#socket === socket) this.emit("error", error);
    });
    socket.on("close", () => {
      if (this.#socket !== socket || this.#closed) return;
      this.#closed = true;
      this.emit("close");
    });
  }

  /** A first stream in clear, only to ask for TLS. */
  #negotiate(socket: Socket): void {
    const decoder = new Utf8Stream();
    let seen = "";
    let answered = false;
    const finish = (error: string | Error | undefined, go?: () => void): void => {
      answered = true;
      socket.off("data", onData);
      if (error === undefined) go?.();
      else socket.destroy(typeof error === "string" ? new Error(error) : error);
    };
    const parser = new XmlStreamParser(
      {
        start() {},
        element: (el) => {
          if (answered) return;
          if (isElement(el, "features", NS.stream)) {
            if (childOf(el, "starttls", NS.tls) !== undefined) {
              socket.write(serialise(xml("starttls", { xmlns: NS.tls })));
            } else if (this.#options.security === "required") {
              finish("TLS is required and the server does not offer it");
            } else {
              finish(undefined, () => {
                this.#replay = seen;
                this.#ready(socket);
              });
            }
          } else if (isElement(el, "proceed", NS.tls)) {
            // What follows `proceed` in clear could have been injected (RFC 6120 §5.4.3.3).
            const clean = /<[^<>]*proceed[^<>]*(\/>|><\/[^<>]*>)\s*$/.test(seen);
            finish(clean ? undefined : "data after STARTTLS", () => this.#secure(socket));
          } else if (isElement(el, "error", NS.stream)) {
            const condition = streamErrorCondition(el);
            finish(Object.assign(new Error(`stream error ${condition}`), { condition }));
          } else {
            finish(`STARTTLS refused: ${el.name}`);
          }
        },
        refused: (_head, why) => {
          if (!answered) finish(`malformed stream: ${why}`);
        },
        end: () => {
          if (!answered) finish("stream closed by the server");
        },
      },
      65_536,
    );
    const onData = (data: Buffer): void => {
      const text = decoder.decode(data);
      seen += text;
      const fault = parser.push(text);
      if (fault !== undefined && !answered) finish(`malformed stream: ${fault}`);
    };
    socket.on("data", onData);
    const header = xml("stream:stream", { xmlns: NS.client, "xmlns:stream": NS.stream });
    header.attrs["to"] = this.#options.domain;
    header.attrs["version"] = "1.0";
    socket.write(`<?xml version='1.0'?>${serialise(header).replace(/\/>$/, ">")}`);
  }

  #secure(plain: Socket): void {
    const { domain, insecure, ca } = this.#options;
    const socket = connectTls({
      socket: plain,
      host: domain,
      rejectUnauthorized: !insecure,
      ...(isIP(domain) === 0 ? { servername: domain } : {}),
      ...(ca === undefined ? {} : { ca }),
    });
    this.#attach(socket);
    socket.once("secureConnect", () => {
      this.secure = true;
      this.#ready(socket);
    });
  }

  #ready(socket: Socket): void {
    const decoder = new Utf8Stream();
    socket.on("data", (data: Buffer) => {
      const text = decoder.decode(data);
      if (text !== "") this.emit("data", text);
    });
    this.emit("connect");
  }

  /** Called by the library and by us; gathered until the end of the turn. */
  write(text: string, done?: () => void): void {
    if (this.#replay !== undefined) {
      // The library's stream header: the server has answered it already.
      const answer = this.#replay;
      this.#replay = undefined;
      process.nextTick(() => this.emit("data", answer));
    } else {
      this.#out += text;
      if (!this.#flushing) {
        this.#flushing = true;
        process.nextTick(() => this.#flush());
      }
    }
    if (done !== undefined) process.nextTick(done);
  }

  #flush(): void {
    this.#flushing = false;
    const text = this.#out;
    this.#out = "";
    if (text === "" || this.#socket?.writable !== true) return;
    // As bytes: a socket counts text that waits in characters.
    const bytes = Buffer.from(text);
    this.#written += bytes.length;
    this.#socket.write(bytes);
  }

  /** Bytes that the system has not taken because the server does not read. */
  get backlog(): Backlog {
    return { waiting: this.#socket?.writableLength ?? 0, written: this.#written };
  }

  /** Called by the library: half-closes after what was written. */
  end(): void {
    this.#flush();
    this.#socket?.end();
  }

  /** Closes at once. */
  destroy(): void {
    this.#socket?.destroy();
  }
}
