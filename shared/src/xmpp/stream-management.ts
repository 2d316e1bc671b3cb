/**
 * Stream management with resumption (XEP-0198), without I/O: counts stanzas, keeps those not yet
 * acknowledged, and says what to write.
 *
 * Ours instead of @xmpp/stream-management 0.14: that one loses stanzas whose write fails, refuses
 * to go on after a server that grants no resumption, and miscounts malformed IQs.
 */
import { NS } from "./namespaces.ts";
import { attr, boolAttr, type Element, parseInteger, xml } from "./xml.ts";

const wrap = 2 ** 32;
/** More unacknowledged stanzas than this are not worth resuming for. */
const maxQueue = 20_000;
/** So many are asked about at once; fewer only after a while, all together. */
const askAtOnce = 100;

/** The state of one session; survives the streams it is carried by. */
export class StreamManagement {
  /** Given by the server when the session can be resumed. */
  #id: string | undefined = undefined;
  /** `<enable/>` was sent or the session resumed: outgoing stanzas count. */
  #counting = false;
  /** `<enabled/>` or `<resumed/>` came on the stream in use. */
  #active = false;
  #inbound = 0;
  #acknowledged = 0;
  #queue: string[] = [];
  #ackAsked = false;

  /** Whether a new stream should try to take up the session. */
  get resumable(): boolean {
    return this.#id !== undefined && this.#queue.length <= maxQueue;
  }

  /** Stanzas sent and not yet acknowledged. */
  get unacknowledged(): number {
    return this.#queue.length;
  }

  /** `<enable>`; to be written after binding. Stanzas sent from now on are kept. */
  enable(): Element {
    this.reset();
    this.#counting = true;
    return xml("enable", { xmlns: NS.sm, resume: true });
  }

  /** The server agreed. */
  handleEnabled(el: Element): void {
    this.#active = true;
    this.#inbound = 0;
    const id = attr(el, "id");
    const resume = boolAttr(el, "resume") || attr(el, "resume") === "1";
    this.#id = resume && id !== undefined && id !== "" ? id : undefined;
  }

  /** `<resume>`, with which a new stream takes up the session. */
  resume(): Element {
    return xml("resume", { xmlns: NS.sm, previd: this.#id, h: this.#inbound });
  }

  /** The session goes on: gives what must be written again, or `undefined` for a wrong count. */
  handleResumed(el: Element): readonly string[] | undefined {
    this.#ackAsked = false;
    if (!this.#acknowledge(attr(el, "h"))) return undefined;
    this.#active = true;
    return this.#queue;
  }

  /** The session is over: `<failed/>`, a closed stream, or a fresh login. */
  reset(): void {
    this.#id = undefined;
    this.#counting = false;
    this.#active = false;
    this.#inbound = 0;
    this.#acknowledged = 0;
    this.#queue = [];
    this.#ackAsked = false;
  }

  /** The stream is gone; the session may be resumed on another. */
  handleLost(): void {
    this.#active = false;
    this.#ackAsked = false;
    if (!this.resumable) this.reset();
  }

  /** A stanza came in. */
  handleStanza(): void {
    this.#inbound = (this.#inbound + 1) % wrap;
  }

  /** A stanza goes out (or would, were there a stream). */
  sent(text: string): void {
    if (this.#counting) this.#queue.push(text);
  }

  /** `<a h=…/>`, the answer to `<r/>`. */
  answer(): Element {
    return xml("a", { xmlns: NS.sm, h: this.#inbound });
  }

  /** Takes the server's `<a/>`. `false`: it counts stanzas we never sent. */
  handleAnswer(el: Element): boolean {
    this.#ackAsked = false;
    return this.#acknowledge(attr(el, "h"));
  }

  /** Whether there is something to ask about: unacknowledged stanzas, and no question open. */
  get askable(): boolean {
    return this.#active && !this.#ackAsked && this.#queue.length > 0;
  }

  /**
   * Whether to write `<r/>` now. `waited`: the first of them have waited for long enough; until then
   * only many are worth a question, for each costs both sides a packet.
   */
  pollAsk(waited: boolean): boolean {
    if (!this.askable || (!waited && this.#queue.length < askAtOnce)) return false;
    this.#ackAsked = true;
    return true;
  }

  #acknowledge(text: string | undefined): boolean {
    const h = parseInteger(text, 0, wrap - 1);
    if (h === undefined) return false;
    const count = (h - this.#acknowledged + wrap) % wrap;
    if (count > this.#queue.length) return false;
    this.#queue.splice(0, count);
    this.#acknowledged = h;
    return true;
  }
}
