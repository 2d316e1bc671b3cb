/** A transport without network for tests of what stands on sessions. Imported by tests only. */
import type { Jid } from "../xmpp/jid.ts";
import { parseJid } from "../xmpp/jid.ts";
import type { Backlog, StanzaTransport, StreamEnd, StreamEvents } from "../xmpp/transport.ts";
import { type Element, parseXml, serialise } from "../xmpp/xml.ts";

/** Records what is sent; the test plays the server. */
export class FakeTransport implements StanzaTransport {
  readonly sent: Element[] = [];
  readonly jid: Jid;
  opened = 0;
  whitespace = 0;
  aborted: string | undefined = undefined;
  /** A server that reads. */
  backlog: Backlog = { waiting: 0, written: 0 };
  /** The server would let the session be resumed. */
  resumable = false;
  #events: StreamEvents | undefined = undefined;
  #session = false;

  constructor(jid = "focus@auth.x/focus") {
    const parsed = parseJid(jid);
    if (parsed === undefined) throw new Error("not a JID");
    this.jid = parsed;
  }

  open(events: StreamEvents): void {
    this.opened++;
    this.#events = events;
  }

  send(stanza: Element): boolean {
    if (!this.#session) return false;
    // What really goes over the wire, and nothing of the object that was given.
    this.sent.push(read(serialise(stanza)));
    return true;
  }

  sendWhitespace(): void {
    this.whitespace++;
  }

  close(): void {
    this.end("closed");
  }

  abort(reason: string): void {
    this.aborted = reason;
    this.end(reason);
  }

  /** The stream gets online. */
  online(resumed = false): void {
    this.#session = true;
    this.#events?.online(this.jid, resumed);
  }

  /** The server sends that. */
  receive(text: string): void {
    this.#events?.stanza(read(text));
  }

  /** The server sends a stanza beyond the limits, of which this is the beginning. */
  receiveRefused(head: string, why = "nested too deeply"): void {
    this.#events?.refused(read(head), why);
  }

  /** The stream ends. */
  end(reason = "cut", kind: StreamEnd["kind"] = "failed"): void {
    const events = this.#events;
    this.#events = undefined;
    this.#session = this.#session && this.resumable;
    events?.ended({ kind, reason, resumable: this.#session });
  }

  /** Takes the stanzas sent since the last time, as text. */
  take(): string[] {
    return this.sent.splice(0).map((el) => serialise(el, "jabber:client"));
  }
}

function read(text: string): Element {
  const result = parseXml(text, "jabber:client");
  if (!result.ok) throw new Error(`${result.error}: ${text}`);
  return result.value;
}
