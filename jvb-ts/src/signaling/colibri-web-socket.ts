/**
 * The bridge channel's WebSocket on the public HTTP server (jvb-control 4.1). The endpoint lives in
 * a worker: it checks the password before the upgrade, then text frames are relayed as messages.
 *
 * A client gets its share and no more: frames beyond its `ChannelBudget` wait here, and in the
 * client once the socket is no longer read. Neither the worker nor this thread's other work waits.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import type { HttpServer } from "#shared/http/server";
import type { Logger } from "#shared/logging/logger";
import { pii } from "#shared/logging/pii";
import type { Millis, Runtime, Timer } from "#shared/runtime/runtime";
import { type Allowance, TokenBucket, TokenBuckets } from "#shared/runtime/token-bucket";
import type { SocketId } from "../conference/ports.ts";
import { ChannelBudget } from "../transport/channel-budget.ts";
import type { FromWorker, ToWorker } from "../worker-messages.ts";
import { type ChannelAddress, parseChannelAddress } from "./channel-address.ts";
import { ChannelInbox } from "./channel-inbox.ts";

/** Largest text message. */
const MAX_MESSAGE_BYTES = 64 * 1024;
/** Bytes waiting for a peer that does not read; more ends the connection. */
const MAX_BUFFERED_BYTES = 4 << 20;
/** A worker that has not judged the password by then is gone. */
const VERDICT_TIMEOUT_MS = 10_000;
/** Upgrades that wait for their verdict; honest clients wait some milliseconds. */
const MAX_PENDING = 2000;
/** A client that is disconnected for flooding has this long to read why. */
const FLOOD_CLOSE_MS = 1000;
/** Refusals that are logged: one a minute from one address to one conference, and so many in all. */
const REFUSALS_OF_ONE: Allowance = { rate: 1 / 60, burst: 1 };
const REFUSALS_IN_ALL: Allowance = { rate: 1, burst: 20 };
const MOST_REFUSED = 1000;
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
      | "colibri_web_socket_error"
      | "endpoint_receive_message_queue_dropped_packets"
      | "colibri_web_socket_slowed"
      | "colibri_web_socket_flooded"
      | "colibri_web_socket_refused",
  ) => void;
}

interface Pending {
  readonly accept: () => void;
  readonly refuse: (status: number, reason: string) => void;
  /** The same to somebody who may not: counted and said. */
  readonly deny: (status: number, reason: string) => void;
  readonly timeout: Timer;
}

interface Open {
  readonly socket: WebSocket;
  readonly conference: string;
  readonly inbox: ChannelInbox;
  /** Carries `conf` and `endpoint`. */
  readonly log: Logger;
  lastFrame: Millis;
  readonly timer: Timer;
  /** Wakes when the budget lets more through. */
  wake: Timer | undefined;
  slowed: boolean;
  /** Being disconnected: nothing of it is taken any more. */
  ended: boolean;
}

/** Kept as long as it is not full, so that to reconnect gives no new one. */
interface SharedBudget {
  readonly budget: ChannelBudget;
  sockets: number;
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
  /** By conference and endpoint. */
  readonly #budgets = new Map<string, SharedBudget>();
  readonly #refusedSources = new TokenBuckets(REFUSALS_OF_ONE, MOST_REFUSED);
  readonly #refusedInAll: TokenBucket;
  #nextId: SocketId = 1;

  constructor(options: WebSocketOptions) {
    this.#options = options;
    this.#refusedInAll = new TokenBucket(REFUSALS_IN_ALL, options.runtime.clock.now());
    this.#server = new WebSocketServer({
      noServer: true,
      maxPayload: MAX_MESSAGE_BYTES,
      // Pings are answered within the budget only.
      autoPong: false,
      perMessageDeflate: options.compression
        ? { serverNoContextTakeover: true, clientNoContextTakeover: true, threshold: 1024 }
        : false,
    });
  }

  /** Adds the two prefixes to the public server. Plain requests below them get 405. */
  addTo(server: Pick<HttpServer, "route" | "upgrade">): void {
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
      else pending.deny(403, "authentication failed");
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
    const remote = request.socket?.remoteAddress ?? "";
    const address = parseChannelAddress(rest, request.url ?? "");
    const deny = (status: number, reason: string): void => {
      refuse(status, reason);
      this.#denied(remote, reason, address);
    };
    if (address === undefined) {
      deny(404, "invalid path");
      return;
    }
    const { serverId, conference, endpoint, password } = address;
    if (serverId !== this.#options.serverId) {
      deny(404, "server ID mismatch");
      return;
    }
    if (relay || password === undefined) {
      deny(403, "authentication failed");
      return;
    }
    if (this.#pending.size >= MAX_PENDING) {
      refuse(503, "busy");
      return;
    }
    const id = this.#nextId++;
    const accept = (): void => {
      let upgraded = false;
      this.#server.handleUpgrade(request, socket, head, (ws) => {
        upgraded = true;
        this.#accepted(id, conference, endpoint, ws);
      });
      if (upgraded) return;
      // The peer is gone already, or what it asked for is no WebSocket: the endpoint is told.
      this.#options.toConference(conference, { kind: "channelClosed", socket: id, code: 1006 });
    };
    const timeout = this.#options.runtime.timers.after(VERDICT_TIMEOUT_MS, () => {
      this.#pending.delete(id);
      refuse(503, "no answer");
    });
    this.#pending.set(id, { accept, refuse, deny, timeout });
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
    deny(403, "authentication failed");
  }

  /** Somebody guesses, or a client comes to what is gone: counted, and said once in a while. */
  #denied(remote: string, reason: string, address: ChannelAddress | undefined): void {
    const { count, log, runtime } = this.#options;
    count("colibri_web_socket_refused");
    const now = runtime.clock.now();
    const conf = address?.conference.slice(0, 64);
    if (!this.#refusedSources.take(`${remote} ${conf}`, now)) return;
    if (!this.#refusedInAll.take(now)) return;
    const endpoint = address?.endpoint.slice(0, 64);
    log.warn(`Bridge channel refused: ${reason}`, { conf, endpoint, address: pii(remote) });
  }

  #accepted(id: SocketId, conference: string, endpoint: string, socket: WebSocket): void {
    const { runtime, log, toConference, count } = this.#options;
    const { clock } = runtime;
    const key = `${conference}/${endpoint}`;
    const open: Open = {
      socket,
      conference,
      inbox: new ChannelInbox(this.#budgetOf(key)),
      log: log.child({ conf: conference, endpoint }),
      lastFrame: clock.now(),
      timer: this.#keepAlive(id),
      wake: undefined,
      slowed: false,
      ended: false,
    };
    this.#open.set(id, open);
    const take = (text: string | undefined): void => {
      open.lastFrame = clock.now();
      if (open.ended) return;
      if (!open.inbox.push(text)) count("endpoint_receive_message_queue_dropped_packets");
      this.#drain(id, open);
    };
    socket.on("message", (data, isBinary) => take(isBinary ? undefined : textOf(data)));
    socket.on("ping", (data) => {
      take(undefined);
      if (!open.slowed && socket.bufferedAmount < MAX_BUFFERED_BYTES) socket.pong(data);
    });
    socket.on("pong", () => take(undefined));
    socket.on("error", (cause) => {
      count("colibri_web_socket_error");
      log.debug("WebSocket error", { socket: id }, cause);
    });
    socket.on("close", (code) => {
      open.timer.cancel();
      open.wake?.cancel();
      open.ended = true;
      this.#open.delete(id);
      this.#releaseBudget(key);
      const normal = NORMAL_CLOSES.has(code);
      count(normal ? "colibri_web_socket_close_normal" : "colibri_web_socket_close_abnormal");
      toConference(conference, { kind: "channelClosed", socket: id, code });
    });
    toConference(conference, { kind: "channelReady", socket: id });
  }

  /** Hands on what the budget lets through, and reads on, later or never again. */
  #drain(id: SocketId, open: Open): void {
    const { runtime, toConference } = this.#options;
    const { inbox, conference, socket } = open;
    const now = runtime.clock.now();
    for (let text = inbox.poll(now); text !== undefined; text = inbox.poll(now)) {
      toConference(conference, { kind: "channelText", socket: id, text });
    }
    const pace = inbox.settle(now);
    if (pace === "flooding") {
      this.#disconnect(open);
      return;
    }
    if ((pace === "slowed") !== open.slowed) this.#paceChanged(open, pace === "slowed");
    if (inbox.mayRead) {
      if (socket.isPaused) socket.resume();
    } else if (!socket.isPaused) socket.pause();
    const at = inbox.pollTimeout(now);
    if (at === undefined || open.wake !== undefined) return;
    open.wake = runtime.timers.after(at - now, () => {
      open.wake = undefined;
      if (!open.ended) this.#drain(id, open);
    });
  }

  #paceChanged(open: Open, slowed: boolean): void {
    open.slowed = slowed;
    if (slowed) {
      this.#options.count("colibri_web_socket_slowed");
      open.log.info("Bridge channel over its budget of messages, reading it slower");
    } else open.log.info("Bridge channel within its budget again");
  }

  #disconnect(open: Open): void {
    const { count, runtime } = this.#options;
    open.ended = true;
    count("colibri_web_socket_flooded");
    open.log.warn("Bridge channel closed: it kept sending more than its budget of messages");
    open.socket.close(1008, "too many messages");
    // What it has already sent is neither read nor waited for.
    runtime.timers.after(FLOOD_CLOSE_MS, () => open.socket.terminate());
  }

  #budgetOf(key: string): ChannelBudget {
    let shared = this.#budgets.get(key);
    if (shared === undefined) {
      shared = { budget: new ChannelBudget(this.#options.runtime.clock.now()), sockets: 0 };
      this.#budgets.set(key, shared);
    }
    shared.sockets++;
    shared.budget.reopen();
    return shared.budget;
  }

  #releaseBudget(key: string): void {
    const shared = this.#budgets.get(key);
    if (shared === undefined) return;
    shared.sockets--;
    this.#forgetFullBudget(key, shared);
  }

  #forgetFullBudget(key: string, shared: SharedBudget): void {
    if (shared.sockets > 0 || this.#budgets.get(key) !== shared) return;
    const { clock, timers } = this.#options.runtime;
    const left = shared.budget.fullAt - clock.now();
    if (left <= 0) this.#budgets.delete(key);
    else timers.after(left + 1, () => this.#forgetFullBudget(key, shared));
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
