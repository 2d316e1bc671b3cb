/** The exporters of one conference: what COLIBRI2's `<connects>` asks of them (spec jvb-control 2.9). */
import type { RtpHeader } from "#shared/rtp/rtp-header";
import type { Millis } from "#shared/runtime/runtime";
import type { ColibriConnect } from "#shared/stanza/colibri2";
import type { AudioTap } from "../media/audio-tap.ts";
import { Exporter, type ExportPorts } from "./exporter.ts";

/** Why a delta is refused, as a whole. */
export interface ConnectFault {
  readonly condition: "bad-request" | "feature-not-implemented";
  readonly text: string;
}

export interface ConferenceExportPorts extends ExportPorts {
  /** The audio of the conference goes to `tap` from now on, or to none. */
  listen(tap: AudioTap | undefined): void;
}

export class ConferenceExporters implements AudioTap {
  readonly #ports: ConferenceExportPorts;
  readonly #byId = new Map<string, Exporter>();
  /** The same, for each packet. */
  #all: readonly Exporter[] = [];
  #stopped = false;

  constructor(ports: ConferenceExportPorts) {
    this.#ports = ports;
  }

  /** Validates a delta whole, then applies it: expires, creates, updates. */
  apply(connects: readonly ColibriConnect[], now: Millis): ConnectFault | undefined {
    if (connects.length === 0) return undefined;
    const fault = this.#fault(connects);
    if (fault !== undefined) return fault;
    for (const connect of connects) if (connect.expire) this.#expire(idOf(connect));
    for (const connect of connects) {
      if (connect.expire) continue;
      const id = idOf(connect);
      const known = this.#byId.get(id);
      if (known === undefined) this.#byId.set(id, new Exporter(connect, this.#ports, now));
      else if (!sameLists(known.connect, connect))
        known.update(connect.exports ?? [], connect.requests ?? []);
    }
    this.#listen();
    return undefined;
  }

  handleOpus(
    source: string,
    endpoint: string,
    header: RtpHeader,
    seq: number,
    level: number,
    vad: boolean,
    now: Millis,
  ): void {
    for (let i = 0; i < this.#all.length; i++)
      this.#all[i]!.handleOpus(source, endpoint, header, seq, level, vad, now);
  }

  handleTimeout(now: Millis): void {
    for (const exporter of this.#all) if (exporter.deadline <= now) exporter.handleTimeout(now);
  }

  /** Infinite when nothing is due. */
  get deadline(): Millis {
    let at = Number.POSITIVE_INFINITY;
    for (const exporter of this.#all) at = Math.min(at, exporter.deadline);
    return at;
  }

  /** Ends all of them; later deltas are refused. */
  stop(): void {
    this.#stopped = true;
    for (const id of [...this.#byId.keys()]) this.#expire(id);
    this.#listen();
  }

  /** As `/debug` shows them. */
  state(now: Millis) {
    return { started: !this.#stopped, exporters: this.#all.map((one) => one.state(now)) };
  }

  #fault(connects: readonly ColibriConnect[]): ConnectFault | undefined {
    if (this.#stopped) return badRequest("The conference's exporter is stopped");
    const expired = new Set<string>();
    for (const connect of connects) {
      if (!connect.expire) continue;
      const id = idOf(connect);
      if (expired.has(id)) return badRequest(`Duplicate expire for id=${id}`);
      expired.add(id);
    }
    const wanted = new Set<string>();
    for (const connect of connects) {
      if (connect.expire) continue;
      const id = idOf(connect);
      if (wanted.has(id)) return badRequest(`Multiple connects for id=${id}`);
      wanted.add(id);
      const fault = this.#faultOf(connect, id, expired.has(id));
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  #faultOf(connect: ColibriConnect, id: string, isExpired: boolean): ConnectFault | undefined {
    const known = this.#byId.get(id);
    if (connect.create && known !== undefined && !isExpired)
      return badRequest(`Connect with create=true for an already-existing id=${id}`);
    if (!connect.create && isExpired)
      return badRequest(`Connect update for id=${id} that is expired in the same request`);
    if (!connect.create && known === undefined)
      return badRequest(`Connect for unknown id=${id} without create=true`);
    if (connect.video) return notImplemented("Video");
    if (connect.protocol !== "mediajson")
      return notImplemented(`Protocol ${connect.protocol ?? ""}`);
    if (!connect.create && known !== undefined && !sameConnection(known.connect, connect))
      return notImplemented(`Updating connect url, type, audio, headers, ping for id=${id}`);
    return undefined;
  }

  #expire(id: string): void {
    const exporter = this.#byId.get(id);
    this.#byId.delete(id);
    if (exporter === undefined)
      this.#ports.log.warn("An unknown exporter is to expire", { exporter: id });
    exporter?.stop();
  }

  #listen(): void {
    this.#all = [...this.#byId.values()];
    this.#ports.listen(this.#all.length === 0 ? undefined : this);
  }
}

function idOf(connect: ColibriConnect): string {
  return connect.id ?? "";
}

function badRequest(text: string): ConnectFault {
  return { condition: "bad-request", text };
}

function notImplemented(text: string): ConnectFault {
  return { condition: "feature-not-implemented", text };
}

/** Whether an update leaves the connection itself as it is. */
function sameConnection(a: ColibriConnect, b: ColibriConnect): boolean {
  const headers = ({ headers = [] }: ColibriConnect): string =>
    JSON.stringify(headers.map(({ name, value }) => [name, value]));
  return (
    a.url === b.url &&
    a.type === b.type &&
    a.audio === b.audio &&
    headers(a) === headers(b) &&
    a.ping?.interval === b.ping?.interval &&
    a.ping?.timeout === b.ping?.timeout
  );
}

/** The order of names is irrelevant. */
function sameLists(a: ColibriConnect, b: ColibriConnect): boolean {
  const same = (x: readonly string[] = [], y: readonly string[] = []): boolean =>
    JSON.stringify([...x].sort()) === JSON.stringify([...y].sort());
  return same(a.exports, b.exports) && same(a.requests, b.requests);
}
