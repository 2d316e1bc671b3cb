/**
 * One stream after another over an @xmpp connection object: the library negotiates (header, SASL,
 * handshake, binding), and once bound every stanza passes here and not through its middleware.
 *
 * Each attempt has a library object of its own: one that failed half-way keeps listeners that
 * would answer the next attempt's challenges.
 */
import { EventEmitter } from "node:events";
import type { Runtime, Timer } from "../runtime/runtime.ts";
import { type Jid, parseJid } from "./jid.ts";
import { NS } from "./namespaces.ts";
import { streamErrorCondition } from "./stream-error.ts";
import { StreamManagement } from "./stream-management.ts";
import type { Backlog, StanzaTransport, StreamEnd, StreamEvents } from "./transport.ts";
import {
  childOf,
  type Element,
  namespaceOf,
  type StreamHandler,
  serialise,
  XmlStreamParser,
} from "./xml.ts";
import { type SocketOptions, XmppSocket } from "./xmpp-socket.ts";

/** What client and component do differently. */
export interface StreamKind {
  readonly socket: SocketOptions;
  /** Namespace of stanzas on the stream. */
  readonly ns: string;
  /** Try stream management; only c2s knows it. */
  readonly manageable: boolean;
  /** Longest stanza taken, in characters; 256 Ki unless given. */
  readonly maxStanzaChars?: number | undefined;
  /** A fresh library object that makes its socket and parser from these. */
  make(Socket: new () => object, Parser: new () => object): XmppEntity;
}

/** ms until an attempt that is not online is given up. */
const attemptTimeout = 15_000;
const closeTimeout = 1000;
/** ms until the server is asked what it has: one packet for everything of that time. */
const askDelay = 200;

/** The transport over library objects. */
export class StreamTransport implements StanzaTransport {
  readonly #kind: StreamKind;
  readonly #runtime: Runtime;
  readonly #management = new StreamManagement();
  #attempt: Attempt | undefined = undefined;
  #jid: Jid | undefined = undefined;

  constructor(kind: StreamKind, runtime: Runtime) {
    this.#kind = kind;
    this.#runtime = runtime;
  }

  open(events: StreamEvents): void {
    this.#attempt = new Attempt(this.#kind, this.#runtime, this.#management, this.#jid, {
      online: (jid, resumed) => {
        this.#jid = jid;
        events.online(jid, resumed);
      },
      stanza: (el) => events.stanza(el),
      refused: (head, why) => events.refused(head, why),
      ended: (end) => {
        this.#attempt = undefined;
        events.ended(end);
      },
    });
    this.#attempt.start();
  }

  send(stanza: Element): boolean {
    const attempt = this.#attempt;
    const live = attempt?.live === true;
    if (!live && !this.#management.resumable) return false;
    const text = serialise(stanza, this.#kind.ns);
    this.#management.sent(text);
    if (live) attempt?.write(text);
    return true;
  }

  get backlog(): Backlog {
    return this.#attempt?.backlog ?? { waiting: 0, written: 0 };
  }

  sendWhitespace(): void {
    if (this.#attempt?.live === true) this.#attempt.write(" ");
  }

  close(): void {
    this.#attempt?.close();
  }

  abort(reason: string): void {
    this.#attempt?.fail(reason, true);
  }
}

type Phase = "negotiating" | "resuming" | "binding" | "enabling" | "live" | "closing" | "ended";

/** One attempt and the stream that comes of it. */
class Attempt {
  readonly #kind: StreamKind;
  readonly #runtime: Runtime;
  readonly #management: StreamManagement;
  readonly #previousJid: Jid | undefined;
  readonly #events: StreamEvents;
  #phase: Phase = "negotiating";
  #socket: XmppSocket | undefined = undefined;
  #timer: Timer | undefined = undefined;
  #jid: Jid | undefined = undefined;
  #askTimer: Timer | undefined = undefined;
  /** Features held back from the library while we try to resume, and where they go. */
  #held: (() => void) | undefined = undefined;
  #managementOffered = false;

  constructor(
    kind: StreamKind,
    runtime: Runtime,
    management: StreamManagement,
    previousJid: Jid | undefined,
    events: StreamEvents,
  ) {
    this.#kind = kind;
    this.#runtime = runtime;
    this.#management = management;
    this.#previousJid = previousJid;
    this.#events = events;
  }

  get live(): boolean {
    return this.#phase === "live";
  }

  get backlog(): Backlog | undefined {
    return this.#socket?.backlog;
  }

  start(): void {
    this.#timer = this.#runtime.timers.after(attemptTimeout, () =>
      this.fail("timed out", true, "address"),
    );
    const makeSocket = (): object => this.#makeSocket();
    const makeParser = (): object => this.#makeParser();
    // The library calls `new` on both; a constructor may give another object.
    class AttemptSocket {
      constructor() {
        // biome-ignore lint/correctness/noConstructorReturn: see above
        return makeSocket();
      }
    }
    class AttemptParser {
      constructor() {
        // biome-ignore lint/correctness/noConstructorReturn: see above
        return makeParser();
      }
    }
    const entity = this.#kind.make(AttemptSocket, AttemptParser);
    entity.timeout = attemptTimeout;
    entity.reconnect.stop();
    entity.on("error", (error) => this.#handleError(error));
    entity.on("online", (jid) => this.#handleBound(jid.toString()));
    this.#run(entity).catch((error: unknown) => this.#handleError(error));
  }

  async #run(entity: XmppEntity): Promise<void> {
    await entity.connect("xmpp://configured");
    await entity.open({ domain: this.#kind.socket.domain });
  }

  #makeSocket(): object {
    const socket = new XmppSocket(this.#kind.socket);
    this.#socket = socket;
    socket.on("close", () => this.fail("connection closed", true));
    return socket;
  }

  #makeParser(): object {
    const emitter = new EventEmitter();
    const handler: StreamHandler = {
      start: (root) => emitter.emit("start", root),
      element: (el) => this.#handleElement(el, emitter),
      refused: (head, why) => this.#handleRefused(head, why),
      end: () => {
        emitter.emit("end");
        this.#handleFooter();
      },
    };
    const parser = new XmlStreamParser(handler, this.#kind.maxStanzaChars);
    return Object.assign(emitter, {
      write: (text: string): void => {
        if (this.#phase === "ended") return;
        const fault = parser.push(text);
        if (fault !== undefined) this.fail(`malformed stream: ${fault}`, true);
      },
      end: (): void => {},
    });
  }

  #handleElement(el: Element, library: EventEmitter): void {
    const ns = namespaceOf(el);
    if (ns === NS.stream && el.name === "error") {
      this.#handleStreamError(el);
    } else if (this.#phase === "live" || this.#phase === "enabling" || this.#phase === "closing") {
      if (ns === NS.sm) this.#handleManagement(el);
      else this.#handleStanza(el);
    } else if (ns === NS.sm) {
      this.#handleManagement(el);
    } else if (ns === NS.stream && el.name === "features") {
      this.#handleFeatures(el, library);
    } else {
      library.emit("element", el);
    }
  }

  #handleStanza(el: Element): void {
    if (el.name !== "iq" && el.name !== "message" && el.name !== "presence") return;
    this.#management.handleStanza();
    this.#events.stanza(el);
  }

  /** The server counts what we did not take. */
  #handleRefused(head: Element, why: string): void {
    if (this.#phase !== "live" && this.#phase !== "enabling" && this.#phase !== "closing") {
      this.fail(`malformed stream: ${why}`, true);
      return;
    }
    this.#management.handleStanza();
    this.#events.refused(head, why);
  }

  #handleFeatures(el: Element, library: EventEmitter): void {
    const offered = childOf(el, "sm", NS.sm);
    // The library must not see it: the session's counters are ours.
    if (offered !== undefined) el.children = el.children.filter((child) => child !== offered);
    if (childOf(el, "bind", NS.bind) === undefined) {
      if (childOf(el, "mechanisms", NS.sasl) === undefined) {
        const tls = childOf(el, "starttls", NS.tls) !== undefined;
        this.fail(tls ? "the server requires TLS" : "the server offers no login", false);
        return;
      }
      library.emit("element", el);
      return;
    }
    this.#managementOffered = offered !== undefined && this.#kind.manageable;
    const bind = (): void => {
      this.#management.reset();
      this.#phase = "binding";
      library.emit("element", el);
    };
    if (this.#managementOffered && this.#management.resumable && this.#previousJid !== undefined) {
      this.#phase = "resuming";
      this.#held = bind;
      this.#writeElement(this.#management.resume());
    } else {
      bind();
    }
  }

  #handleManagement(el: Element): void {
    switch (el.name) {
      case "r":
        // At once: the packet also acknowledges the server's, which it may be waiting for to send more.
        this.#writeElement(this.#management.answer());
        break;
      case "a":
        if (!this.#management.handleAnswer(el)) this.fail("wrong stanza count", false);
        else this.#askForAnswer(false);
        break;
      case "enabled":
        this.#management.handleEnabled(el);
        this.#goLive(false);
        break;
      case "resumed":
        this.#handleResumed(el);
        break;
      case "failed":
        this.#management.reset();
        if (this.#phase === "enabling") this.#goLive(false);
        else if (this.#phase === "resuming") this.#held?.();
        break;
      default:
        break;
    }
  }

  #handleResumed(el: Element): void {
    const again = this.#phase === "resuming" ? this.#management.handleResumed(el) : undefined;
    if (again === undefined) {
      this.fail("resumption failed", false);
      return;
    }
    this.#jid = this.#previousJid;
    if (again.length > 0) this.#socket?.write(again.join(""));
    this.#goLive(true);
    this.#askForAnswer(true);
  }

  #handleBound(jid: string): void {
    this.#jid = parseJid(jid);
    if (this.#jid === undefined) this.fail("bound to an address that is none", false);
    else if (!this.#managementOffered) this.#goLive(false);
    else {
      this.#phase = "enabling";
      this.#writeElement(this.#management.enable());
    }
  }

  #goLive(resumed: boolean): void {
    if (this.#jid === undefined || this.#phase === "live" || this.#phase === "ended") return;
    this.#phase = "live";
    this.#timer?.cancel();
    this.#events.online(this.#jid, resumed);
  }

  write(text: string): void {
    this.#socket?.write(text);
    this.#askForAnswer(false);
  }

  #askForAnswer(waited: boolean): void {
    if (this.#phase !== "live") return;
    if (this.#management.pollAsk(waited)) this.#socket?.write(`<r xmlns="${NS.sm}"/>`);
    else if (this.#management.askable) {
      this.#askTimer ??= this.#runtime.timers.after(askDelay, () => {
        this.#askTimer = undefined;
        this.#askForAnswer(true);
      });
    }
  }

  #writeElement(el: Element): void {
    this.#socket?.write(serialise(el, this.#kind.ns));
  }

  /** RFC 6120 §4.9: unrecoverable; the server has ended the session too. */
  #handleStreamError(el: Element): void {
    const condition = streamErrorCondition(el);
    const refused = condition === "not-authorized" && this.#phase === "negotiating";
    const kind = refused ? "login" : condition === "conflict" ? "conflict" : "failed";
    this.#end(kind, `stream error ${condition}`, false, concernOf(condition, undefined));
  }

  #handleFooter(): void {
    if (this.#phase === "closing") this.#end("failed", "closed", false);
    else this.#end("failed", "stream closed by the server", false);
  }

  /** Errors that the library tells: negotiation failures, and the socket's. */
  #handleError(error: unknown): void {
    const { name, condition, code } = nameOf(error);
    if (name === "SASLError") {
      this.#end("login", `login refused: ${condition ?? messageOf(error)}`, false);
    } else {
      this.fail(messageOf(error), true, concernOf(condition, code));
    }
  }

  /** Closes in order. */
  close(): void {
    if (this.#phase !== "live") {
      this.#end("failed", "closed", false);
      return;
    }
    this.#phase = "closing";
    if (this.#managementOffered) this.#writeElement(this.#management.answer());
    this.#socket?.write("</stream:stream>");
    this.#timer = this.#runtime.timers.after(closeTimeout, () =>
      this.#end("failed", "closed", false),
    );
  }

  /** Ends at once; `resumable` says whether the session may go on elsewhere. */
  fail(reason: string, resumable: boolean, concerns?: StreamEnd["concerns"]): void {
    this.#end("failed", reason, resumable && this.#phase !== "closing", concerns);
  }

  #end(
    kind: StreamEnd["kind"],
    reason: string,
    resumable: boolean,
    concerns?: StreamEnd["concerns"],
  ): void {
    if (this.#phase === "ended") return;
    this.#phase = "ended";
    this.#timer?.cancel();
    this.#askTimer?.cancel();
    if (resumable) this.#management.handleLost();
    else this.#management.reset();
    this.#socket?.destroy();
    this.#events.ended({ kind, reason, concerns, resumable: this.#management.resumable });
  }
}

function nameOf(error: unknown): { name: string; condition?: string; code?: string } {
  if (!(error instanceof Error)) return { name: "" };
  const { condition, code } = error as { condition?: unknown; code?: unknown };
  return {
    name: error.name,
    ...(typeof condition === "string" ? { condition } : {}),
    ...(typeof code === "string" ? { code } : {}),
  };
}

/** What the operator has to look at, as far as the error tells. */
function concernOf(condition: string | undefined, code: string | undefined): StreamEnd["concerns"] {
  if (condition === "host-unknown" || condition === "host-gone") return "domain";
  const unreachable = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT)$/;
  return code !== undefined && unreachable.test(code) ? "address" : undefined;
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown error";
  const code = "code" in error && typeof error.code === "string" ? error.code : undefined;
  return error.message !== "" ? error.message : (code ?? error.name);
}
