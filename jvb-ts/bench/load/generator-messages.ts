/** What the generator and the stand that starts it say to each other. */
import type { LimitOptions } from "../limit/limit-program.ts";
import type { FocusAccount } from "./focus.ts";
import type { WindowResult } from "./tally.ts";

export interface GeneratorSettings {
  readonly workload: string;
  readonly seed: number;
  /** SRTP that participants offer: AEAD_AES_128_GCM, or AES_CM_128_HMAC_SHA1_80 only. */
  readonly profile: "gcm" | "cm";
  /** Where the participants' sockets are. */
  readonly ip: string;
  /** Undefined: no bridge but the limit program. */
  readonly focus: FocusAccount | undefined;
}

export type ToGenerator =
  /** Makes the conferences and begins to send. */
  | { readonly kind: "open"; readonly settings: GeneratorSettings }
  /** The limit program listens there. */
  | { readonly kind: "limitPort"; readonly port: number }
  /** `settle`: the window begins when everybody gets what was asked for, else at once. */
  | { readonly kind: "measure"; readonly seconds: number; readonly settle: boolean }
  | { readonly kind: "close" }
  /** Sets up endpoints for so long, then creates some that nobody connects to. */
  | { readonly kind: "setUps"; readonly settings: GeneratorSettings; readonly seconds: number };

/** One endpoint's way into a call, in milliseconds. */
export interface SetUp {
  /** From the request to the bridge's answer, through Prosody. */
  readonly created: number;
  /** From its first ICE packet until it has the keys of SRTP, and until the first packet of another. */
  readonly keyed: number;
  readonly media: number;
}

export interface SetUpsDone {
  readonly kind: "setUpsDone";
  /** Of this bridge's life, in order. */
  readonly setUps: readonly SetUp[];
  /** Endpoints that were only created. */
  readonly creations: number;
}

export interface Measured {
  readonly kind: "measured";
  readonly window: WindowResult;
  /** Until everybody got what was asked for; undefined: never. */
  readonly settledMs: number | undefined;
  /** Pairs of receiver and stream that were not as asked for when the window began. */
  readonly unsteady: number;
  /** In the window. */
  readonly keyFrames: number;
  /** Since the call was opened. */
  readonly nacksSent: number;
  readonly plisSent: number;
  readonly nacksReceived: number;
  readonly sendFailures: number;
  readonly authFailed: number;
  /** Of the participants' sockets. */
  readonly ports: readonly number[];
}

export type FromGenerator =
  | { readonly kind: "ready" }
  | { readonly kind: "limitSetup"; readonly options: LimitOptions }
  | { readonly kind: "opened" }
  | { readonly kind: "windowBegins" }
  | { readonly kind: "windowEnds" }
  | Measured
  | SetUpsDone
  | { readonly kind: "closed" }
  | { readonly kind: "failed"; readonly reason: string };
