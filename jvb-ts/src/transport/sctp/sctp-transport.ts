/**
 * The bridge channel over a data channel: one association, one channel (spec jvb-control 4.2,
 * jvb-media 3.3). With clients the bridge waits for INIT and OPEN; towards a relay it may connect
 * and open itself. Same contract as the other cores: input, drain `poll`, wait until `pollTimeout`.
 */
import type { Logger } from "#shared/logging/logger";
import { Bug } from "#shared/runtime/bug";
import type { Millis, Random } from "#shared/runtime/runtime";
import { ChannelBudget, messageCost } from "../channel-budget.ts";
import { buildDcepAck, buildDcepOpen, Ppid, parseDcep } from "./dcep.ts";
import { type AssociationEvent, SctpAssociation } from "./sctp-association.ts";
import type { SctpMessage } from "./sctp-receiver.ts";

export type ChannelEvent =
  /** One SCTP packet for DTLS. */
  | { readonly kind: "packet"; readonly bytes: Uint8Array }
  | { readonly kind: "open" }
  | { readonly kind: "message"; readonly text: string }
  | { readonly kind: "closed" }
  /** The peer opened a channel beyond the first. */
  | { readonly kind: "rejected" }
  /** It sends more messages than its budget, and has to wait. */
  | { readonly kind: "slowed" }
  /** It would not stop: the channel is closed. */
  | { readonly kind: "flooded" };

export interface SctpTransportOptions {
  /** `server` waits for INIT and OPEN, `client` connects and opens. */
  readonly role: "server" | "client";
  readonly random: Random;
  readonly log: Logger;
}

/** What a bridge opens towards a relay. */
const LABEL = "default";
const PROTOCOL = "http://jitsi.org/protocols/colibri";
const RELAY_STREAM = 0;
/** A flooded reader wakes so often at most. */
const WAKE_MS = 100;
/** Packets kept until `start`. */
const MAX_EARLY = 100;

export class SctpTransport {
  readonly #role: "server" | "client";
  readonly #log: Logger;
  readonly #association: SctpAssociation;
  readonly #events: ChannelEvent[] = [];
  /** Full at its first use, whenever that is. */
  readonly #budget = new ChannelBudget(Number.NEGATIVE_INFINITY);
  #slowed = false;
  #wakeAt: Millis | undefined;
  #early: Uint8Array[] | undefined = [];
  #stream: number | undefined;
  #open = false;
  #dropped = 0;

  constructor({ role, random, log }: SctpTransportOptions) {
    this.#role = role;
    this.#log = log;
    this.#association = new SctpAssociation(random);
  }

  /** The channel is open in both directions. */
  get ready(): boolean {
    return this.#open;
  }
  get counters(): { readonly received: number; readonly sent: number; readonly dropped: number } {
    const { received, sent, dropped } = this.#association;
    return { received, sent, dropped: dropped + this.#dropped };
  }

  /** DTLS is connected. */
  start(now: Millis): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    if (this.#role === "client") this.#association.connect(now);
    for (const bytes of early) this.#association.handlePacket(bytes, now);
    this.#drain(now);
  }

  handlePacket(bytes: Uint8Array, now: Millis): void {
    if (this.#early !== undefined) {
      if (this.#early.length < MAX_EARLY) this.#early.push(new Uint8Array(bytes));
      else this.#dropped++;
      return;
    }
    this.#association.handlePacket(bytes, now);
    this.#drain(now);
  }

  /** False when the channel is not open or its queue is full; the text is then not sent. */
  sendText(text: string, now: Millis): boolean {
    if (!this.#open || this.#stream === undefined) return false;
    // An empty message cannot be sent in SCTP: RFC 8831 6.6 has a PPID and one byte for it.
    const sent =
      text === ""
        ? this.#association.send(this.#stream, Ppid.stringEmpty, new Uint8Array(1), now)
        : this.#association.send(this.#stream, Ppid.string, Buffer.from(text, "utf8"), now);
    this.#drain(now);
    return sent;
  }

  handleTimeout(now: Millis): void {
    this.#association.handleTimeout(now);
    this.#drain(now);
  }

  pollTimeout(): Millis | undefined {
    const at = this.#association.pollTimeout();
    if (this.#wakeAt === undefined || at === undefined) return this.#wakeAt ?? at;
    return Math.min(this.#wakeAt, at);
  }

  poll(): ChannelEvent | undefined {
    return this.#events.shift();
  }

  /** Ends the association; the peer is told. */
  close(now: Millis): void {
    this.#association.abort("endpoint closed");
    this.#drain(now);
  }

  /** Messages as the budget allows, then what the association says; neither is left over. */
  #drain(now: Millis): void {
    for (let moved = true; moved; ) {
      moved = this.#drainMessages(now);
      for (let event = this.#association.poll(); event; event = this.#association.poll()) {
        moved = true;
        this.#handle(event, now);
      }
    }
  }

  #drainMessages(now: Millis): boolean {
    let { messages, bytes } = this.#association.waiting;
    if (messages === 0 && this.#wakeAt === undefined) return false;
    let taken = 0;
    // An average cost: how long each one is shows only when it is taken.
    while (messages > 0 && this.#budget.take(messageCost(bytes / messages), now)) {
      const message = this.#association.takeMessage(now);
      if (message === undefined) break;
      this.#handleMessage(message, now);
      taken++;
      ({ messages, bytes } = this.#association.waiting);
    }
    const pace = this.#budget.settle(messages === 0 ? 0 : messages + bytes / 4096, now);
    this.#wakeAt = pace === "free" ? undefined : Math.max(this.#budget.readyAt, now + WAKE_MS);
    if (pace === "flooding") this.#flooded();
    else if ((pace === "slowed") !== this.#slowed) this.#paceChanged(pace === "slowed");
    return taken > 0;
  }

  #paceChanged(slowed: boolean): void {
    this.#slowed = slowed;
    if (slowed) {
      this.#log.info("Bridge channel over its budget of messages, reading it slower");
      this.#events.push({ kind: "slowed" });
    } else this.#log.info("Bridge channel within its budget again");
  }

  #flooded(): void {
    this.#wakeAt = undefined;
    if (this.#association.state === "ended") return;
    this.#log.warn("Bridge channel closed: it kept sending more than its budget of messages");
    this.#events.push({ kind: "flooded" });
    this.#association.abort("too many messages");
  }

  #handle(event: AssociationEvent, now: Millis): void {
    switch (event.kind) {
      case "packet":
        this.#events.push(event);
        break;
      case "established":
        this.#log.debug("sctp established");
        if (this.#role === "client") {
          this.#stream = RELAY_STREAM;
          this.#association.send(RELAY_STREAM, Ppid.dcep, buildDcepOpen(LABEL, PROTOCOL), now);
        }
        break;
      case "streamsReset":
        if (this.#stream === undefined) break;
        if (event.streams.length > 0 && !event.streams.includes(this.#stream)) break;
        this.#association.resetStream(this.#stream, now);
        this.#closed("reset by the peer");
        break;
      case "ended":
        this.#closed(event.reason);
        break;
      default:
        throw new Bug(event satisfies never);
    }
  }

  #handleMessage(message: SctpMessage, now: Millis): void {
    switch (message.ppid) {
      case Ppid.dcep:
        this.#handleDcep(message, now);
        break;
      case Ppid.string:
      case Ppid.stringEmpty: {
        if (message.stream !== this.#stream) break;
        // A channel may carry data before our OPEN is acknowledged (RFC 8832 6).
        this.#opened("opened by us");
        const empty = message.ppid === Ppid.stringEmpty;
        const text = empty ? "" : Buffer.from(message.bytes).toString("utf8");
        this.#events.push({ kind: "message", text });
        break;
      }
      default:
        // Binary is parsed by upstream and ignored.
        this.#dropped++;
    }
  }

  #handleDcep(message: SctpMessage, now: Millis): void {
    const dcep = parseDcep(message.bytes);
    if (dcep === undefined) {
      this.#dropped++;
    } else if (dcep.kind === "ack") {
      if (message.stream === this.#stream) this.#opened("opened by us");
    } else if (this.#stream !== undefined) {
      this.#events.push({ kind: "rejected" });
    } else {
      this.#stream = message.stream;
      this.#association.send(message.stream, Ppid.dcep, buildDcepAck(), now);
      this.#opened("opened by the peer");
    }
  }

  #opened(how: string): void {
    if (this.#open) return;
    this.#open = true;
    this.#log.debug(`data channel ${how}`);
    this.#events.push({ kind: "open" });
  }

  #closed(reason: string): void {
    this.#stream = undefined;
    if (!this.#open) return;
    this.#open = false;
    this.#log.debug("data channel closed", { reason });
    this.#events.push({ kind: "closed" });
  }
}
