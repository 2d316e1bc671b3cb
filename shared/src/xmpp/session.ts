/**
 * The stanza side of a connection, without I/O: reconnection, keep-alive, routing, IQ requests and
 * answers. Works on a `StanzaTransport`; tests give it one without a network and virtual time.
 */
import type { Logger } from "../logging/logger.ts";
import { pii } from "../logging/pii.ts";
import type { Runtime, Timer } from "../runtime/runtime.ts";
import { iqError } from "../stanza/iq.ts";
import { parseStanzaError, type StanzaCondition, stanzaError } from "../stanza/stanza-error.ts";
import type {
  ConnectionState,
  IqHandler,
  IqMatch,
  IqReply,
  StateChange,
  Unsubscribe,
  XmppConnection,
} from "./connection.ts";
import { type BareJid, bareOf, type Jid, parseJid } from "./jid.ts";
import { NS } from "./namespaces.ts";
import { Reconnection, type ReconnectionOptions } from "./reconnection.ts";
import type { StanzaTransport, StreamEnd } from "./transport.ts";
import { attr, type Element, elementsOf, namespaceOf, xml } from "./xml.ts";

/** Settings that every kind of connection has. */
export interface SessionOptions extends ReconnectionOptions {
  /** For logs and statistics. */
  readonly name: string;
  /** ms without anything received until a ping is sent; default 30,000. */
  readonly pingIntervalMs?: number;
  /** ms until an unanswered ping ends the stream; default 10,000. */
  readonly pingTimeoutMs?: number;
  /** ms without anything sent until white space is; default 10,000. */
  readonly whitespaceIntervalMs?: number;
  /** ms that `request` waits by default; 15,000 as upstream. */
  readonly replyTimeoutMs?: number;
  /** What IQs without handler get; default `service-unavailable`. */
  readonly unknownIq?: StanzaCondition;
  /** `from` of stanzas that have none; components need it. */
  readonly defaultFrom?: string;
}

const stopTimeoutMs = 2000;
/** A server that takes nothing of more waiting bytes than this … */
const backlogLimit = 2 ** 20;
/** … for this long has closed its window for good: the stream is given up. */
const backlogTimeoutMs = 5000;
/** More than this never waits, however slowly the server reads. */
const backlogMax = 32 * 2 ** 20;
const keepaliveMs = 1000;
/**
 * A timer later than this tells that the process stood still: what came meanwhile is read first,
 * which takes as long at most.
 */
const standstillMs = 2000;
/** Requests given up whose answers are still recognised. */
const mostGivenUp = 1000;

interface PendingRequest {
  readonly to: Jid | undefined;
  readonly resolve: (reply: IqReply) => void;
  timer: Timer;
}

/** Implements `XmppConnection` on a transport. */
export class XmppSession implements XmppConnection {
  readonly name: string;
  readonly #transport: StanzaTransport;
  readonly #domain: string;
  readonly #options: SessionOptions;
  readonly #runtime: Runtime;
  readonly #log: Logger;
  readonly #pending = new Map<string, PendingRequest>();
  /** Whom the requests went to whose time ran out, oldest first. */
  readonly #givenUp = new Map<string, Jid | undefined>();
  readonly #stateListeners = new Set<(change: StateChange) => void>();
  readonly #lateListeners = new Set<() => void>();
  readonly #stanzaListeners = new Set<(stanza: Element) => void>();
  readonly #fromListeners = new Map<BareJid, Set<(stanza: Element) => void>>();
  readonly #handlers = new Map<string, IqHandler[]>();
  readonly #reconnection: Reconnection;
  readonly #idPrefix: string;
  #nextId = 1;
  #state: ConnectionState = "offline";
  #sessions = 0;
  #jid: Jid | undefined = undefined;
  #open = false;
  #stopped: (() => void)[] | undefined = undefined;
  #retry: Timer | undefined = undefined;
  #keepalive: Timer | undefined = undefined;
  #lastReceived = 0;
  #lastSent = 0;
  #pinging = false;
  #checkedAt = 0;
  /** Bytes the server had taken when it last took some, and when that was. */
  #taken = 0;
  #takenAt = 0;

  constructor(
    transport: StanzaTransport,
    domain: string,
    options: SessionOptions,
    runtime: Runtime,
    log: Logger,
  ) {
    this.name = options.name;
    this.#transport = transport;
    this.#domain = domain;
    this.#options = options;
    this.#runtime = runtime;
    this.#log = log.child({ xmpp_connection: options.name }, "XmppConnection");
    this.#reconnection = new Reconnection(domain, options, runtime, this.#log);
    this.#idPrefix = Buffer.from(runtime.random.bytes(4)).toString("hex");
    this.handleIq({ type: "get", name: "ping", ns: NS.ping }, ({ iq }) =>
      xml("iq", { type: "result", id: attr(iq, "id"), to: attr(iq, "from"), from: attr(iq, "to") }),
    );
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get sessions(): number {
    return this.#sessions;
  }

  get jid(): Jid | undefined {
    return this.#jid;
  }

  start(): void {
    if (this.#state !== "offline" || this.#stopped !== undefined) return;
    this.#setState("connecting", false);
    this.#connect();
  }

  stop(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting = this.#stopped;
    if (waiting !== undefined) {
      if (this.#open) waiting.push(resolve);
      else resolve();
      return promise;
    }
    this.#stopped = [resolve];
    this.#retry?.cancel();
    this.#keepalive?.cancel();
    this.#setState("offline", false);
    this.#failPending();
    if (this.#open) {
      this.#runtime.timers.after(stopTimeoutMs, () => this.#transport.abort("stopping"));
      this.#transport.close();
    } else {
      this.#finishStop();
    }
    return promise;
  }

  #finishStop(): void {
    for (const resolve of this.#stopped?.splice(0) ?? []) resolve();
  }

  #connect(): void {
    this.#open = true;
    this.#transport.open({
      online: (jid, resumed) => this.#handleOnline(jid, resumed),
      stanza: (el) => this.#handleStanza(el),
      refused: (head, why) => this.#handleRefused(head, why),
      ended: (end) => this.#handleEnded(end),
    });
  }

  #handleOnline(jid: Jid, resumed: boolean): void {
    if (this.#stopped !== undefined) return;
    this.#jid = jid;
    if (!resumed) {
      this.#sessions++;
      this.#failPending();
    }
    const now = this.#runtime.clock.now();
    this.#reconnection.handleOnline(now);
    this.#lastReceived = this.#lastSent = this.#checkedAt = this.#takenAt = now;
    this.#taken = 0;
    this.#pinging = false;
    this.#keepalive?.cancel();
    this.#keepalive = this.#runtime.timers.every(keepaliveMs, () => this.#checkKeepalive());
    this.#log.info(resumed ? "XMPP session resumed" : "XMPP connection online");
    this.#setState("online", resumed);
  }

  #handleEnded(end: StreamEnd): void {
    this.#open = false;
    this.#keepalive?.cancel();
    if (this.#stopped !== undefined) {
      this.#finishStop();
      return;
    }
    const wasOnline = this.#state === "online";
    if (!end.resumable) this.#failPending();
    const delay = this.#reconnection.handleEnd(end, wasOnline, this.#jid);
    this.#retry = this.#runtime.timers.after(delay, () => this.#connect());
    if (wasOnline) this.#setState("connecting", false);
  }

  #setState(state: ConnectionState, resumed: boolean): void {
    if (this.#state === state) return;
    this.#state = state;
    for (const listener of [...this.#stateListeners]) {
      this.#guard("state listener", () => listener({ state, resumed }));
    }
  }

  #checkKeepalive(): void {
    const { pingIntervalMs = 30_000, whitespaceIntervalMs = 10_000 } = this.#options;
    const now = this.#runtime.clock.now();
    if (this.#isStalled(now)) {
      this.#transport.abort("the server does not read what it is sent");
      return;
    }
    if (now - this.#lastReceived >= pingIntervalMs && !this.#pinging) this.#ping();
    if (now - this.#lastSent >= whitespaceIntervalMs) {
      this.#lastSent = now;
      this.#transport.sendWhitespace();
    }
  }

  /** The server's window is closed while much waits to be sent. */
  #isStalled(now: number): boolean {
    const { waiting, written } = this.#transport.backlog;
    const stoodStill = now - this.#checkedAt > standstillMs;
    this.#checkedAt = now;
    if (waiting <= backlogLimit || written - waiting !== this.#taken || stoodStill) {
      this.#taken = written - waiting;
      this.#takenAt = now;
    }
    return waiting > backlogMax || now - this.#takenAt >= backlogTimeoutMs;
  }

  #ping(): void {
    const since = this.#lastReceived;
    this.#pinging = true;
    const ping = xml("iq", { type: "get", to: this.#domain }, xml("ping", { xmlns: NS.ping }));
    this.request(ping, this.#options.pingTimeoutMs ?? 10_000).then(
      (reply) => {
        this.#pinging = false;
        // Anything received meanwhile shows life as well as an answer does.
        if (reply.kind === "timeout" && this.#lastReceived === since && this.#state === "online") {
          this.#transport.abort("ping timed out");
        }
      },
      () => {},
    );
  }

  send(stanza: Element): boolean {
    if (this.#stopped !== undefined) return false;
    const { defaultFrom } = this.#options;
    if (defaultFrom !== undefined) stanza.attrs["from"] ??= defaultFrom;
    const sent = this.#transport.send(stanza);
    if (sent) this.#lastSent = this.#runtime.clock.now();
    return sent;
  }

  request(iq: Element, timeoutMs = this.#options.replyTimeoutMs ?? 15_000): Promise<IqReply> {
    const { promise, resolve } = Promise.withResolvers<IqReply>();
    const id = `${this.#idPrefix}-${this.#nextId++}`;
    const to = attr(iq, "to");
    iq.attrs["id"] = id;
    if (!this.send(iq)) {
      resolve({ kind: "disconnected" });
      return promise;
    }
    const timer = this.#deadline(id, timeoutMs);
    this.#pending.set(id, { to: to === undefined ? undefined : parseJid(to), resolve, timer });
    return promise;
  }

  #deadline(id: string, timeoutMs: number): Timer {
    const { clock, timers } = this.#runtime;
    const due = clock.now() + timeoutMs;
    return timers.after(timeoutMs, () => {
      const pending = this.#pending.get(id);
      // This process stood still, and the answer may wait in the socket.
      if (pending !== undefined && clock.now() - due > standstillMs) {
        pending.timer = this.#deadline(id, standstillMs);
      } else this.#settle(id, { kind: "timeout" });
    });
  }

  #settle(id: string, reply: IqReply): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    pending.timer.cancel();
    pending.resolve(reply);
    if (reply.kind === "timeout") this.#giveUp(id, pending.to);
  }

  #giveUp(id: string, to: Jid | undefined): void {
    this.#givenUp.set(id, to);
    const [oldest] = this.#givenUp.keys();
    if (this.#givenUp.size > mostGivenUp && oldest !== undefined) this.#givenUp.delete(oldest);
  }

  #failPending(): void {
    for (const id of [...this.#pending.keys()]) this.#settle(id, { kind: "disconnected" });
    this.#givenUp.clear();
  }

  #handleStanza(el: Element): void {
    this.#lastReceived = this.#runtime.clock.now();
    if (this.#stopped !== undefined) return;
    if (el.name === "iq") this.#handleIqStanza(el);
    else this.#route(el);
  }

  /** Its sender alone is concerned: told so, where an answer is due. */
  #handleRefused(head: Element, why: string): void {
    this.#lastReceived = this.#runtime.clock.now();
    if (this.#stopped !== undefined) return;
    const type = attr(head, "type");
    const from = pii(attr(head, "from") ?? "unknown");
    this.#log.warn("Left out a stanza", { from, stanza: head.name, why });
    if (head.name === "iq" && (type === "get" || type === "set")) {
      this.#refuse(head, "policy-violation");
    } else if (head.name === "presence" && type === "unavailable") {
      // Who leaves is gone, whatever else was said: else it would stay for ever.
      this.#route(head);
    }
  }

  #route(el: Element): void {
    const from = parseJid(attr(el, "from") ?? "");
    const listeners = from === undefined ? undefined : this.#fromListeners.get(bareOf(from));
    if (listeners !== undefined) {
      for (const listener of [...listeners]) this.#guard("room listener", () => listener(el));
    }
    this.#tellAll(el);
  }

  #tellAll(el: Element): void {
    for (const listener of [...this.#stanzaListeners]) {
      this.#guard("stanza listener", () => listener(el));
    }
  }

  #handleIqStanza(iq: Element): void {
    const type = attr(iq, "type");
    if (type === "result" || type === "error") this.#handleAnswer(iq, type);
    else if (type === "get" || type === "set") this.#handleRequest(iq, type);
    else this.#refuse(iq, "bad-request");
  }

  #handleAnswer(iq: Element, type: "result" | "error"): void {
    const id = attr(iq, "id") ?? "";
    const pending = this.#pending.get(id);
    if (pending === undefined || !this.#comesFrom(iq, pending.to)) {
      if (pending === undefined) this.#tellLate(iq, id);
      this.#tellAll(iq);
      return;
    }
    const reply: IqReply =
      type === "result"
        ? { kind: "result", iq }
        : { kind: "error", error: parseStanzaError(iq), iq };
    this.#settle(id, reply);
  }

  #tellLate(iq: Element, id: string): void {
    if (!this.#givenUp.has(id) || !this.#comesFrom(iq, this.#givenUp.get(id))) return;
    this.#givenUp.delete(id);
    for (const listener of [...this.#lateListeners]) this.#guard("late-reply listener", listener);
  }

  /** RFC 6120 §8.1.3: the server may answer for itself without `from`, or as our own account. */
  #comesFrom(iq: Element, asked: Jid | undefined): boolean {
    const text = attr(iq, "from");
    const from = text === undefined ? undefined : parseJid(text);
    if (asked !== undefined && from === asked) return true;
    const own = this.#jid;
    const server = from === undefined || from === this.#domain;
    const account = own !== undefined && (from === own || from === bareOf(own));
    if (asked === undefined) return server || account;
    const askedServer = asked === this.#domain || (own !== undefined && asked === bareOf(own));
    return askedServer && (server || account);
  }

  #handleRequest(iq: Element, type: "get" | "set"): void {
    const payloads = elementsOf(iq);
    const payload = payloads[0];
    const id = attr(iq, "id");
    const fromText = attr(iq, "from") ?? (this.#jid === undefined ? undefined : bareOf(this.#jid));
    const from = fromText === undefined ? undefined : parseJid(fromText);
    if (payload === undefined || payloads.length !== 1 || id === undefined) {
      this.#refuse(iq, "bad-request");
      return;
    }
    if (from === undefined) {
      this.#refuse(iq, "jid-malformed");
      return;
    }
    const handler = this.#handlers
      .get(`${type} ${payload.name} ${namespaceOf(payload) ?? ""}`)
      ?.at(-1);
    if (handler === undefined) {
      this.#refuse(iq, this.#options.unknownIq ?? "service-unavailable");
      return;
    }
    const toText = attr(iq, "to");
    const to = toText === undefined ? undefined : parseJid(toText);
    try {
      const answer = handler({ type, id, from, to, payload, iq });
      if (answer instanceof Promise) this.#answerLater(iq, answer);
      else if (answer !== undefined) this.send(answer);
    } catch (error) {
      this.#failHandler(iq, error);
    }
  }

  #answerLater(iq: Element, answer: Promise<Element | undefined>): void {
    answer.then(
      (el) => {
        if (el !== undefined) this.send(el);
      },
      (error: unknown) => this.#failHandler(iq, error),
    );
  }

  #failHandler(iq: Element, error: unknown): void {
    const payload = elementsOf(iq)[0]?.name;
    this.#log.error("Handling an IQ failed", { payload }, error);
    this.#refuse(iq, "internal-server-error");
  }

  #refuse(iq: Element, condition: StanzaCondition): void {
    this.send(iqError(iq, stanzaError(condition)));
  }

  /** A listener's bug must not cost the other listeners their stanza, nor the stream its life. */
  #guard(what: string, call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#log.error(`A ${what} failed`, {}, error);
    }
  }

  onState(listener: (change: StateChange) => void): Unsubscribe {
    this.#stateListeners.add(listener);
    return () => this.#stateListeners.delete(listener);
  }

  onLateReply(listener: () => void): Unsubscribe {
    this.#lateListeners.add(listener);
    return () => this.#lateListeners.delete(listener);
  }

  onStanza(listener: (stanza: Element) => void): Unsubscribe {
    this.#stanzaListeners.add(listener);
    return () => this.#stanzaListeners.delete(listener);
  }

  onStanzaFrom(from: BareJid, listener: (stanza: Element) => void): Unsubscribe {
    const listeners = this.#fromListeners.get(from) ?? new Set();
    this.#fromListeners.set(from, listeners);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#fromListeners.get(from) === listeners) {
        this.#fromListeners.delete(from);
      }
    };
  }

  handleIq(match: IqMatch, handler: IqHandler): Unsubscribe {
    const types = match.type === "any" ? (["get", "set"] as const) : [match.type];
    const keys = types.map((type) => `${type} ${match.name} ${match.ns}`);
    for (const key of keys) this.#handlers.set(key, [...(this.#handlers.get(key) ?? []), handler]);
    return () => {
      for (const key of keys) {
        const left = (this.#handlers.get(key) ?? []).filter((known) => known !== handler);
        if (left.length === 0) this.#handlers.delete(key);
        else this.#handlers.set(key, left);
      }
    };
  }
}
