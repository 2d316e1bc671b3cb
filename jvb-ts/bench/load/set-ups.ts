/**
 * Endpoints that come one by one into a conference where somebody talks: how long each takes from its
 * first ICE packet to keys and to the talker's voice. In the generator's process.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "#shared/logging/logger";
import { Kind, RxSlab, Status } from "../../src/media/slab.ts";
import { createDtlsEngine } from "../../src/net/native-dtls.ts";
import { formatIp } from "../../src/transport/stun/ip-address.ts";
import type { LoadFocus } from "./focus.ts";
import type { SetUp } from "./generator-messages.ts";
import { LoadPeer } from "./load-peer.ts";
import { openLoadSockets } from "./load-sockets.ts";
import { OPUS } from "./negotiated-media.ts";
import { HEADER_BYTES, RtpOutput } from "./rtp-output.ts";
import { AUDIO_INTERVAL_MS, AUDIO_PAYLOAD, type ParticipantPlan } from "./workload.ts";

const SOCKETS = 32;
const TALKER_SSRC = 4711;
const WITHIN_MS = 20_000;
const ROOM = "set-ups";
/** Less than what makes a bridge refuse, more than what a conference of its own costs. */
const MAX_CREATED = 200;

const person = (id: number, audioSsrc?: number): ParticipantPlan => ({
  conference: 0,
  id: (0x2000_0000 + id).toString(16),
  audioSsrc,
  encodings: [],
  rtxSsrcs: [],
});

export class SetUps {
  readonly #focus: LoadFocus;
  readonly #io;
  readonly #dtls;
  readonly #log: Logger;
  readonly #meetingId = randomUUID();
  readonly #rx = new RxSlab();
  readonly #peers: (LoadPeer | undefined)[] = [];
  /** By socket: what to do at its first packet of media. */
  readonly #onMedia: ((now: number) => void)[] = [];
  #talking: NodeJS.Timeout | undefined;
  #joined = 0;

  constructor(focus: LoadFocus, ip: string, log: Logger) {
    this.#focus = focus;
    this.#log = log;
    this.#io = openLoadSockets(SOCKETS, ip);
    this.#io.onReadable = () => this.#read();
    const engine = createDtlsEngine();
    this.#dtls = { engine, certificate: engine.createCertificate() };
  }

  /** The one who talks; the conference begins with it. */
  async open(): Promise<void> {
    const talker = person(0, TALKER_SSRC);
    const ice = await this.#focus.add(this.#meetingId, ROOM, talker.id, true);
    const peer = await this.#connect(talker, 0, ice);
    await this.#until(() => peer.connected, peer);
    const output = new RtpOutput(this.#io);
    let seq = 1000;
    this.#talking = setInterval(() => {
      output.beginRtp(OPUS, false, seq, (seq * 960) | 0, TALKER_SSRC);
      seq = (seq + 1) & 0xffff;
      output.end(peer.session, HEADER_BYTES + AUDIO_PAYLOAD);
      output.flush();
    }, AUDIO_INTERVAL_MS);
  }

  /** One more, who leaves once it has heard the talker. */
  async join(): Promise<SetUp> {
    const listener = person(++this.#joined);
    const socket = 1 + (this.#joined % (SOCKETS - 1));
    const asked = performance.now();
    const ice = await this.#focus.add(this.#meetingId, ROOM, listener.id, false);
    const created = performance.now() - asked;
    let heardAt: number | undefined;
    this.#onMedia[socket] = (now) => {
      heardAt ??= now;
    };
    const peer = await this.#connect(listener, socket, ice);
    await this.#until(() => heardAt !== undefined, peer);
    const { firstSentAt = Number.NaN, keyedAt = Number.NaN } = peer;
    peer.close();
    this.#peers[socket] = undefined;
    await this.#focus.remove(this.#meetingId, listener.id);
    return { created, keyed: keyedAt - firstSentAt, media: (heardAt ?? Number.NaN) - firstSentAt };
  }

  /** Endpoints that nobody connects to, for so long; they go with the conference. */
  async create(ms: number): Promise<number> {
    const end = performance.now() + ms;
    const ids: string[] = [];
    while (performance.now() < end && ids.length < MAX_CREATED) {
      const { id } = person(++this.#joined);
      await this.#focus.add(this.#meetingId, ROOM, id, false);
      ids.push(id);
    }
    return ids.length;
  }

  async close(): Promise<void> {
    clearInterval(this.#talking);
    await this.#focus.expire(this.#meetingId);
    for (const peer of this.#peers) peer?.close();
    this.#io.close();
  }

  async #connect(
    who: ParticipantPlan,
    socket: number,
    ice: Awaited<ReturnType<LoadFocus["add"]>>,
  ): Promise<LoadPeer> {
    const peer = new LoadPeer(this.#io, socket, this.#dtls, this.#log);
    this.#peers[socket] = peer;
    await this.#focus.accept(this.#meetingId, who, peer.describe());
    peer.connect(ice);
    return peer;
  }

  async #until(holds: () => boolean, peer: LoadPeer): Promise<void> {
    const end = performance.now() + WITHIN_MS;
    while (!holds()) {
      if (peer.failed !== undefined) throw new Error(peer.failed);
      if (performance.now() > end) throw new Error(`no endpoint set up within ${WITHIN_MS} ms`);
      await sleep(2);
    }
  }

  #read(): void {
    const rx = this.#rx;
    for (let rows = this.#io.receive(rx); rows > 0; rows = this.#io.receive(rx)) {
      const now = performance.now();
      for (let row = 0; row < rows; row++) {
        const socket = rx.socket[row]!;
        const offset = rx.offset[row]!;
        if (rx.status[row] !== Status.ok) continue;
        const kind = rx.kind[row];
        if (kind === Kind.rtp) this.#onMedia[socket]?.(now);
        if (kind === Kind.rtp || kind === Kind.rtcp) continue;
        const bytes = rx.bytes.slice(offset, offset + rx.length[row]!);
        const peer = this.#peers[socket];
        if (kind === Kind.dtls) peer?.handleDtls(bytes);
        else {
          const ip = formatIp(rx.address, row * 16, rx.family[row] === 4 ? 4 : 16);
          peer?.handleStun({ ip, port: rx.port[row]! }, bytes);
        }
      }
    }
  }
}
