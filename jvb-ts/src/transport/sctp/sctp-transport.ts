/** Placeholder door of the data channel; the association follows in the next commit. */
import type { Logger } from "#shared/logging/logger";
import type { Millis, Random } from "#shared/runtime/runtime";

export type ChannelEvent =
  /** One SCTP packet for DTLS. */
  | { readonly kind: "packet"; readonly bytes: Uint8Array }
  | { readonly kind: "open" }
  | { readonly kind: "message"; readonly text: string }
  | { readonly kind: "closed" }
  /** The peer opened a channel beyond the first. */
  | { readonly kind: "rejected" };

export interface SctpTransportOptions {
  readonly role: "server" | "client";
  readonly random: Random;
  readonly log: Logger;
}

export class SctpTransport {
  readonly ready = false;
  readonly counters = { received: 0, sent: 0, dropped: 0 };
  readonly options: SctpTransportOptions;
  constructor(options: SctpTransportOptions) {
    this.options = options;
  }
  start(_now: Millis): void {}
  handlePacket(_bytes: Uint8Array, _now: Millis): void {}
  sendText(_text: string, _now: Millis): boolean {
    return false;
  }
  handleTimeout(_now: Millis): void {}
  pollTimeout(): Millis | undefined {
    return undefined;
  }
  poll(): ChannelEvent | undefined {
    return undefined;
  }
  close(_now: Millis): void {}
}
