/**
 * The bridge channel's WebSocket on the public HTTP server (jvb-control 4.1). The endpoint lives in
 * a worker: it checks the password before the upgrade, then text frames are relayed as messages.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import type { HttpServer } from "#shared/http/server";
import type { Logger } from "#shared/logging/logger";
import type { Millis, Runtime, Timer } from "#shared/runtime/runtime";
import type { SocketId } from "../conference/ports.ts";
import type { FromWorker, ToWorker } from "../worker-messages.ts";

/** Largest text message. */
const MAX_MESSAGE_BYTES = 64 * 1024;
/** Bytes waiting for a peer that does not read; more ends the connection. */
const MAX_BUFFERED_BYTES = 4 << 20;
/** A worker that has not judged the password by then is gone. */
const VERDICT_TIMEOUT_MS = 10_000;
const NORMAL_CLOSES: ReadonlySet<number> = new Set([1000, 1001, 1005]);

export interface WebSocketOptions {
  readonly serverId: string;
  readonly compression: boolean;
  readonly pings: boolean;
  readonly pingIntervalMs: Millis;
  readonly idleTimeoutMs: Millis;
  readonly runtime: Runtime;
  readonly log: Logger;
  /** Sends to the worker of a conference; false: there is no such conference. */
  readonly toConference: (conference: string, message: ToWorker) => boolean;
  readonly count: (
    counter:
      | "colibri_web_socket_close_normal"
      | "colibri_web_socket_close_abnormal"
      | "colibri_web_socket_error",
  ) => void;
}

interface Pending {
  readonly accept: () => void;
  readonly refuse: (status: number, reason: string) => void;
  readonly timeout: Timer;
}

interface Open {
  readonly socket: WebSocket;
  readonly conference: string;
  lastFrame: Millis;
  readonly timer: Timer;
}

type FromWorkerChannel = Extract<
  FromWorker,
  { readonly kind: "channelVerdict" | "channelSend" | "channelClose" }
>;

export class ColibriWebSockets {
  readonly #options: WebSocketOptions;
  readonly #server: WebSocketServer;
  readonly #pending = new Map<SocketId, Pending>();
  readonly #open = new Map<SocketId, Open>();
  #nextId: SocketId = 1;

  constructor(options: WebSocketOptions) {
    this.#options = options;
    this.#server = new WebSocketServer({
      noServer: true,
      maxPayload: MAX_MESSAGE_BYTES,
      perMessageDeflate: options.compression
        ? { serverNoContextTakeover: true, clientNoContextTakeover: true, threshold: 1024 }
        : false,
    });
  }

  /** Adds the two prefixes to the public server. Plain requests below them get 405. */
  addTo(server: HttpServer): void {
    for (const prefix of ["/colibri-ws", "/colibri-relay-ws"]) {
      const relay = prefix !== "/colibri-ws";
      server.route("GET", prefix, () => ({ status: 405 }));
      server.route("GET", `${prefix}/{rest*}`, () => ({ status: 405 }));
      server.upgrade(`${prefix}/{rest*}`, (request, params, socket, head) => {
        this.#upgrade(request, params["rest"] ?? "", relay, socket, head);
      });
    }
  }

  /** Takes what a worker says about a channel. */
  handle(message: FromWorkerChannel): void {
    if (message.kind === "channelVerdict") {
      const pending = this.#pending.get(message.socket);
      this.#pending.delete(message.socket);
      if (pending === undefined) return;
      pending.timeout.cancel();
      if (message.accepted) pending.accept();
      else pending.refuse(403, "authentication failed");
      return;
    }
    const socket = this.#open.get(message.socket)?.socket;
    if (message.kind === "channelClose") socket?.close(message.code, message.reason);
    else if (socket !== undefined && socket.bufferedAmount < MAX_BUFFERED_BYTES) {
      socket.send(message.text);
    } else socket?.terminate();
  }

  /** The conference is gone with its worker, which can no longer say so itself. */
  closeAllOf(conference: string): void {
    for (const open of this.#open.values()) {
      if (open.conference === conference) open.socket.close(1001, "conference gone");
    }
  }

  /** Closes all channels; clients reconnect when they are invited again. */
  close(): void {
    for (const { socket, timer } of this.#open.values()) {
      timer.cancel();
      socket.close(1001, "shutting down");
    }
    for (const pending of this.#pending.values()) pending.refuse(503, "shutting down");
    this.#pending.clear();
    this.#server.close();
  }

  #upgrade(
    request: IncomingMessage,
    rest: string,
    relay: boolean,
    socket: Duplex,
    head: Buffer,
  ): void {
    const refuse = (status: number, reason: string): void => refuseUpgrade(socket, status, reason);
    socket.on("error", () => socket.destroy());
    const [serverId, conference, endpoint] = rest.split("/");
    if (!serverId || !conference || !endpoint) {
      refuse(404, "invalid path");
      return;
    }
    if (serverId !== this.#options.serverId) {
      refuse(404, "server ID mismatch");
      return;
    }
    const query = (request.url ?? "").split("?")[1] ?? "";
    // Upstream wants exactly `pwd=…`; reverse proxies add parameters, so the query is parsed.
    const password = new URLSearchParams(query).get("pwd");
    if (relay || password === null) {
      refuse(403, "authentication failed");
      return;
    }
    const id = this.#nextId++;
    const accept = (): void => {
      let upgraded = false;
      this.#server.handleUpgrade(request, socket, head, (ws) => {
        upgraded = true;
        this.#accepted(id, conference, ws);
      });
      if (upgraded) return;
      // The peer is gone already, or what it asked for is no WebSocket: the endpoint is told.
      this.#options.toConference(conference, { kind: "channelClosed", socket: id, code: 1006 });
    };
    const timeout = this.#options.runtime.timers.after(VERDICT_TIMEOUT_MS, () => {
      this.#pending.delete(id);
      refuse(503, "no answer");
    });
    this.#pending.set(id, { accept, refuse, timeout });
    const known = this.#options.toConference(conference, {
      kind: "channelOpen",
      socket: id,
      conference,
      endpoint,
      password,
    });
    if (known) return;
    timeout.cancel();
    this.#pending.delete(id);
    refuse(403, "authentication failed");
  }

  #accepted(id: SocketId, conference: string, socket: WebSocket): void {
    const { runtime, log, toConference, count } = this.#options;
    const { clock } = runtime;
    const open: Open = {
      socket,
      conference,
      lastFrame: clock.now(),
      timer: this.#keepAlive(id),
    };
    this.#open.set(id, open);
    socket.on("message", (data, isBinary) => {
      open.lastFrame = clock.now();
      if (isBinary) return;
      toConference(conference, { kind: "channelText", socket: id, text: textOf(data) });
    });
    const alive = (): void => {
      open.lastFrame = clock.now();
    };
    socket.on("ping", alive);
    socket.on("pong", alive);
    socket.on("error", (cause) => {
      count("colibri_web_socket_error");
      log.debug("WebSocket error", { socket: id }, cause);
    });
    socket.on("close", (code) => {
      open.timer.cancel();
      this.#open.delete(id);
      const normal = NORMAL_CLOSES.has(code);
      count(normal ? "colibri_web_socket_close_normal" : "colibri_web_socket_close_abnormal");
      toConference(conference, { kind: "channelClosed", socket: id, code });
    });
    toConference(conference, { kind: "channelReady", socket: id });
  }

  /** Pings each interval (upstream's idle test is inverted) and closes what stays silent. */
  #keepAlive(id: SocketId): Timer {
    const { runtime, pings, pingIntervalMs, idleTimeoutMs } = this.#options;
    const period = Math.max(100, Math.min(pingIntervalMs, idleTimeoutMs));
    return runtime.timers.every(period, () => {
      const open = this.#open.get(id);
      if (open === undefined) return;
      if (runtime.clock.now() - open.lastFrame > idleTimeoutMs) {
        open.socket.close(1001, "idle timeout");
      } else if (pings) open.socket.ping();
    });
  }
}

function textOf(data: Buffer | ArrayBuffer | Buffer[]): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString("utf8");
  return data instanceof ArrayBuffer ? Buffer.from(data).toString("utf8") : data.toString("utf8");
}

/** Answers an upgrade request with a plain HTTP error; a peer that stays is not waited for. */
function refuseUpgrade(socket: Duplex, status: number, reason: string): void {
  if (socket.destroyed) return;
  socket.once("finish", () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
