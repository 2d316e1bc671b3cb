/**
 * One generation of ICE for one endpoint (RFC 8445, full agent, one component), over sockets shared
 * with all other endpoints.
 *
 * Inputs: `setRemoteCredentials`, `addRemoteCandidates`, `handleStun`, `handleTimeout`. Outputs:
 * drain `poll` until undefined, then wait until `pollTimeout`. Owns no socket and no timer; nothing
 * a peer sends makes it throw. Which pairs there are and which is checked next is in
 * `check-list.ts`, checks under way in `check-transactions.ts`, the choice of a pair in
 * `nomination.ts`, what follows it in `consent.ts`.
 *
 * Differences from the letter of RFC 8445, all allowed or without effect with one component: no
 * frozen state; a triggered check for a pair in progress repeats the same transaction at once.
 * Differences from upstream (jvb-control 3.6): checks on other pairs are answered for good instead
 * of with 403 after the end, because a refusal makes a browser whose NAT mapping changed drop its
 * only connection; and a selected pair that fell silent while another one works is replaced.
 */
import type { Logger } from "#shared/logging/logger";
import type { Millis, Random } from "#shared/runtime/runtime";
import type { Candidate } from "#shared/stanza/media";
import type { SocketAddress } from "../../media/packet-io.ts";
import { addressKey, canonicalIp } from "../stun/ip-address.ts";
import { BINDING, integrityHolds, type StunMessage } from "../stun/stun-message.ts";
import {
  bindingSuccess,
  checkRequest,
  roleConflict,
  type Signature,
  unknownAttributes,
} from "./binding-messages.ts";
import { type CandidatePair, comparePairs } from "./candidate-pair.ts";
import { CheckList } from "./check-list.ts";
import { type Check, CheckTransactions } from "./check-transactions.ts";
import { Consent } from "./consent.ts";
import type { IceCredentials } from "./ice-credentials.ts";
import type { IceSettings } from "./ice-settings.ts";
import { nominationDueAt, pairToNominate } from "./nomination.ts";

export type IceOutput =
  | {
      readonly kind: "send";
      readonly socket: number;
      readonly remote: SocketAddress;
      readonly bytes: Uint8Array;
    }
  /** An authenticated message came from here: its datagrams belong to this endpoint. */
  | { readonly kind: "bind"; readonly socket: number; readonly remote: SocketAddress }
  | { readonly kind: "unbind"; readonly socket: number; readonly remote: SocketAddress }
  /** Send here from now on: the first valid pair, later the nominated one. */
  | { readonly kind: "path"; readonly socket: number; readonly remote: SocketAddress }
  /** A pair is nominated. Once. */
  | { readonly kind: "completed"; readonly relayed: boolean }
  /** All pairs failed. Once, and final. */
  | { readonly kind: "failed" };

export type IceState = "waiting" | "running" | "completed" | "terminated" | "failed";

export interface IceAgentOptions {
  readonly settings: IceSettings;
  readonly controlling: boolean;
  readonly credentials: IceCredentials;
  /** First four bytes of all transaction ids; see `IceDemux`. */
  readonly tag: number;
  readonly sockets: readonly SocketAddress[];
  readonly random: Random;
  readonly log: Logger;
}

/** A check list that failed is given this long for another pair to turn up (spec 3.6). */
const FAILED_GRACE_MS = 5000;
/** Silence of the selected pair after which another pair's check makes us suspicious. */
const SUSPICIOUS_SILENCE_MS = 1000;
/** How long a suspected pair has to answer a probe. */
const PROBE_MS = 1000;
/** Longest ufrag and password accepted (RFC 8445 5.3). */
const MAX_CREDENTIAL = 256;

export class IceAgent {
  readonly credentials: IceCredentials;
  readonly tag: number;
  readonly #settings: IceSettings;
  readonly #sockets: readonly SocketAddress[];
  readonly #random: Random;
  readonly #log: Logger;
  readonly #outputs: IceOutput[] = [];
  readonly #pairs: CheckList;
  readonly #checks: CheckTransactions;
  readonly #consent: Consent;
  #controlling: boolean;
  #tieBreaker: bigint;
  #remote: IceCredentials | undefined;
  #state: IceState = "waiting";
  #path: CandidatePair | undefined;
  #selected: CandidatePair | undefined;
  #nominating: CandidatePair | undefined;
  #paceAt: Millis = Number.NEGATIVE_INFINITY;
  #failAt: Millis | undefined;
  #terminateAt: Millis | undefined;
  #probe: { readonly pair: CandidatePair; readonly at: Millis } | undefined;
  #deadline: Millis | undefined;

  /** Datagrams dropped: unsigned, badly signed or not for us. */
  dropped = 0;

  constructor(options: IceAgentOptions) {
    this.credentials = options.credentials;
    this.tag = options.tag;
    this.#settings = options.settings;
    this.#controlling = options.controlling;
    this.#sockets = options.sockets;
    this.#random = options.random;
    this.#pairs = new CheckList(options.sockets, options.settings.maxCheckListSize);
    this.#checks = new CheckTransactions(options.settings);
    this.#consent = new Consent(options.settings, options.random);
    this.#log = options.log;
    this.#tieBreaker = randomTieBreaker(options.random);
  }

  get state(): IceState {
    return this.#state;
  }
  get controlling(): boolean {
    return this.#controlling;
  }
  get hasRemoteCredentials(): boolean {
    return this.#remote !== undefined;
  }
  /** Where to send: the selected pair, before that the first valid one. */
  get path(): { readonly socket: number; readonly remote: SocketAddress } | undefined {
    return this.#path;
  }
  get selected(): CandidatePair | undefined {
    return this.#selected;
  }
  /** When the peer last proved by an answer that it wants our packets (RFC 7675). */
  get lastConsent(): Millis | undefined {
    return this.#consent.lastAt;
  }
  /** The last consent request ran out of retransmissions. Not a failure (spec 3.6). */
  get consentLost(): boolean {
    return this.#consent.isLost;
  }
  /** Remote addresses that were bound, for the one who frees this agent. */
  get boundAddresses(): readonly CandidatePair[] {
    return [...this.#pairs].filter((pair) => pair.bound);
  }

  /** False when the credentials are unusable; they are then not taken. */
  setRemoteCredentials(remote: IceCredentials, now: Millis): boolean {
    const { ufrag, pwd } = remote;
    if (ufrag === "" || pwd === "") return false;
    if (ufrag.length > MAX_CREDENTIAL || pwd.length > MAX_CREDENTIAL) return false;
    this.#remote = remote;
    if (this.#state === "waiting") this.#state = "running";
    this.#reschedule(now);
    return true;
  }

  /**
   * Pairs each usable candidate with the sockets of its family; returns how many were usable (UDP,
   * component 1, generation 0, literal address).
   */
  addRemoteCandidates(candidates: readonly Candidate[], now: Millis): number {
    let usable = 0;
    for (const candidate of candidates) {
      const ip = canonicalIp(candidate.ip);
      if (ip === undefined || candidate.protocol.toLowerCase() !== "udp") continue;
      if (candidate.component !== 1 || candidate.generation !== 0) continue;
      if (candidate.port < 1 || candidate.port > 65_535) continue;
      const remote = { ip, port: candidate.port };
      let reachable = false;
      this.#sockets.forEach((local, socket) => {
        if (local.ip.includes(":") !== ip.includes(":")) return;
        reachable = true;
        const known = this.#pairs.get(addressKey(socket, remote));
        if (known === undefined) {
          this.#addPair(socket, remote, candidate.type, candidate.priority);
        } else if (known.remoteType === "prflx") {
          known.remoteType = candidate.type;
          known.remotePriority = candidate.priority;
        }
      });
      if (reachable) usable++;
    }
    this.#reschedule(now);
    return usable;
  }

  /** The address of `addressKey` was bound by another endpoint. */
  addressLost(key: string): void {
    const pair = this.#pairs.get(key);
    if (pair !== undefined) pair.bound = false;
  }

  poll(): IceOutput | undefined {
    return this.#outputs.shift();
  }

  pollTimeout(): Millis | undefined {
    return this.#deadline;
  }

  /** A datagram that the demultiplexer found to be this agent's. */
  handleStun(socket: number, remote: SocketAddress, message: StunMessage, now: Millis): void {
    if (message.method !== BINDING || this.#sockets[socket] === undefined) {
      this.dropped++;
    } else if (message.messageClass === "request") {
      this.#handleRequest(socket, remote, message, now);
    } else if (message.messageClass === "success" || message.messageClass === "error") {
      this.#handleResponse(socket, remote, message, now);
    }
    this.#reschedule(now);
  }

  handleTimeout(now: Millis): void {
    if (this.#state === "failed") return;
    for (const check of this.#checks.due(now)) {
      if (this.#checks.again(check, now)) this.#transmit(check);
      else this.#unanswered(check);
    }
    if (this.#terminateAt !== undefined && this.#terminateAt <= now) {
      this.#terminateAt = undefined;
      this.#state = "terminated";
    }
    if (this.#probe !== undefined && this.#probe.at <= now) this.#replaceSelected(this.#probe.pair);
    if (this.#consent.askAt <= now) this.#askConsent(now);
    this.#nominate(now);
    if (this.#paceAt <= now) this.#checkNext(now);
    this.#watchFailure(now);
    this.#reschedule(now);
  }

  // ---- incoming requests

  #handleRequest(socket: number, remote: SocketAddress, message: StunMessage, now: Millis): void {
    const [local] = (message.username ?? "").split(":", 1);
    if (local !== this.credentials.ufrag || !integrityHolds(message, this.credentials.pwd)) {
      this.dropped++;
      return;
    }
    const signature = this.#signature(this.credentials.pwd);
    if (message.unknownRequired.length > 0) {
      this.#send(socket, remote, unknownAttributes(message, signature));
      return;
    }
    if (!this.#settleRole(message)) {
      this.#send(socket, remote, roleConflict(message, signature));
      return;
    }
    this.#send(socket, remote, bindingSuccess(message, remote, signature));
    if (this.#state === "failed") return;

    const pair = this.#pairFor(socket, remote, message.priority ?? 0);
    if (pair === undefined) return;
    pair.heardAt = now;
    this.#bind(pair);
    if (pair === this.#selected) this.#probe = undefined;
    if (message.useCandidate && !this.#controlling) pair.remoteNominated = true;
    if (pair.state === "succeeded") {
      if (pair.remoteNominated) this.#peerNominated(pair, now);
      if (this.#selected !== undefined && pair !== this.#selected) this.#suspectSelected(pair, now);
      return;
    }
    if (pair.state === "failed") pair.state = "waiting";
    this.#pairs.trigger(pair);
  }

  /** Role conflicts, RFC 8445 7.3.1.1: false when the peer must yield. */
  #settleRole(message: StunMessage): boolean {
    if (message.role === undefined || message.role.controlling !== this.#controlling) return true;
    const weStay = this.#tieBreaker >= message.role.tieBreaker;
    if (this.#controlling ? weStay : !weStay) return false;
    this.#switchRole(!this.#controlling);
    return true;
  }

  #switchRole(controlling: boolean): void {
    this.#log.debug("ice role switched", { controlling });
    this.#controlling = controlling;
    this.#nominating = undefined;
    for (const check of this.#checks) {
      if (check.purpose === "consent") continue;
      this.#checks.close(check);
      check.pair.state = check.pair.validAt === undefined ? "waiting" : "succeeded";
      this.#pairs.trigger(check.pair);
    }
  }

  #signature(pwd: string): Signature {
    return { software: this.#settings.software, pwd };
  }

  #send(socket: number, remote: SocketAddress, bytes: Uint8Array): void {
    this.#outputs.push({ kind: "send", socket, remote, bytes });
  }

  /** The pair of a request; unknown remote addresses become peer-reflexive candidates. */
  #pairFor(socket: number, remote: SocketAddress, priority: number): CandidatePair | undefined {
    const known = this.#pairs.get(addressKey(socket, remote));
    return known ?? this.#addPair(socket, remote, "prflx", priority);
  }

  #addPair(
    socket: number,
    remote: SocketAddress,
    remoteType: Candidate["type"],
    remotePriority: number,
  ): CandidatePair | undefined {
    if (this.#sockets[socket] === undefined || !this.#makeRoom()) return undefined;
    return this.#pairs.add(socket, remote, remoteType, remotePriority);
  }

  /** Keeps the list bounded: the pair silent for longest goes, never one in use. */
  #makeRoom(): boolean {
    if (!this.#pairs.isFull) return true;
    const inUse = [this.#path, this.#selected, this.#nominating, this.#probe?.pair];
    const victim = this.#pairs.silentPair((pair) => inUse.includes(pair));
    if (victim === undefined) return false;
    this.#pairs.remove(victim);
    for (const check of this.#checks) if (check.pair === victim) this.#checks.close(check);
    if (victim.bound) {
      this.#outputs.push({ kind: "unbind", socket: victim.socket, remote: victim.remote });
    }
    return true;
  }

  #bind(pair: CandidatePair): void {
    if (pair.bound) return;
    pair.bound = true;
    this.#outputs.push({ kind: "bind", socket: pair.socket, remote: pair.remote });
  }

  // ---- own checks

  #checkNext(now: Millis): void {
    if (this.#remote === undefined) return;
    const pair = this.#pairs.takeNext(this.#checksOrdinary, this.#controlling);
    if (pair === undefined) return;
    this.#paceAt = now + this.#settings.pacingMs;
    const running = this.#checks.find(pair, "check");
    if (running !== undefined) this.#transmit(running);
    else this.#startCheck(pair, "check", pair === this.#nominating, now);
  }

  /** Ordinary checks end with the nomination (RFC 8445 8.1.2). */
  get #checksOrdinary(): boolean {
    return this.#selected === undefined;
  }

  #startCheck(
    pair: CandidatePair,
    purpose: Check["purpose"],
    nominating: boolean,
    now: Millis,
    retransmissions?: number,
  ): void {
    const remote = this.#remote;
    if (remote === undefined) return;
    const confirming = purpose === "consent" && pair === this.#selected;
    const bytes = checkRequest(
      {
        transactionId: this.#newTransactionId(),
        username: `${remote.ufrag}:${this.credentials.ufrag}`,
        priority: this.#pairs.localPriority("prflx", pair.socket),
        role: { controlling: this.#controlling, tieBreaker: this.#tieBreaker },
        useCandidate: this.#controlling && (nominating || confirming),
      },
      this.#signature(remote.pwd),
    );
    const controlling = this.#controlling;
    this.#checks.open({ pair, purpose, bytes, controlling, nominating }, now, retransmissions);
    if (purpose === "check" && pair.state !== "succeeded") pair.state = "inProgress";
    this.#send(pair.socket, pair.remote, bytes);
  }

  #newTransactionId(): Uint8Array {
    const id = new Uint8Array(12);
    id.set(this.#random.bytes(8), 4);
    new DataView(id.buffer).setUint32(0, this.tag);
    return id;
  }

  #transmit(check: Check): void {
    this.#send(check.pair.socket, check.pair.remote, check.bytes);
  }

  #unanswered(check: Check): void {
    if (check.purpose === "check") this.#checkFailed(check);
    else if (check.pair === this.#selected && this.#consent.refused()) {
      this.#log.warn("ice consent lost");
    }
  }

  #checkFailed(check: Check): void {
    if (check.pair !== this.#selected) {
      check.pair.state = "failed";
      check.pair.validAt = undefined;
    }
    if (check.pair === this.#nominating) this.#nominating = undefined;
  }

  // ---- responses

  #handleResponse(socket: number, remote: SocketAddress, message: StunMessage, now: Millis): void {
    const check = this.#checks.answeredBy(message.bytes);
    if (check === undefined || this.#remote === undefined) {
      this.dropped++;
      return;
    }
    if (!integrityHolds(message, this.#remote.pwd)) {
      this.dropped++;
      return;
    }
    const { pair } = check;
    // RFC 8445 7.2.5.2.1: an answer from elsewhere proves nothing about this pair.
    if (pair.key !== addressKey(socket, remote)) {
      this.#checks.close(check);
      if (check.purpose === "check") this.#checkFailed(check);
      return;
    }
    this.#checks.close(check);
    pair.heardAt = now;
    if (message.messageClass === "error") this.#checkRefused(check, message.errorCode);
    else this.#checkSucceeded(check, now);
  }

  #checkRefused(check: Check, code: number | undefined): void {
    if (code === 487) {
      if (check.controlling === this.#controlling) this.#switchRole(!this.#controlling);
      if (check.pair.state === "inProgress") check.pair.state = "waiting";
      this.#pairs.trigger(check.pair);
    } else if (check.purpose === "check") {
      this.#checkFailed(check);
    }
  }

  #checkSucceeded(check: Check, now: Millis): void {
    const { pair } = check;
    this.#bind(pair);
    if (pair === this.#selected) {
      this.#probe = undefined;
      if (this.#consent.given(now)) this.#log.info("ice consent regained");
    }
    if (check.purpose === "consent") return;
    pair.state = "succeeded";
    pair.validAt ??= now;
    this.#failAt = undefined;
    if (this.#path === undefined) this.#setPath(pair);
    if (check.nominating && check.controlling && this.#controlling) {
      this.#nominating = undefined;
      this.#select(pair, now);
    } else if (!this.#controlling && pair.remoteNominated) {
      this.#peerNominated(pair, now);
    }
    if (this.#selected !== undefined && pair !== this.#selected) this.#suspectSelected(pair, now);
    this.#nominate(now);
  }

  // ---- nomination

  #nominate(now: Millis): void {
    if (!this.#mayNominate) return;
    const pair = pairToNominate(this.#settings.nominationStrategy, this.#pairs, now);
    if (pair === undefined) return;
    this.#nominating = pair;
    this.#startCheck(pair, "check", true, now);
  }

  /** The controlling side, before the first nomination and while none is under way. */
  get #mayNominate(): boolean {
    return this.#controlling && this.#selected === undefined && this.#nominating === undefined;
  }

  /**
   * Controlled side. Aggressive nominators flag every pair: the best one stays, unless it is silent
   * (`#suspectSelected` sees to that).
   */
  #peerNominated(pair: CandidatePair, now: Millis): void {
    const current = this.#selected;
    if (current === undefined || comparePairs(pair, current, this.#controlling) < 0) {
      this.#select(pair, now);
    }
  }

  #select(pair: CandidatePair, now: Millis): void {
    if (pair === this.#selected) return;
    const first = this.#selected === undefined;
    this.#selected = pair;
    this.#probe = undefined;
    this.#consent.given(now);
    this.#consent.asked(now);
    this.#setPath(pair);
    for (const check of this.#checks) {
      if (check.purpose === "consent" || first) this.#drop(check);
    }
    if (!first) return;
    this.#pairs.forgetTriggered();
    this.#state = "completed";
    this.#terminateAt = now + this.#settings.terminationDelayMs;
    this.#outputs.push({ kind: "completed", relayed: pair.remoteType === "relay" });
  }

  #drop(check: Check): void {
    this.#checks.close(check);
    if (check.pair.state === "inProgress") check.pair.state = "waiting";
  }

  #setPath(pair: CandidatePair): void {
    if (pair === this.#path) return;
    this.#path = pair;
    this.#outputs.push({ kind: "path", socket: pair.socket, remote: pair.remote });
  }

  // ---- after the nomination

  #askConsent(now: Millis): void {
    this.#consent.asked(now);
    const selected = this.#selected;
    if (selected === undefined) return;
    if (this.#checks.find(selected, "consent") === undefined) {
      this.#startCheck(selected, "consent", false, now);
    }
    if (this.#settings.keepAliveStrategy !== "all_succeeded") return;
    for (const pair of this.#pairs) {
      if (pair !== selected && pair.state === "succeeded")
        this.#startCheck(pair, "consent", false, now, 0);
    }
  }

  /**
   * A working pair beside the selected one: either the peer has several interfaces or its NAT
   * mapping changed. A silent selected pair is asked; if it does not answer it is replaced.
   */
  #suspectSelected(pair: CandidatePair, now: Millis): void {
    const selected = this.#selected;
    if (selected === undefined || this.#probe !== undefined || this.#nominating !== undefined)
      return;
    const silence = now - (selected.heardAt ?? Number.NEGATIVE_INFINITY);
    if (silence < SUSPICIOUS_SILENCE_MS) return;
    this.#probe = { pair, at: now + PROBE_MS };
    this.#startCheck(selected, "consent", false, now, 1);
  }

  #replaceSelected(pair: CandidatePair): void {
    this.#probe = undefined;
    if (pair.state !== "succeeded") return;
    this.#log.info("ice selected pair fell silent, another one takes over");
    this.#nominating = this.#controlling ? pair : undefined;
    pair.remoteNominated = true;
    // Controlling: say so with a nominating check. Controlled: follow the peer's working path.
    if (this.#controlling) this.#pairs.trigger(pair);
    else this.#select(pair, pair.heardAt ?? 0);
  }

  // ---- deadlines

  #watchFailure(now: Millis): void {
    if (this.#state !== "running") return;
    if (!this.#pairs.hasFailed) {
      this.#failAt = undefined;
    } else if (this.#failAt === undefined) {
      this.#failAt = now + FAILED_GRACE_MS;
    } else if (this.#failAt <= now) {
      this.#state = "failed";
      this.#checks.closeAll();
      this.#outputs.push({ kind: "failed" });
    }
  }

  #reschedule(now: Millis): void {
    let at = Number.POSITIVE_INFINITY;
    const consider = (candidate: Millis | undefined) => {
      if (candidate !== undefined && candidate < at) at = candidate;
    };
    if (this.#state !== "failed") {
      consider(this.#checks.nextAt);
      consider(this.#terminateAt);
      consider(this.#consent.askAt);
      consider(this.#probe?.at);
      this.#watchFailure(now);
      consider(this.#failAt);
      if (this.#remote !== undefined) {
        if (this.#pairs.hasNext(this.#checksOrdinary)) consider(Math.max(now, this.#paceAt));
        if (this.#mayNominate) {
          consider(nominationDueAt(this.#settings.nominationStrategy, this.#pairs));
        }
      }
    }
    this.#deadline = at === Number.POSITIVE_INFINITY ? undefined : at;
  }
}

function randomTieBreaker(random: Random): bigint {
  const bytes = random.bytes(8);
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0);
}
