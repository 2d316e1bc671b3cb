import type { SocketAddress } from "../../src/media/packet-io.ts";

const SUCCESS = 0x0101;

/** What one address sent and got. */
interface Peer {
  /** It answered a check, or its check was found authentic and answered. */
  proven: boolean;
  in: number;
  /** Bytes of answers before it was proven; our own checks are counted apart. */
  answers: number;
  checks: number;
}

/** Most connectivity checks that an address gets before it says anything itself (RFC 8445 §14.3). */
const mostChecks = 200;

/**
 * Looks at every datagram between the bridge and the world: what was sent to whom before that
 * address had proven itself (I6), and whose media reached whom (I10).
 */
export class Traffic {
  readonly faults: string[] = [];
  readonly #peers = new Map<string, Peer>();
  /** Meeting by SSRC. */
  readonly #ssrcs = new Map<number, string>();

  /** The bridge was sent something. */
  received({ ip, port }: SocketAddress, bytes: Uint8Array): void {
    const peer = this.#peer(`${ip} ${port}`);
    peer.in += bytes.length;
    if (isStun(bytes) && typeOf(bytes) === SUCCESS && peer.checks > 0) peer.proven = true;
  }

  /** The bridge sent something. */
  sent({ ip, port }: SocketAddress, bytes: Uint8Array): void {
    const address = `${ip} ${port}`;
    const peer = this.#peer(address);
    if (isStun(bytes)) {
      const type = typeOf(bytes);
      if (type === SUCCESS) peer.proven = true;
      else if ((type & 0x0110) === 0) peer.checks++;
      else peer.answers += bytes.length;
    } else if (!peer.proven) {
      peer.answers += bytes.length;
      if (bytes.length > 0 && (bytes[0] ?? 0) >= 64) {
        this.#fault(`media sent to ${address}, which had not proven itself`);
      }
    }
    if (peer.proven) return;
    if (peer.answers > peer.in) {
      this.#fault(`${address} got ${peer.answers} bytes for ${peer.in} before it was proven`);
    }
    if (peer.checks > mostChecks) this.#fault(`${peer.checks} checks sent to ${address}`);
  }

  /** A client of a meeting sends media. */
  media(meeting: string, bytes: Uint8Array): void {
    if (isRtp(bytes)) this.#ssrcs.set(ssrcOf(bytes), meeting);
  }

  /** Media that reached a client of a meeting. */
  reached(meeting: string, bytes: Uint8Array): void {
    if (!isRtp(bytes)) return;
    const owner = this.#ssrcs.get(ssrcOf(bytes));
    if (owner !== undefined && owner !== meeting) {
      this.#fault(`media of ${owner} reached ${meeting}`);
    }
  }

  #fault(text: string): void {
    if (this.faults.length < 5) this.faults.push(text);
  }

  #peer(address: string): Peer {
    let peer = this.#peers.get(address);
    if (peer === undefined) {
      peer = { proven: false, in: 0, answers: 0, checks: 0 };
      this.#peers.set(address, peer);
    }
    return peer;
  }
}

function isStun(bytes: Uint8Array): boolean {
  return bytes.length >= 20 && (bytes[0] ?? 0) < 4;
}

function typeOf(bytes: Uint8Array): number {
  return ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0);
}

function isRtp(bytes: Uint8Array): boolean {
  const second = bytes[1] ?? 0;
  return bytes.length >= 12 && (bytes[0] ?? 0) >> 6 === 2 && (second < 192 || second > 223);
}

function ssrcOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(8);
}
