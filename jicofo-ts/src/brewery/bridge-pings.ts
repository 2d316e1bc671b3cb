import type { Millis, Runtime, Timer } from "#shared/runtime/runtime";
import { iqRequest } from "#shared/stanza/iq";
import type { Unsubscribe, XmppConnection } from "#shared/xmpp/connection";
import { NS } from "#shared/xmpp/namespaces";
import { xml } from "#shared/xmpp/xml";
import type { BridgeJid } from "../bridge/bridge.ts";
import {
  answerWithin,
  BridgeLiveness,
  type LivenessChange,
  type LivenessSettings,
} from "../bridge/liveness.ts";

/** What the pings need. */
export interface BridgePingOptions {
  readonly settings: LivenessSettings;
  /** Connection on which bridges are reached. */
  readonly connection: XmppConnection;
  readonly runtime: Runtime;
  readonly onChange: (change: LivenessChange) => void;
  /** So many bridges are silent at once that nobody is judged, and when that is over. */
  readonly onOwnFault: (fault: boolean) => void;
}

/** Gives `BridgeLiveness` its time and its pings (XEP-0199), and tells what it finds. */
export class BridgePings {
  readonly #options: BridgePingOptions;
  readonly #liveness: BridgeLiveness;
  readonly #unsubscribe: Unsubscribe;
  #timer: Timer | undefined;

  constructor(options: BridgePingOptions) {
    this.#options = options;
    this.#liveness = new BridgeLiveness(options.settings);
    const { connection } = options;
    this.#unsubscribe = connection.onState(({ state }) => this.#connected(state === "online"));
    this.#connected(connection.state === "online");
  }

  /** A bridge came. */
  add(bridge: BridgeJid): void {
    this.#liveness.watch(bridge, this.#now);
    this.#wait();
  }

  /** A bridge left. */
  remove(bridge: BridgeJid): void {
    this.#liveness.forget(bridge);
  }

  /** Something came from it by another way. That only puts deadlines off: the timer stays. */
  heard(bridge: BridgeJid): void {
    this.#tell(this.#liveness.handleHeard(bridge, this.#now));
  }

  /** What is sent to it does not arrive, as is known from elsewhere. */
  unreachable(bridge: BridgeJid): void {
    this.#tell(this.#liveness.handleUnreachable(bridge));
  }

  stop(): void {
    this.#unsubscribe();
    this.#timer?.cancel();
    this.#liveness.handleOffline();
  }

  get #now(): Millis {
    return this.#options.runtime.clock.now();
  }

  #connected(online: boolean): void {
    if (online) this.#liveness.handleOnline(this.#now);
    else this.#liveness.handleOffline();
    this.#wait();
  }

  #wait(): void {
    this.#timer?.cancel();
    const at = this.#liveness.pollTimeout();
    if (at === undefined) return;
    const { timers } = this.#options.runtime;
    this.#timer = timers.after(Math.max(0, at - this.#now), () => {
      // Timers come before sockets in a turn: what waits there is read before anybody is judged.
      this.#timer = timers.after(0, () => this.#turn());
    });
  }

  #turn(): void {
    const { ping, changes, ownFault } = this.#liveness.handleTimeout(this.#now);
    for (const bridge of ping) void this.#ping(bridge);
    if (ownFault !== undefined) this.#options.onOwnFault(ownFault);
    this.#tell(changes);
    this.#wait();
  }

  async #ping(bridge: BridgeJid): Promise<void> {
    const ping = iqRequest("get", bridge, xml("ping", { xmlns: NS.ping }));
    const { connection, settings } = this.#options;
    // Late answers count too; who comes back later still has the next ping to answer.
    const reply = await connection.request(ping, settings.timeout + answerWithin);
    if (reply.kind === "result") this.#tell(this.#liveness.handleAnswer(bridge, this.#now));
    else if (reply.kind === "error") this.#tell(this.#liveness.handleRefusal(bridge, this.#now));
  }

  #tell(changes: readonly LivenessChange[]): void {
    for (const change of changes) this.#options.onChange(change);
  }
}
