/** What the bench and its load generator, a process of its own, say to each other. */
import type { ClientPlace } from "./simulated-client.ts";

export interface Arrivals {
  readonly conferences: number;
  /** Conferences per second. */
  readonly rate: number;
  /** Participants in each. */
  readonly size: number;
}

export type Command =
  | {
      readonly kind: "bridges";
      readonly count: number;
      readonly port: number;
      readonly authDomain: string;
    }
  /** Open loop; resolves when everybody is set up, or 15 s after the last arrival. They stay. */
  | { readonly kind: "arrive"; readonly place: ClientPlace; readonly arrivals: Arrivals }
  /** One conference as fast as it can be had, for a focus that just started. */
  | { readonly kind: "first"; readonly place: ClientPlace; readonly size: number }
  /** Everybody leaves, evenly over that time. */
  | { readonly kind: "leave"; readonly overMs: number }
  | { readonly kind: "end" };

export interface ArrivalReport {
  /** ms from scheduled join (of the second in the room, where that is later) to the invitation. */
  readonly joinToInitiate: readonly number[];
  /** ms from the scheduled request to `ready` of who asked first. */
  readonly requestToReady: readonly number[];
  /** ms that requests and joins left after their time through the generator's own fault. */
  readonly lateness: readonly number[];
  readonly participants: number;
  /** Invited, accepted, and told of everybody's sources in the room. */
  readonly complete: number;
  /** Invited more than once, or refused something, with what. */
  readonly faults: readonly string[];
}

export interface FirstReport {
  /** ms from the first request to the last invitation. */
  readonly ms: number;
}

export interface Question {
  readonly id: number;
  readonly command: Command;
}

export interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}
