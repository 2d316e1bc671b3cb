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
    queueMicrotask(() => events.closed(ABNORMAL, "not the URL of a WebSocket", clock.now()));
    return { bufferedBytes: 0, send: () => {}, close: () => {} };
  }
  socket.on("open", () => events.opened(clock.now()));
  socket.on("message", (data: Buffer, isBinary) =>
    events.received(isBinary ? undefined : data.toString("utf8"), clock.now()),
  );
  let why: string | undefined;
  // A "close" follows. The message may name an address.
  socket.on("error", (error: NodeJS.ErrnoException) => {
    why = error.code ?? error.message;
  });
  socket.on("close", (code) => events.closed(code, why, clock.now()));
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
