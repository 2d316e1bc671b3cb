/**
 * The candidate pairs of one ICE generation and the order in which they are checked (RFC 8445
 * 6.1.2, 6.1.4): triggered ones first, then the best that waits.
 */
import type { Candidate } from "#shared/stanza/media";
import type { SocketAddress } from "../../media/packet-io.ts";
import { addressKey } from "../stun/ip-address.ts";
import { type CandidatePair, comparePairs } from "./candidate-pair.ts";
import { candidatePriority, localPreference } from "./local-candidates.ts";

export class CheckList {
  readonly #sockets: readonly SocketAddress[];
  readonly #maxSize: number;
  readonly #pairs = new Map<string, CandidatePair>();
  readonly #triggered: CandidatePair[] = [];

  constructor(sockets: readonly SocketAddress[], maxSize: number) {
    this.#sockets = sockets;
    this.#maxSize = maxSize;
  }

  [Symbol.iterator](): MapIterator<CandidatePair> {
    return this.#pairs.values();
  }

  /** The pair of an `addressKey`. */
  get(key: string): CandidatePair | undefined {
    return this.#pairs.get(key);
  }

  get isFull(): boolean {
    return this.#pairs.size >= this.#maxSize;
  }

  /** There are pairs, and all of them failed. */
  get hasFailed(): boolean {
    for (const { state } of this.#pairs.values()) if (state !== "failed") return false;
    return this.#pairs.size > 0;
  }

  /** Of a local candidate of that type on that socket (RFC 8445 5.1.2). */
  localPriority(type: Candidate["type"], socket: number): number {
    const { ip = "" } = this.#sockets[socket] ?? {};
    return candidatePriority(type, localPreference(ip, this.#sockets.length));
  }

  /** A new pair, to be checked. */
  add(
    socket: number,
    remote: SocketAddress,
    remoteType: Candidate["type"],
    remotePriority: number,
  ): CandidatePair {
    const pair: CandidatePair = {
      key: addressKey(socket, remote),
      socket,
      remote,
      remoteType,
      localPriority: this.localPriority("host", socket),
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

  remove(pair: CandidatePair): void {
    this.#pairs.delete(pair.key);
    const at = this.#triggered.indexOf(pair);
    if (at >= 0) this.#triggered.splice(at, 1);
  }

  /** The pair silent for longest that is not being checked and that `isInUse` does not keep. */
  silentPair(isInUse: (pair: CandidatePair) => boolean): CandidatePair | undefined {
    let silent: CandidatePair | undefined;
    for (const pair of this.#pairs.values()) {
      if (pair.state === "inProgress" || isInUse(pair)) continue;
      if (silent === undefined || (pair.heardAt ?? 0) < (silent.heardAt ?? 0)) silent = pair;
    }
    return silent;
  }

  /** Puts it into the queue of triggered checks, if it is not there. */
  trigger(pair: CandidatePair): void {
    if (pair.triggered) return;
    pair.triggered = true;
    this.#triggered.push(pair);
  }

  forgetTriggered(): void {
    for (const pair of this.#triggered.splice(0)) pair.triggered = false;
  }

  /** Takes the pair to be checked next; with `ordinary` also one that nothing triggered. */
  takeNext(ordinary: boolean, controlling: boolean): CandidatePair | undefined {
    const triggered = this.#triggered.shift();
    if (triggered === undefined) return ordinary ? this.#bestWaiting(controlling) : undefined;
    triggered.triggered = false;
    return triggered;
  }

  /** Whether `takeNext` would give one. */
  hasNext(ordinary: boolean): boolean {
    if (this.#triggered.length > 0) return true;
    return ordinary && this.#bestWaiting(true) !== undefined;
  }

  #bestWaiting(controlling: boolean): CandidatePair | undefined {
    let best: CandidatePair | undefined;
    for (const pair of this.#pairs.values()) {
      if (pair.state !== "waiting" || pair.triggered) continue;
      if (best === undefined || comparePairs(pair, best, controlling) < 0) best = pair;
    }
    return best;
  }
}
