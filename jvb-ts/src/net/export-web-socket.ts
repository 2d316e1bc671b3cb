/** Driver of an exporter's WebSocket: text frames to a peer and back, over `ws`. */
import { WebSocket } from "ws";
import type { Clock } from "#shared/runtime/runtime";
import type { ExportSocket, ExportSocketEvents, HttpHeader } from "../export/export-socket.ts";

const HANDSHAKE_MS = 10_000;
/** A peer that does not close its side is cut off after that. */
const CLOSE_MS = 1_000;
/** Largest frame of a peer. */
const MAX_FRAME_BYTES = 256 * 1024;
const ABNORMAL = 1006;

/** Opens one. What the URL or the peer does wrong is told by `closed`. */
export function openExportWebSocket(
  clock: Clock,
  url: string,
  headers: readonly HttpHeader[],
  events: ExportSocketEvents,
): ExportSocket {
  let socket: WebSocket;
  try {
    const options = {
      headers: Object.fromEntries(headers.map(({ name, value }) => [name, value])),
      handshakeTimeout: HANDSHAKE_MS,
      closeTimeout: CLOSE_MS,
      maxPayload: MAX_FRAME_BYTES,
      perMessageDeflate: false,
      followRedirects: false,
    };
    socket = new WebSocket(url, options);
  } catch {
    queueMicrotask(() => events.closed(ABNORMAL, clock.now()));
    return { bufferedBytes: 0, send: () => {}, close: () => {} };
  }
  socket.on("open", () => events.opened(clock.now()));
  socket.on("message", (data: Buffer, isBinary) =>
    events.received(isBinary ? undefined : data.toString("utf8"), clock.now()),
  );
  socket.on("close", (code) => events.closed(code, clock.now()));
  // A "close" follows each of them.
  socket.on("error", () => {});
  return {
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    send: (text) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    close: (code, reason) => socket.close(code, reason),
  };
}
