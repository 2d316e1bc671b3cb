import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Logger } from "#shared/logging/logger";
import type { HttpHandler, HttpReply, HttpRequest } from "./message.ts";

/** How an HTTP server is built. */
export interface HttpServerOptions {
  /** For logs: `private`, `public`, `rest`. */
  readonly name: string;
  /** All addresses when not given. */
  readonly host?: string | undefined;
  /** 0 takes a free one. */
  readonly port: number;
  /** Key that sets the port; named when it is taken. */
  readonly portKey: string;
  readonly log: Logger;
  /** Largest body, in bytes. Default 1 MiB. */
  readonly maxBodyBytes?: number;
  /** Reply when no route matches, or the path exists with other methods. Default: empty 404, 405. */
  readonly onUnmatched?: (request: HttpRequest, allowed: readonly string[]) => HttpReply;
  /** Headers added to every reply (CORS). */
  readonly replyHeaders?: (request: HttpRequest) => Readonly<Record<string, string>>;
}

/** Takes over a connection that asked for an upgrade. */
export type UpgradeHandler = (
  request: IncomingMessage,
  params: Readonly<Record<string, string>>,
  socket: Duplex,
  head: Buffer,
) => void;

/** A small HTTP server. Routes may be added before and after `start`. */
export interface HttpServer {
  /** `pattern`: `/debug/{conference}`; a last `{name*}` takes the rest of the path. */
  route(method: string, pattern: string, handler: HttpHandler): void;
  /** WebSocket upgrades of paths that match; others get 404. */
  upgrade(pattern: string, handler: UpgradeHandler): void;
  /** Listens; throws `ConfigError` naming `portKey` when the port is taken. */
  start(): Promise<void>;
  /** Stops accepting, lets running requests end within `graceMs` (default 1000), then closes. */
  stop(graceMs?: number): Promise<void>;
  /** The port listened on, after `start`. */
  readonly port: number;
}
