/**
 * One XMPP stream as the rest of a program sees it: states, stanzas in and out, IQ requests with a
 * deadline, and IQ handlers. `client.ts` (c2s) and `component.ts` (XEP-0114) make them.
 */
import type { StanzaError } from "../stanza/stanza-error.ts";
import type { BareJid, Jid } from "./jid.ts";
import type { Element } from "./xml.ts";

/** `offline`: not started or stopped. `connecting`: trying, for ever. `online`: bound. */
export type ConnectionState = "offline" | "connecting" | "online";

/** A change of state. `resumed` (only with `online`): the old session goes on, nothing was lost. */
export interface StateChange {
  readonly state: ConnectionState;
  readonly resumed: boolean;
}

/** How an IQ request ended. `disconnected`: the session died before the answer came. */
export type IqReply =
  | { readonly kind: "result"; readonly iq: Element }
  | { readonly kind: "error"; readonly error: StanzaError; readonly iq: Element }
  | { readonly kind: "timeout" }
  | { readonly kind: "disconnected" };

/** A get or set that reached us. `from` is what the answer goes to; `to` is not the room (A1.7). */
export interface IqRequest {
  readonly type: "get" | "set";
  readonly id: string;
  readonly from: Jid;
  readonly to: Jid | undefined;
  /** The one child. */
  readonly payload: Element;
  /** The whole stanza; give it to `iqResult` or `iqError` (stanza/iq.ts) to build the answer. */
  readonly iq: Element;
}

/**
 * Answers one kind of IQ: returns the whole answer (`iqResult`, `iqError`), or a promise of it, or
 * `undefined` when the answer will be sent later with `send`. What it throws is logged and answered
 * with `internal-server-error`.
 */
export type IqHandler = (request: IqRequest) => Element | undefined | Promise<Element | undefined>;

/** Which IQs a handler takes. */
export interface IqMatch {
  readonly type: "get" | "set" | "any";
  /** Local name of the payload. */
  readonly name: string;
  /** Namespace of the payload. */
  readonly ns: string;
}

/** Takes a listener or handler away again; twice does nothing. */
export type Unsubscribe = () => void;

/** A stream that reconnects by itself. All callbacks run outside the caller's turn. */
export interface XmppConnection {
  /** Name for logs and statistics, from the configuration. */
  readonly name: string;
  readonly state: ConnectionState;
  /** Counts fresh (not resumed) sessions: what belongs to an earlier one is gone. 0 before the first. */
  readonly sessions: number;
  /** Our full JID once bound (component: its domain); `undefined` before. */
  readonly jid: Jid | undefined;
  /** Starts trying; never gives up. Twice does nothing. */
  start(): void;
  /** Closes the stream in order; resolves when closed, within 2 s. Not restartable. */
  stop(): Promise<void>;
  /**
   * Sends a stanza, all of one turn in one write. Without a session it is dropped and `false` is
   * returned; while a session waits to be resumed it is kept for that.
   */
  send(stanza: Element): boolean;
  /**
   * Sends an IQ get or set and waits for its answer at most `timeoutMs` (default 15,000). The id
   * is set here. Only an answer from the address asked counts (RFC 6120 §8.1.3).
   */
  request(iq: Element, timeoutMs?: number): Promise<IqReply>;
  /** Called after each change of state. */
  onState(listener: (change: StateChange) => void): Unsubscribe;
  /** Called when the answer to a request comes after `request` gave it up: from whom was asked, once. */
  onLateReply(listener: () => void): Unsubscribe;
  /** Called for every presence and message, and IQ answers nobody waits for. */
  onStanza(listener: (stanza: Element) => void): Unsubscribe;
  /** As `onStanza`, for presence and message from one bare address only; cheap with many rooms. */
  onStanzaFrom(from: BareJid, listener: (stanza: Element) => void): Unsubscribe;
  /** Takes IQs; the last handler set for a match wins. Others get `service-unavailable` (A1.12). */
  handleIq(match: IqMatch, handler: IqHandler): Unsubscribe;
}
