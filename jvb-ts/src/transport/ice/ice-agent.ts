/**
 * One generation of ICE for one endpoint (RFC 8445, full agent, one component), over sockets shared
 * with all other endpoints.
 *
 * Inputs: `setRemoteCredentials`, `addRemoteCandidates`, `handleStun`, `handleTimeout`. Outputs:
 * drain `poll` until undefined, then wait until `pollTimeout`. Owns no socket and no timer; nothing
 * a peer sends makes it throw.
 *
 * Longer than most files: checks, nomination and consent all change the state of the same pairs.
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
import {
  Attribute,
  BINDING,
  integrityHolds,
  type StunMessage,
  StunWriter,
  transactionKey,
} from "../stun/stun-message.ts";
import { type CandidatePair, comparePairs } from "./candidate-pair.ts";
import type { IceCredentials } from "./ice-credentials.ts";
import type { IceSettings } from "./ice-settings.ts";
import { candidatePriority, localPreference } from "./local-candidates.ts";

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
/** A relayed pair is nominated if still best after this long. */
const RELAYED_NOMINATION_MS = 800;
/** Silence of the selected pair after which another pair's check makes us suspicious. */
const SUSPICIOUS_SILENCE_MS = 1000;
/** How long a suspected pair has to answer a probe. */
const PROBE_MS = 1000;
/** Longest ufrag and password accepted (RFC 8445 5.3). */
const MAX_CREDENTIAL = 256;

interface Check {
  readonly pair: CandidatePair;
  readonly purpose: "check" | "consent";
  readonly key: string;
  readonly bytes: Uint8Array;
  /** Our role when it was built. */
  readonly controlling: boolean;
  readonly nominating: boolean;
  readonly maxWait: Millis;
  /** Retransmissions left. */
  left: number;
  wait: Millis;
  nextAt: Millis;
}

export class IceAgent {
  readonly credentials: IceCredentials;
  readonly tag: number;
  readonly #settings: IceSettings;
  readonly #sockets: readonly SocketAddress[];
  readonly #random: Random;
  readonly #log: Logger;
  readonly #outputs: IceOutput[] = [];
  readonly #pairs = new Map<string, CandidatePair>();
  readonly #triggered: CandidatePair[] = [];
  readonly #checks = new Map<string, Check>();
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
  #consentAt: Millis | undefined;
  #lastConsent: Millis | undefined;
  #consentLost = false;
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
    return this.#lastConsent;
  }
  /** The last consent request ran out of retransmissions. Not a failure (spec 3.6). */
  get consentLost(): boolean {
    return this.#consentLost;
  }
  /** Remote addresses that were bound, for the one who frees this agent. */
  get boundAddresses(): readonly CandidatePair[] {
    return [...this.#pairs.values()].filter((pair) => pair.bound);
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
    for (const check of [...this.#checks.values()]) {
      if (check.nextAt <= now) this.#repeatOrFail(check, now);
    }
    if (this.#terminateAt !== undefined && this.#terminateAt <= now) {
      this.#terminateAt = undefined;
      this.#state = "terminated";
    }
    if (this.#probe !== undefined && this.#probe.at <= now) this.#replaceSelected(this.#probe.pair);
    if (this.#consentAt !== undefined && this.#consentAt <= now) this.#askConsent(now);
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
    if (message.unknownRequired.length > 0) {
      this.#respondUnknown(socket, remote, message);
      return;
    }
    if (!this.#settleRole(message)) {
      this.#respond(socket, remote, message, (w) => w.error(487, "Role Conflict"), "error");
      return;
    }
    this.#respond(socket, remote, message, (w) => w.xorMapped(remote), "success");
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
    this.#trigger(pair);
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
    for (const check of this.#checks.values()) {
      if (check.purpose === "consent") continue;
      this.#checks.delete(check.key);
      check.pair.state = check.pair.validAt === undefined ? "waiting" : "succeeded";
      this.#trigger(check.pair);
    }
  }

  #respond(
    socket: number,
    remote: SocketAddress,
    request: StunMessage,
    fill: (writer: StunWriter) => void,
    messageClass: "success" | "error",
  ): void {
    const writer = new StunWriter(messageClass, BINDING, request.bytes.subarray(8, 20));
    fill(writer);
    this.#sign(writer);
    const bytes = writer.finish(this.credentials.pwd);
    this.#outputs.push({ kind: "send", socket, remote, bytes });
  }

  #respondUnknown(socket: number, remote: SocketAddress, request: StunMessage): void {
    const list = Uint8Array.from(
      request.unknownRequired.flatMap((type) => [type >> 8, type & 255]),
    );
    const fill = (writer: StunWriter) =>
      writer.error(420, "Unknown Attribute").attribute(Attribute.unknownAttributes, list);
    this.#respond(socket, remote, request, fill, "error");
  }

  #sign(writer: StunWriter): void {
    const software = this.#settings.software.slice(0, 127);
    if (software !== "") writer.string(Attribute.software, software);
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
    const local = this.#sockets[socket];
    if (local === undefined || !this.#makeRoom()) return undefined;
    const pair: CandidatePair = {
      key: addressKey(socket, remote),
      socket,
      remote,
      remoteType,
      localPriority: candidatePriority("host", localPreference(local.ip, this.#sockets.length)),
      remotePriority,
      state: "waiting",
      triggered: false,
      bound: false,
      remoteNominated: false,
      validAt: undefined,
      heardAt: undefined,
    };
    this.#pairs.set(pair.key, pair);
    return pair;
  }

  /** Keeps the list bounded: the pair silent for longest goes, never one in use. */
  #makeRoom(): boolean {
    if (this.#pairs.size < this.#settings.maxCheckListSize) return true;
    let victim: CandidatePair | undefined;
    for (const pair of this.#pairs.values()) {
      if (pair === this.#path || pair === this.#selected || pair === this.#nominating) continue;
      if (pair === this.#probe?.pair || pair.state === "inProgress") continue;
      if (victim === undefined || (pair.heardAt ?? 0) < (victim.heardAt ?? 0)) victim = pair;
    }
    if (victim === undefined) return false;
    this.#pairs.delete(victim.key);
    const at = this.#triggered.indexOf(victim);
    if (at >= 0) this.#triggered.splice(at, 1);
    for (const check of this.#checks.values()) {
      if (check.pair === victim) this.#checks.delete(check.key);
    }
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

  #trigger(pair: CandidatePair): void {
    if (pair.triggered) return;
    pair.triggered = true;
    this.#triggered.push(pair);
  }

  // ---- own checks

  #checkNext(now: Millis): void {
    if (this.#remote === undefined) return;
    const pair = this.#triggered.shift() ?? this.#nextWaiting();
    if (pair === undefined) return;
    pair.triggered = false;
    this.#paceAt = now + this.#settings.pacingMs;
    const running = [...this.#checks.values()].find(
      (check) => check.pair === pair && check.purpose === "check",
    );
    if (running !== undefined) this.#transmit(running);
    else this.#startCheck(pair, "check", pair === this.#nominating, now);
  }

  /** Ordinary checks end with the nomination (RFC 8445 8.1.2). */
  #nextWaiting(): CandidatePair | undefined {
    if (this.#selected !== undefined) return undefined;
    let best: CandidatePair | undefined;
    for (const pair of this.#pairs.values()) {
      if (pair.state !== "waiting" || pair.triggered) continue;
      if (best === undefined || comparePairs(pair, best, this.#controlling) < 0) best = pair;
    }
    return best;
  }

  #startCheck(
    pair: CandidatePair,
    purpose: Check["purpose"],
    nominating: boolean,
    now: Millis,
    retransmissions?: number,
  ): void {
    const remote = this.#remote;
    const local = this.#sockets[pair.socket];
    if (remote === undefined || local === undefined) return;
    const writer = new StunWriter("request", BINDING, this.#newTransactionId());
    writer
      .string(Attribute.username, `${remote.ufrag}:${this.credentials.ufrag}`)
      .uint32(
        Attribute.priority,
        candidatePriority("prflx", localPreference(local.ip, this.#sockets.length)),
      )
      .role({ controlling: this.#controlling, tieBreaker: this.#tieBreaker });
    if (this.#controlling && (nominating || (purpose === "consent" && pair === this.#selected))) {
      writer.attribute(Attribute.useCandidate, new Uint8Array(0));
    }
    this.#sign(writer);
    const bytes = writer.finish(remote.pwd);
    const settings = this.#settings;
    const consent = purpose === "consent";
    const wait = consent ? settings.consentWaitMs : settings.firstRetransmissionMs;
    const check: Check = {
      pair,
      purpose,
      key: transactionKey(bytes),
      bytes,
      controlling: this.#controlling,
      nominating,
      maxWait: consent ? settings.consentMaxWaitMs : settings.maxRetransmissionMs,
      left:
        retransmissions ??
        (consent ? settings.consentMaxRetransmissions : settings.maxRetransmissions),
      wait,
      nextAt: now + wait,
    };
    this.#checks.set(check.key, check);
    if (!consent && pair.state !== "succeeded") pair.state = "inProgress";
    this.#transmit(check);
  }

  #newTransactionId(): Uint8Array {
    const id = new Uint8Array(12);
    id.set(this.#random.bytes(8), 4);
    new DataView(id.buffer).setUint32(0, this.tag);
    return id;
  }

  #transmit(check: Check): void {
    const { socket, remote } = check.pair;
    this.#outputs.push({ kind: "send", socket, remote, bytes: check.bytes });
  }

  #repeatOrFail(check: Check, now: Millis): void {
    if (check.left > 0) {
      check.left--;
      check.wait = Math.min(check.wait * 2, check.maxWait);
      check.nextAt = now + check.wait;
      this.#transmit(check);
      return;
    }
    this.#checks.delete(check.key);
    if (check.purpose === "consent") {
      if (check.pair === this.#selected && !this.#consentLost) {
        this.#consentLost = true;
        this.#log.warn("ice consent lost");
      }
      return;
    }
    this.#checkFailed(check);
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
    const check = this.#checks.get(transactionKey(message.bytes));
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
      this.#checks.delete(check.key);
      if (check.purpose === "check") this.#checkFailed(check);
      return;
    }
    this.#checks.delete(check.key);
    pair.heardAt = now;
    if (message.messageClass === "error") this.#checkRefused(check, message.errorCode);
    else this.#checkSucceeded(check, now);
  }

  #checkRefused(check: Check, code: number | undefined): void {
    if (code === 487) {
      if (check.controlling === this.#controlling) this.#switchRole(!this.#controlling);
      if (check.pair.state === "inProgress") check.pair.state = "waiting";
      this.#trigger(check.pair);
    } else if (check.purpose === "check") {
      this.#checkFailed(check);
    }
  }

  #checkSucceeded(check: Check, now: Millis): void {
    const { pair } = check;
    this.#bind(pair);
    if (pair === this.#selected) {
      this.#probe = undefined;
      this.#lastConsent = now;
      if (this.#consentLost) {
        this.#consentLost = false;
        this.#log.info("ice consent regained");
      }
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

  /** Controlling side, before the first nomination. */
  #nominate(now: Millis): void {
    if (!this.#controlling || this.#selected !== undefined || this.#nominating !== undefined)
      return;
    const pair = this.#choose(now);
    if (pair === undefined) return;
    this.#nominating = pair;
    this.#startCheck(pair, "check", true, now);
  }

  #choose(now: Millis): CandidatePair | undefined {
    const valid = [...this.#pairs.values()].filter((pair) => pair.state === "succeeded");
    valid.sort((a, b) => (a.validAt ?? 0) - (b.validAt ?? 0));
    switch (this.#settings.nominationStrategy) {
      case "NominateFirstValid":
        return valid[0];
      case "NominateHighestPriority": {
        const best = valid.toSorted((a, b) => comparePairs(a, b, this.#controlling))[0];
        if (best === undefined) return undefined;
        const better = [...this.#pairs.values()].some(
          (pair) =>
            (pair.state === "waiting" || pair.state === "inProgress") &&
            comparePairs(pair, best, this.#controlling) < 0,
        );
        return better ? undefined : best;
      }
      // Upstream accepts NominateBestRTT without having it; it must not keep anyone from connecting.
      case "NominateBestRTT":
      case "NominateFirstHostOrReflexiveValid": {
        const direct = valid.find((pair) => pair.remoteType !== "relay");
        if (direct !== undefined) return direct;
        const since = valid[0]?.validAt;
        if (since === undefined || now < since + RELAYED_NOMINATION_MS) return undefined;
        return valid.toSorted((a, b) => comparePairs(a, b, this.#controlling))[0];
      }
    }
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
    this.#lastConsent = now;
    this.#consentLost = false;
    this.#consentAt = now + this.#consentInterval();
    this.#setPath(pair);
    for (const check of this.#checks.values()) {
      if (check.purpose === "consent" || first) this.#drop(check);
    }
    if (!first) return;
    for (const queued of this.#triggered.splice(0)) queued.triggered = false;
    this.#state = "completed";
    this.#terminateAt = now + this.#settings.terminationDelayMs;
    this.#outputs.push({ kind: "completed", relayed: pair.remoteType === "relay" });
  }

  #drop(check: Check): void {
    this.#checks.delete(check.key);
    if (check.pair.state === "inProgress") check.pair.state = "waiting";
  }

  #setPath(pair: CandidatePair): void {
    if (pair === this.#path) return;
    this.#path = pair;
    this.#outputs.push({ kind: "path", socket: pair.socket, remote: pair.remote });
  }

  // ---- after the nomination

  #consentInterval(): Millis {
    const { consentIntervalMs, consentRandomize } = this.#settings;
    return consentRandomize
      ? consentIntervalMs * (0.8 + 0.4 * this.#random.float())
      : consentIntervalMs;
  }

  #askConsent(now: Millis): void {
    this.#consentAt = now + this.#consentInterval();
    const selected = this.#selected;
    if (selected === undefined) return;
    const asked = [...this.#checks.values()].some(
      (check) => check.purpose === "consent" && check.pair === selected,
    );
    if (!asked) this.#startCheck(selected, "consent", false, now);
    if (this.#settings.keepAliveStrategy !== "all_succeeded") return;
    for (const pair of this.#pairs.values()) {
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
    this.#replaceNow(pair);
  }

  /** Controlling: say so with a nominating check. Controlled: follow the peer's working path. */
  #replaceNow(pair: CandidatePair): void {
    if (this.#controlling) this.#trigger(pair);
    else this.#select(pair, pair.heardAt ?? 0);
  }

  // ---- deadlines

  #watchFailure(now: Millis): void {
    if (this.#state !== "running") return;
    let open = this.#pairs.size === 0;
    for (const pair of this.#pairs.values()) open ||= pair.state !== "failed";
    if (open) {
      this.#failAt = undefined;
    } else if (this.#failAt === undefined) {
      this.#failAt = now + FAILED_GRACE_MS;
    } else if (this.#failAt <= now) {
      this.#state = "failed";
      this.#checks.clear();
      this.#outputs.push({ kind: "failed" });
    }
  }

  #reschedule(now: Millis): void {
    let at = Number.POSITIVE_INFINITY;
    const consider = (candidate: Millis | undefined) => {
      if (candidate !== undefined && candidate < at) at = candidate;
    };
    if (this.#state !== "failed") {
      for (const check of this.#checks.values()) consider(check.nextAt);
      consider(this.#terminateAt);
      consider(this.#consentAt);
      consider(this.#probe?.at);
      this.#watchFailure(now);
      consider(this.#failAt);
      if (this.#remote !== undefined) {
        if (this.#triggered.length > 0 || this.#nextWaiting() !== undefined) {
          consider(Math.max(now, this.#paceAt));
        }
        consider(this.#relayedNominationAt());
      }
    }
    this.#deadline = at === Number.POSITIVE_INFINITY ? undefined : at;
  }

  #relayedNominationAt(): Millis | undefined {
    if (!this.#controlling || this.#selected !== undefined || this.#nominating !== undefined) {
      return undefined;
    }
    // Waiting for better pairs ends with their checks, which have deadlines of their own.
    if (this.#settings.nominationStrategy === "NominateHighestPriority") return undefined;
    let at: Millis | undefined;
    for (const { state, validAt } of this.#pairs.values()) {
      if (state !== "succeeded" || validAt === undefined) continue;
      at = Math.min(at ?? Number.POSITIVE_INFINITY, validAt + RELAYED_NOMINATION_MS);
    }
    return at;
  }
}

function randomTieBreaker(random: Random): bigint {
  const bytes = random.bytes(8);
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0);
}
