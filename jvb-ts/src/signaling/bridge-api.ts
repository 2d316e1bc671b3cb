/** What the HTTP servers may ask of the bridge; `main.ts` implements it. */

import type { MetricsView } from "#shared/metrics/registry";
import type { ConferenceModify } from "#shared/stanza/colibri2";
import type { DebugMode, Json } from "../conference/debug-state.ts";
import type { CaptureRequest } from "../export/captures.ts";
import type { ColibriOutcome } from "../worker-messages.ts";
import type { HealthResult } from "./health.ts";

export interface BridgeApi {
  readonly version: string;
  health(): HealthResult;
  statistics(): Promise<Readonly<Record<string, number | boolean | string>>>;
  metrics(accept: string | undefined): Promise<MetricsView | undefined>;
  readonly drain: boolean;
  setDrain(on: boolean): void;
  shutDown(graceful: boolean): void;
  /** Bridge-local id of a meeting's conference. */
  conferenceOf(meetingId: string): string | undefined;
  colibri(request: ConferenceModify): Promise<ColibriOutcome>;
  /** Debug states by conference id. */
  debug(
    conference: string | undefined,
    endpoint: string | undefined,
    mode: DebugMode,
  ): Promise<Readonly<Record<string, Json>>>;
  /** `jmt.debug.pcap.enabled` */
  readonly mayCapture: boolean;
  /** Whether it is captured then; undefined: there is no such endpoint. */
  capture(request: CaptureRequest): Promise<Json | undefined>;
  speakers(conference: string): Promise<Json | undefined>;
  /** `load_management`, `shutdown_state` and the like of `/debug`. */
  debugHead(): Readonly<Record<string, Json>>;
  /** Own diagnostics under upstream's name, or undefined for an unknown name. */
  debugStats(name: string): Promise<Json | undefined>;
  mucClients(): readonly string[];
  /** False: the properties are incomplete or wrong. */
  addMucClient(id: string, properties: ReadonlyMap<string, string>): boolean;
  /** False: there is none of that id. */
  removeMucClient(id: string): boolean;
}
