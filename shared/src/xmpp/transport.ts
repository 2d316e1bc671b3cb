/** What `session.ts` needs of a stream: the port that `client.ts` and `component.ts` implement. */
import type { Jid } from "./jid.ts";
import type { Element } from "./xml.ts";

/** Why a stream ended or did not come about. */
export interface StreamEnd {
  /**
   * `login`: refused by the server with our name and password. `conflict`: another stream took our
   * place (RFC 6120 §4.9.3.3).
   */
  readonly kind: "login" | "conflict" | "failed";
  /** For people, without addresses or secrets. */
  readonly reason: string;
  /** What the operator should look at: host and port, or the XMPP domain. */
  readonly concerns?: "address" | "domain" | undefined;
  /** The session may be taken up by the next stream: nothing is lost yet. */
  readonly resumable: boolean;
}

/** What a stream tells. After `ended` nothing more comes from that `open`. */
export interface StreamEvents {
  /** Bound. `resumed`: the previous session goes on. */
  online(jid: Jid, resumed: boolean): void;
  stanza(el: Element): void;
  /** A stanza beyond what peers may send; `head` is its own tag as far as it could be read. */
  refused(head: Element, why: string): void;
  ended(end: StreamEnd): void;
}

/** Bytes written to the stream, and how many of them still wait here. */
export interface Backlog {
  readonly waiting: number;
  readonly written: number;
}

/** One stream at a time, opened anew after each end. */
export interface StanzaTransport {
  /** Starts an attempt; ends in `online` or `ended`. Not to be called while one is open. */
  open(events: StreamEvents): void;
  /** Writes, or keeps for resumption; `false` when there is no session. */
  send(stanza: Element): boolean;
  /** What was written and the system has not taken yet. */
  readonly backlog: Backlog;
  /** Writes white space, so that middleboxes see traffic. */
  sendWhitespace(): void;
  /** Ends in order: footer, then the socket within 1 s. */
  close(): void;
  /** Ends at once. */
  abort(reason: string): void;
}
