/**
 * ICE of one endpoint over its restarts: the established agent, a pending one that makes before the
 * old one breaks, and old ones in their transition window (spec jvb-control 3.5, 3.7, jvb-media 3.2).
 *
 * Same contract as `IceAgent`: `handle*` in, drain `poll`, wait until `pollTimeout`.
 */
import type { LogContext, Logger } from "#shared/logging/logger";
import { pii } from "#shared/logging/pii";
import type { Millis, Random } from "#shared/runtime/runtime";
import type { Candidate, IceTransport as IceDescription } from "#shared/stanza/media";
import type { SocketAddress } from "../../media/packet-io.ts";
import { addressKey } from "../stun/ip-address.ts";
import type { StunMessage } from "../stun/stun-message.ts";
import type { RestartResult } from "../transport-output.ts";
import type { AddressMapping } from "./address-mapping.ts";
import { IceAgent, type IceOutput } from "./ice-agent.ts";
import { newCredentials } from "./ice-credentials.ts";
import type { IceSettings } from "./ice-settings.ts";
import { localCandidates } from "./local-candidates.ts";

export type IceTransportOutput =
  | IceOutput
  | { readonly kind: "restart"; readonly outcome: "succeeded" | "failed" | "superseded" };

/** What the demultiplexer offers to one endpoint. */
export interface UfragRegistry {
  newTag(): number;
  hasUfrag(ufrag: string): boolean;
  register(ufrag: string, tag: number): void;
  unregister(ufrag: string, tag: number): void;
}

export interface IceTransportOptions {
  readonly settings: IceSettings;
  readonly controlling: boolean;
  readonly privateAddresses: boolean;
  readonly sockets: readonly SocketAddress[];
  readonly mappings: readonly AddressMapping[];
  readonly registry: UfragRegistry;
  readonly random: Random;
  readonly wallNow: Millis;
  readonly log: Logger;
}

/** Local part of a description; fingerprints and web sockets are added by others. */
export interface IceLocalDescription {
  readonly ufrag: string;
  readonly pwd: string;
  readonly candidates: readonly Candidate[];
  /** Only of a pending restart. */
  readonly generation: number | undefined;
}

interface Generation {
  readonly agent: IceAgent;
  readonly number: number;
  readonly candidates: readonly Candidate[];
}

export class IceTransport {
  readonly #options: IceTransportOptions;
  readonly #outputs: IceTransportOutput[] = [];
  /** How many agents have an address bound. */
  readonly #bound = new Map<string, number>();
  #current: Generation;
  #pending: (Generation & { readonly giveUpAt: Millis }) | undefined;
  #retiring: { readonly generation: Generation; readonly freeAt: Millis }[] = [];
  #lastGeneration = 0;
  #connected = false;
  #failed = false;
  #closed = false;

  constructor(options: IceTransportOptions) {
    this.#options = options;
    this.#current = this.#newGeneration(0, options.wallNow);
  }

  get connected(): boolean {
    return this.#connected;
  }
  get failed(): boolean {
    return this.#failed;
  }
  get closed(): boolean {
    return this.#closed;
  }
  /** A pair is validated: DTLS may start. */
  get writable(): boolean {
    return this.#current.agent.path !== undefined;
  }
  get path(): { readonly socket: number; readonly remote: SocketAddress } | undefined {
    return this.#current.agent.path;
  }
  /** When consent was last confirmed on the selected pair. */
  get lastConsent(): Millis | undefined {
    return this.#current.agent.lastConsent;
  }
  get agent(): IceAgent {
    return this.#current.agent;
  }
  get generation(): number {
    return this.#current.number;
  }
  get pendingAgent(): IceAgent | undefined {
    return this.#pending?.agent;
  }
  get pendingGeneration(): number | undefined {
    return this.#pending?.number;
  }
  /** Packets dropped by all agents alive. */
  get dropped(): number {
    return this.#generations().reduce((sum, { agent }) => sum + agent.dropped, 0);
  }

  describe(): IceLocalDescription {
    return describeGeneration(this.#current, undefined);
  }

  /** The pending restart, if there is one. */
  describePending(): IceLocalDescription | undefined {
    const pending = this.#pending;
    return pending === undefined ? undefined : describeGeneration(pending, pending.number);
  }

  /** Applies the peer's description by the rules of spec jvb-control 3.5 and 3.7. */
  setRemote(remote: IceDescription, now: Millis): void {
    if (this.#closed) return;
    if (remote.iceGeneration !== undefined) this.#setPendingRemote(remote, now);
    else if (!this.#connected) this.#setCurrentRemote(remote, now);
    this.#drainAgents(now);
  }

  #setCurrentRemote(remote: IceDescription, now: Millis): void {
    const { agent } = this.#current;
    if (remote.ufrag !== undefined && remote.pwd !== undefined) {
      agent.setRemoteCredentials({ ufrag: remote.ufrag, pwd: remote.pwd }, now);
    }
    agent.addRemoteCandidates(remote.candidates, now);
  }

  #setPendingRemote(remote: IceDescription, now: Millis): void {
    const pending = this.#pending;
    if (pending === undefined || remote.iceGeneration !== pending.number) return;
    if (remote.ufrag === undefined || remote.pwd === undefined) return;
    if (pending.agent.hasRemoteCredentials) return;
    pending.agent.setRemoteCredentials({ ufrag: remote.ufrag, pwd: remote.pwd }, now);
    pending.agent.addRemoteCandidates(remote.candidates, now);
  }

  /** Table of spec jvb-control 3.7. */
  restart(now: Millis, wallNow: Millis): RestartResult {
    const { restartEnabled, restartTimeoutMs } = this.#options.settings;
    if (!restartEnabled || restartTimeoutMs <= 0 || this.#closed || this.#failed) {
      return "unavailable";
    }
    if (!this.#connected) return "keepExisting";
    if (this.#pending !== undefined) {
      if (!this.#pending.agent.hasRemoteCredentials) return "started";
      this.#free(this.#pending);
      this.#outputs.push({ kind: "restart", outcome: "superseded" });
    }
    this.#lastGeneration++;
    const generation = this.#newGeneration(this.#lastGeneration, wallNow);
    this.#pending = { ...generation, giveUpAt: now + restartTimeoutMs };
    this.#options.log.info("ice restart started", { generation: this.#lastGeneration });
    return "started";
  }

  handleStun(socket: number, remote: SocketAddress, message: StunMessage, now: Millis): void {
    if (this.#closed) return;
    const agent = this.#agentFor(message);
    agent?.handleStun(socket, remote, message, now);
    this.#drainAgents(now);
  }

  #agentFor(message: StunMessage): IceAgent | undefined {
    if (message.messageClass === "request") {
      const [ufrag] = (message.username ?? "").split(":", 1);
      return this.#generations().find(({ agent }) => agent.credentials.ufrag === ufrag)?.agent;
    }
    const { bytes } = message;
    const tag = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(8);
    return this.#generations().find(({ agent }) => agent.tag === tag)?.agent;
  }

  handleTimeout(now: Millis): void {
    if (this.#closed) return;
    this.#current.agent.handleTimeout(now);
    if (this.#pending !== undefined && this.#pending.giveUpAt <= now)
      this.#restartFailed("time-out");
    this.#pending?.agent.handleTimeout(now);
    for (const { generation, freeAt } of this.#retiring) if (freeAt <= now) this.#free(generation);
    this.#retiring = this.#retiring.filter(({ freeAt }) => freeAt > now);
    this.#drainAgents(now);
  }

  pollTimeout(): Millis | undefined {
    if (this.#closed) return undefined;
    let at = this.#current.agent.pollTimeout() ?? Number.POSITIVE_INFINITY;
    if (this.#pending !== undefined) {
      at = Math.min(at, this.#pending.giveUpAt, this.#pending.agent.pollTimeout() ?? at);
    }
    for (const { freeAt } of this.#retiring) at = Math.min(at, freeAt);
    return at === Number.POSITIVE_INFINITY ? undefined : at;
  }

  poll(): IceTransportOutput | undefined {
    return this.#outputs.shift();
  }

  /** Another endpoint bound the address; the next authenticated message takes it back. */
  addressLost(key: string): void {
    this.#bound.delete(key);
    for (const { agent } of this.#generations()) agent.addressLost(key);
  }

  /** Frees all agents and their addresses. Final. */
  close(): void {
    if (this.#closed) return;
    for (const generation of this.#generations()) this.#free(generation);
    this.#pending = undefined;
    this.#retiring = [];
    this.#closed = true;
  }

  #generations(): Generation[] {
    const all = [this.#current, ...this.#retiring.map(({ generation }) => generation)];
    return this.#pending === undefined ? all : [...all, this.#pending];
  }

  #newGeneration(number: number, wallNow: Millis): Generation {
    const { settings, registry, random, sockets, mappings, privateAddresses } = this.#options;
    let credentials = newCredentials(random, wallNow, settings.ufragPrefix);
    while (registry.hasUfrag(credentials.ufrag)) {
      credentials = newCredentials(random, wallNow, settings.ufragPrefix);
    }
    const tag = registry.newTag();
    registry.register(credentials.ufrag, tag);
    const { controlling, log } = this.#options;
    const agent = new IceAgent({ settings, controlling, credentials, tag, sockets, random, log });
    const candidates = localCandidates({ sockets, mappings, privateAddresses }, random);
    return { agent, number, candidates };
  }

  #free(generation: Generation): void {
    const { agent } = generation;
    this.#options.registry.unregister(agent.credentials.ufrag, agent.tag);
    for (const { socket, remote } of agent.boundAddresses) this.#unbind(socket, remote);
  }

  #bind(socket: number, remote: SocketAddress): void {
    const key = addressKey(socket, remote);
    const count = (this.#bound.get(key) ?? 0) + 1;
    this.#bound.set(key, count);
    // Repeated for a second agent on purpose: another endpoint may have taken the address meanwhile.
    this.#outputs.push({ kind: "bind", socket, remote });
  }

  #unbind(socket: number, remote: SocketAddress): void {
    const key = addressKey(socket, remote);
    const count = (this.#bound.get(key) ?? 0) - 1;
    if (count > 0) {
      this.#bound.set(key, count);
    } else {
      this.#bound.delete(key);
      this.#outputs.push({ kind: "unbind", socket, remote });
    }
  }

  #drainAgents(now: Millis): void {
    for (const { generation } of this.#retiring) this.#drain(generation, now);
    this.#drain(this.#current, now);
    if (this.#pending !== undefined) this.#drain(this.#pending, now);
  }

  #drain(generation: Generation, now: Millis): void {
    for (;;) {
      const output = generation.agent.poll();
      if (output === undefined) return;
      switch (output.kind) {
        case "send":
          this.#outputs.push(output);
          break;
        case "bind":
          this.#bind(output.socket, output.remote);
          break;
        case "unbind":
          this.#unbind(output.socket, output.remote);
          break;
        case "path":
          if (generation === this.#current) this.#outputs.push(output);
          break;
        case "completed":
          if (generation === this.#pending) this.#cutOver(now);
          else if (generation === this.#current) this.#currentCompleted(output);
          break;
        case "failed":
          if (generation === this.#pending) this.#restartFailed("checks failed");
          else if (generation === this.#current) this.#currentFailed();
          break;
      }
    }
  }

  #currentCompleted(output: IceTransportOutput): void {
    if (this.#connected) return;
    this.#connected = true;
    this.#options.log.info("ICE connected", this.#pairOf(this.#current));
    this.#outputs.push(output);
  }

  /** The selected pair, for the log: our sockets are all of type host, and nobody's secret. */
  #pairOf({ agent }: Generation): LogContext {
    const { selected } = agent;
    if (selected === undefined) return {};
    const local = this.#options.sockets[selected.socket];
    return {
      pair: `host-${selected.remoteType} udp`,
      local: local && addressText(local),
      remote: pii(addressText(selected.remote)),
    };
  }

  #currentFailed(): void {
    this.#failed = true;
    this.#options.log.warn("ice failed");
    this.#outputs.push({ kind: "failed" });
  }

  /** Media leaves on the new pair from here on; the old agent absorbs what is still under way. */
  #cutOver(now: Millis): void {
    const pending = this.#pending;
    const path = pending?.agent.path;
    if (pending === undefined || path === undefined) return;
    const freeAt = now + this.#options.settings.restartTransitionMs;
    this.#retiring.push({ generation: this.#current, freeAt });
    this.#current = pending;
    this.#pending = undefined;
    this.#outputs.push({ kind: "path", socket: path.socket, remote: path.remote });
    this.#outputs.push({ kind: "restart", outcome: "succeeded" });
    const pair = this.#pairOf(pending);
    this.#options.log.info("ice restart succeeded", { generation: pending.number, ...pair });
  }

  #restartFailed(reason: string): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    this.#pending = undefined;
    this.#free(pending);
    this.#outputs.push({ kind: "restart", outcome: "failed" });
    this.#options.log.warn("ice restart failed", { generation: pending.number, reason });
  }
}

function describeGeneration(
  { agent, candidates }: Generation,
  generation: number | undefined,
): IceLocalDescription {
  const { ufrag, pwd } = agent.credentials;
  return { ufrag, pwd, candidates, generation };
}

function addressText({ ip, port }: SocketAddress): string {
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}
