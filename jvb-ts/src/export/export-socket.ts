/** The WebSocket of one exporter as its state machine sees it; `net/` has the driver. */
import type { Millis } from "#shared/runtime/runtime";

export interface ExportSocket {
  /** Bytes that wait for a peer that does not read. */
  readonly bufferedBytes: number;
  send(text: string): void;
  /** Ends it. `closed` follows, whatever the peer does. */
  close(code: number, reason: string): void;
}

/** What becomes of it, never called from within `open`. */
export interface ExportSocketEvents {
  opened(now: Millis): void;
  /** One frame; `undefined` where it was no text. */
  received(text: string | undefined, now: Millis): void;
  /** Once, also when it could not be opened (1006); `why` where the code says too little. */
  closed(code: number, why: string | undefined, now: Millis): void;
}

export interface HttpHeader {
  readonly name: string;
  readonly value: string;
}

export type OpenExportSocket = (
  url: string,
  headers: readonly HttpHeader[],
  events: ExportSocketEvents,
) => ExportSocket;

/** The same events, each in a turn of who owns the time and the bugs. */
export function inTurns(
  events: ExportSocketEvents,
  turn: (now: Millis, step: () => void) => void,
): ExportSocketEvents {
  return {
    opened: (now) => turn(now, () => events.opened(now)),
    received: (text, now) => turn(now, () => events.received(text, now)),
    closed: (code, why, now) => turn(now, () => events.closed(code, why, now)),
  };
}
