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

/** What of an endpoint is captured, as the HTTP API names it: RTP and RTCP, or SCTP. */
export const captureFeatures = ["pcap-dump", "sctp-pcap-dump"] as const;
export type CaptureFeature = (typeof captureFeatures)[number];

/** Begins or ends a capture, or (`on` undefined) asks. */
export interface CaptureRequest {
  readonly conference: string;
  readonly endpoint: string;
  readonly feature: CaptureFeature;
  readonly on: boolean | undefined;
}

/** A file that is being written; what goes wrong with it is told in the log. */
export interface CaptureFile {
  write(bytes: Buffer): void;
  close(): void;
}

/** An endpoint whose packets are looked at. */
interface Captured {
  readonly session: number;
  readonly transport: {
    sctpTap: ((packet: Uint8Array, isReceived: boolean) => void) | undefined;
  };
}

export interface CapturePorts {
  readonly settings: CaptureSettings;
  readonly open: (path: string) => CaptureFile;
  /** Milliseconds since the epoch. */
  readonly wallNow: () => number;
}

export class Captures {
  /** Endpoints whose RTP and RTCP is captured. */
  count = 0;
  readonly #ports: CapturePorts;
  /** By session. */
  readonly #files: Readonly<Record<CaptureFeature, (CaptureFile | undefined)[]>> = {
    "pcap-dump": [],
    "sctp-pcap-dump": [],
  };

  constructor(ports: CapturePorts) {
    this.#ports = ports;
  }

  isOn(session: number, feature: CaptureFeature): boolean {
    return this.#files[feature][session] !== undefined;
  }

  /** Switches as asked, if asked; whether it is captured now. */
  switch({ session, transport }: Captured, { endpoint, feature, on }: CaptureRequest): boolean {
    if (on === true) this.#start(session, endpoint, feature);
    else if (on === false) this.#stop(session, feature);
    const isOn = this.isOn(session, feature);
    if (feature === "sctp-pcap-dump")
      transport.sctpTap = isOn
        ? (packet, isReceived) => this.#sctp(session, packet, isReceived)
        : undefined;
    return isOn;
  }

  /** A new endpoint. */
  attach(session: number, endpoint: string): void {
    const { startEnabled } = this.#ports.settings;
    if (startEnabled) this.#start(session, endpoint, "pcap-dump");
  }

  /** An endpoint is gone. */
  detach(session: number): void {
    for (const feature of captureFeatures) this.#stop(session, feature);
  }

  /** Begins a file, unless one is being written. */
  #start(session: number, endpoint: string, feature: CaptureFeature): void {
    const { enabled, directory } = this.#ports.settings;
    if (!enabled || this.isOn(session, feature)) return;
    const time = new Date(this.#ports.wallNow()).toISOString();
    // An id comes from the focus and is no path.
    const name = endpoint.replace(/[^A-Za-z0-9_-]/g, "_");
    const kind = feature === "pcap-dump" ? "" : "sctp-";
    const file = this.#ports.open(`${directory}/${name}-${kind}${time}.pcap`);
    file.write(pcapHeader());
    this.#files[feature][session] = file;
    if (feature === "pcap-dump") this.count++;
  }

  #stop(session: number, feature: CaptureFeature): void {
    const file = this.#files[feature][session];
    if (file === undefined) return;
    this.#files[feature][session] = undefined;
    if (feature === "pcap-dump") this.count--;
    file.close();
  }

  /** One SCTP packet, in the clear. */
  #sctp(session: number, packet: Uint8Array, isReceived: boolean): void {
    const file = this.#files["sctp-pcap-dump"][session];
    file?.write(pcapRecord(packet, isReceived, this.#ports.wallNow()));
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
    const file = this.#files["pcap-dump"][session];
    if (file === undefined) return;
    file.write(pcapRecord(bytes.subarray(offset, offset + length), isReceived, wallMs));
  }
}
