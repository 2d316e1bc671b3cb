/** Which endpoints' packets are captured, and where to (spec jvb-control 9.3). Looked at once a batch. */
import type { RxSlab, TxSlab } from "../media/slab.ts";
import { Kind, NO_SESSION, REPEATABLE, Status } from "../media/slab.ts";
import { pcapHeader, pcapRecord } from "./pcap.ts";

/** `jmt.debug.pcap` */
export interface CaptureSettings {
  readonly enabled: boolean;
  /** Every endpoint from its creation on. */
  readonly startEnabled: boolean;
  readonly directory: string;
}

/** Upstream's. */
export const defaultCaptureSettings: CaptureSettings = {
  enabled: false,
  startEnabled: false,
  directory: "/tmp",
};

/** A file that is being written; what goes wrong with it is told in the log. */
export interface CaptureFile {
  write(bytes: Buffer): void;
  close(): void;
}

export interface CapturePorts {
  readonly settings: CaptureSettings;
  readonly open: (path: string) => CaptureFile;
  /** Milliseconds since the epoch. */
  readonly wallNow: () => number;
}

export class Captures {
  /** Endpoints that are captured. */
  count = 0;
  readonly #ports: CapturePorts;
  readonly #bySession: (CaptureFile | undefined)[] = [];

  constructor(ports: CapturePorts) {
    this.#ports = ports;
  }

  isOn(session: number): boolean {
    return this.#bySession[session] !== undefined;
  }

  /** Switches as told, if told; whether the endpoint is captured now. */
  switch(session: number, endpoint: string, on: boolean | undefined): boolean {
    if (on === true) this.start(session, endpoint);
    else if (on === false) this.stop(session);
    return this.isOn(session);
  }

  /** A new endpoint. */
  attach(session: number, endpoint: string): void {
    const { enabled, startEnabled } = this.#ports.settings;
    if (enabled && startEnabled) this.start(session, endpoint);
  }

  /** Begins a file, unless one is being written. */
  start(session: number, endpoint: string): void {
    if (!this.#ports.settings.enabled || this.isOn(session)) return;
    const time = new Date(this.#ports.wallNow()).toISOString();
    // An id comes from the focus and is no path.
    const name = endpoint.replace(/[^A-Za-z0-9_-]/g, "_");
    const file = this.#ports.open(`${this.#ports.settings.directory}/${name}-${time}.pcap`);
    file.write(pcapHeader());
    this.#bySession[session] = file;
    this.count++;
  }

  stop(session: number): void {
    const file = this.#bySession[session];
    if (file === undefined) return;
    this.#bySession[session] = undefined;
    this.count--;
    file.close();
  }

  /** Packets that came, decrypted. */
  received(slab: RxSlab, rows: number): void {
    const wallMs = this.#ports.wallNow();
    for (let row = 0; row < rows; row++) {
      const session = slab.session[row]!;
      if (session === NO_SESSION || slab.status[row] !== Status.ok) continue;
      if (slab.kind[row] !== Kind.rtp && slab.kind[row] !== Kind.rtcp) continue;
      this.#write(session, slab.bytes, slab.offset[row]!, slab.length[row]!, true, wallMs);
    }
  }

  /** Packets that go out, before they are encrypted. */
  sent(slab: TxSlab): void {
    const wallMs = this.#ports.wallNow();
    for (let row = 0; row < slab.count; row++) {
      const kind = slab.kind[row]! & ~REPEATABLE;
      if (kind !== Kind.rtp && kind !== Kind.rtcp) continue;
      const { bytes, offset, length, session } = slab;
      this.#write(session[row]!, bytes, offset[row]!, length[row]!, false, wallMs);
    }
  }

  #write(
    session: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    isReceived: boolean,
    wallMs: number,
  ): void {
    const file = this.#bySession[session];
    if (file === undefined) return;
    file.write(pcapRecord(bytes.subarray(offset, offset + length), isReceived, wallMs));
  }
}
