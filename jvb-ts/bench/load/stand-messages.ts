/** What a stand and whoever started it say to each other. */
import type { Cell, ContenderName } from "../../../shared/bench/row.ts";
import type { Measured } from "./generator-messages.ts";

export interface StandSettings {
  readonly contender: ContenderName;
  readonly workload: string;
  readonly seed: number;
  readonly profile: "gcm" | "cm";
}

/** The workload of a stand that sets up endpoints (`set-ups.ts`) instead of carrying a call. */
export const SET_UPS = "set-ups";

export type ToStand =
  /** `settle`: the window begins when everybody gets what was asked for, else at once. */
  | { readonly kind: "measure"; readonly seconds: number; readonly settle: boolean }
  /** Only with the workload `SET_UPS`. */
  | { readonly kind: "setUps"; readonly seconds: number }
  | { readonly kind: "stop" };

export type FromStand =
  | { readonly kind: "ready"; readonly version: string }
  | { readonly kind: "measured"; readonly cell: Cell; readonly measured: Measured }
  | { readonly kind: "setUps"; readonly cell: Cell }
  | { readonly kind: "failed"; readonly reason: string };
