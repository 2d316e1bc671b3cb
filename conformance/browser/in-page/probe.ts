/**
 * Runs in each page before its own scripts, after `arrivals.ts` and `camera.ts`: gives it a camera, a
 * microphone and a screen that carry the page's number, and watches what arrives. The test reads
 * `window.probe`.
 *
 * The picture is eight black or white bars, the bits of the number, below a moving strip; the
 * sound is a steady tone. Neither depends on the page's main thread.
 */

interface Watched {
  /** Packets of audio, decoded frames of video since the last mark. */
  count: number;
  /** When the last of them came. */
  arrivedAt: number;
  /** Longest time between two of them, the later one after the mark. */
  longestGapMs: number;
  /** Energy of the sound since the last mark, full scale for a second being 1. */
  energy: number;
}

/** What one row of the statistics counted when it was last looked at. */
interface Counted {
  readonly count: number;
  readonly energy: number;
}

interface Sent {
  readonly layer: string;
  /** Packets of audio, encoded frames of video. */
  count: number;
  changedAt: number;
  longestGapMs: number;
  /** What limits the quality, as Chromium says it. */
  limit: string;
}

interface RtpRow {
  readonly id: string;
  readonly type: string;
  readonly kind?: string;
  readonly trackIdentifier?: string;
  readonly packetsReceived?: number;
  /** Of the last of those packets, in ms since the epoch. */
  readonly lastPacketReceivedTimestamp?: number;
  readonly framesDecoded?: number;
  readonly packetsSent?: number;
  readonly framesEncoded?: number;
  readonly rid?: string;
  readonly ssrc?: number;
  readonly active?: boolean;
  readonly qualityLimitationReason?: string;
  readonly frameHeight?: number;
  readonly totalAudioEnergy?: number;
  readonly selectedCandidatePairId?: string;
  readonly remoteCandidateId?: string;
  readonly port?: number;
  readonly candidateType?: string;
  readonly bytesReceived?: number;
}

interface ProbeTrack {
  getType(): string;
  getTrack(): MediaStreamTrack;
  getVideoType?(): string | undefined;
  getSourceName?(): string | undefined;
  isMuted(): boolean;
}

interface ProbeConference {
  myUserId(): string;
  getParticipants(): {
    getId(): string;
    getDisplayName(): string | undefined;
    getTracks(): ProbeTrack[];
  }[];
}

/** Chromium's own; not in TypeScript's declarations. */
declare class MediaStreamTrackProcessor {
  constructor(init: { readonly track: MediaStreamTrack });
  readonly readable: ReadableStream<VideoFrame>;
}
interface MediaStreamTrackGenerator extends MediaStreamTrack {
  readonly writable: WritableStream<VideoFrame>;
}
declare const MediaStreamTrackGenerator: new (init: {
  readonly kind: "video";
}) => MediaStreamTrackGenerator;

/** What the page under test shows of itself. */
// biome-ignore lint/correctness/noUnusedVariables: adds to the global interface
interface Window {
  call?: { conference?: ProbeConference };
}

(() => {
  const query = new URLSearchParams(location.search);
  const number = Number(query.get("n") ?? "0");
  /** Lines of the camera's picture. */
  const lines = Number(query.get("lines") ?? "360");
  const noisy = query.has("noisy");

  /** A worker that runs the function, which gets the worker's global scope. */
  function start(inWorker: { toString(): string }): Worker {
    const source = new Blob([`(${inWorker.toString()})(self)`], { type: "text/javascript" });
    return new Worker(URL.createObjectURL(source));
  }

  function picture(value: number, width: number, height: number): MediaStreamTrack {
    const track = new MediaStreamTrackGenerator({ kind: "video" });
    track.getSettings = () => ({ width, height, frameRate: 15 });
    const { writable: into } = track;
    start(drawPictures).postMessage({ number: value, width, height, noisy, into }, [into]);
    return track;
  }

  function tone(): MediaStreamTrack {
    const audio = new AudioContext();
    const source = audio.createOscillator();
    source.frequency.value = 300 + number * 50;
    const gain = audio.createGain();
    gain.gain.value = 0.3;
    const out = audio.createMediaStreamDestination();
    source.connect(gain).connect(out);
    source.start();
    const [track] = out.stream.getAudioTracks();
    if (track === undefined) throw new Error("the oscillator gives no track");
    return track;
  }

  const devices = navigator.mediaDevices;
  devices.getUserMedia = async (constraints) => {
    const stream = new MediaStream();
    if (constraints?.audio) stream.addTrack(tone());
    if (constraints?.video) stream.addTrack(picture(number, (lines * 16) / 9, lines));
    return stream;
  };
  devices.getDisplayMedia = async () => new MediaStream([picture(number + 100, 640, 360)]);

  /** `relay=FROM:TO` (repeatable): the bridge's port FROM is reached at the port TO of a relay. */
  const relays = query.getAll("relay").map((each) => each.split(":"));
  const candidateLine = /a=candidate:.*\r\n/g;

  /** Sends all media through the relays: the bridge is not told any address of this page's own. */
  function goThroughRelays(connection: RTCPeerConnection): void {
    const relayed = (text: string) =>
      relays.reduce((all, [from, to]) => all.replaceAll(` ${from} typ `, ` ${to} typ `), text);
    const setRemote = connection.setRemoteDescription.bind(connection);
    connection.setRemoteDescription = ({ type, sdp }: RTCSessionDescriptionInit) =>
      setRemote({ type, sdp: relayed(sdp ?? "") });
    const add = connection.addIceCandidate.bind(connection);
    connection.addIceCandidate = (init?: RTCIceCandidateInit | null) =>
      add(init == null ? undefined : { ...init, candidate: relayed(init.candidate ?? "") });
    const local = () => {
      const found = Reflect.get(
        RTCPeerConnection.prototype,
        "localDescription",
        connection,
      ) as RTCSessionDescription | null;
      if (found === null) return null;
      const { type, sdp } = found;
      return new RTCSessionDescription({ type, sdp: sdp.replaceAll(candidateLine, "") });
    };
    Object.defineProperty(connection, "localDescription", { get: local });
    Object.defineProperty(connection, "onicecandidate", {
      set(handler: (event: RTCPeerConnectionIceEvent) => void) {
        connection.addEventListener("icecandidate", (event) => {
          if (event.candidate === null) handler(event);
        });
      },
    });
  }

  /** The clock that page and worker have in common, in ms. */
  const clock = () => performance.timeOrigin + performance.now();
  const worker = start(timeArrivals);

  /** What came since this was asked last. One question at a time. */
  function arrivals(): Promise<Arrivals> {
    return new Promise((resolve) => {
      worker.onmessage = ({ data }: MessageEvent<Arrivals>) => resolve(data);
      worker.postMessage("ask");
    });
  }

  const timed = new WeakSet<RTCRtpReceiver>();
  /** Tells the worker of a receiver, before anything can have come: there is no answer yet. */
  function time(key: string, receiver: RTCRtpReceiver): void {
    if (timed.has(receiver)) return;
    timed.add(receiver);
    const { track } = receiver;
    if (track.kind === "audio") receiver.transform = new RTCRtpScriptTransform(worker, { key });
    else {
      const { readable: pictures } = new MediaStreamTrackProcessor({ track });
      worker.postMessage({ key, pictures }, [pictures]);
    }
  }

  const connections: RTCPeerConnection[] = [];
  const Original = window.RTCPeerConnection;
  window.RTCPeerConnection = new Proxy(Original, {
    construct(target, args: ConstructorParameters<typeof Original>) {
      const made = new target(...args);
      const at = connections.push(made) - 1;
      made.addEventListener("track", ({ receiver }) =>
        time(`${at} ${receiver.track.id}`, receiver),
      );
      if (relays.length > 0) goThroughRelays(made);
      return made;
    },
  });

  const watched = new Map<string, Watched>();
  let heights: Record<string, number> = {};
  let pairs: { ip: string; port: number; type: string; bytes: number }[] = [];
  const conference = () => window.call?.conference;

  /** MediaStreamTrack id → `display name/audio`, `…/video` or `…/screen`. */
  function names(): Map<string, string> {
    const found = new Map<string, string>();
    for (const person of conference()?.getParticipants() ?? []) {
      for (const track of person.getTracks()) {
        const kind =
          track.getType() === "audio"
            ? "audio"
            : track.getVideoType?.() === "desktop" || /-v[1-9]/.test(track.getSourceName?.() ?? "")
              ? "screen"
              : "video";
        found.set(track.getTrack().id, `${person.getDisplayName() ?? person.getId()}/${kind}`);
      }
    }
    return found;
  }

  /** What this page itself sends, by SSRC: a hole there is none of the bridge's making. */
  const sending = new Map<number, Sent>();

  /** Holes in all that this page sends of a kind, layers taken together. */
  const sendingKind = new Map<string, { changedAt: number; longestGapMs: number }>();

  /**
   * Something of that kind left the page since the last look. Pictures are drawn by the page's own
   * thread: while that stood still there were none. Sound goes on meanwhile.
   */
  function noteSent(kind: string, now: number, lateMs: number): void {
    const before = sendingKind.get(kind) ?? { changedAt: now, longestGapMs: 0 };
    const holeMs = now - before.changedAt - (kind === "audio" ? lateMs : 0);
    const longestGapMs = Math.max(before.longestGapMs, holeMs);
    sendingKind.set(kind, { changedAt: now, longestGapMs });
  }

  function watchSent(row: RtpRow, now: number, lateMs: number): void {
    const count = (row.kind === "audio" ? row.packetsSent : row.framesEncoded) ?? 0;
    if (count > (sending.get(row.ssrc ?? 0)?.count ?? 0)) noteSent(row.kind ?? "", now, lateMs);
    const { ssrc = 0, qualityLimitationReason: limit = "none" } = row;
    const before = sending.get(ssrc);
    const layer = `${row.kind}${row.rid === undefined ? "" : ` ${row.rid}`}`;
    if (before === undefined || row.active === false) {
      sending.set(ssrc, { layer, count, changedAt: now, longestGapMs: 0, limit });
      return;
    }
    if (count === before.count) return;
    before.longestGapMs = Math.max(before.longestGapMs, now - before.changedAt);
    before.changedAt = now;
    before.count = count;
    before.limit = limit;
  }

  let markedAt = clock();
  /** Up to when all that came is known. */
  let knownTo = markedAt;
  /** Connections and tracks of which the worker has heard. */
  const heard = new Set<string>();
  /** Arrivals by connection and track that nobody has a name for yet. */
  const nameless = new Map<string, number[]>();

  /** From when on the silence before an arrival after the mark counts. */
  function quietFrom({ arrivedAt }: Watched): number {
    return markedAt - arrivedAt > 500 ? markedAt : arrivedAt;
  }

  function arrive(name: string, at: number): void {
    const before = watched.get(name);
    if (before === undefined) {
      watched.set(name, { count: 0, energy: 0, arrivedAt: at, longestGapMs: 0 });
      return;
    }
    if (at > markedAt) before.longestGapMs = Math.max(before.longestGapMs, at - quietFrom(before));
    before.arrivedAt = Math.max(before.arrivedAt, at);
  }

  /** Adds what came of each source. The client may learn whose a track is after its first packets. */
  function addArrivals({ at, times }: Arrivals, known: ReadonlyMap<string, string>): void {
    for (const [key, more] of times) {
      heard.add(key);
      nameless.set(key, [...(nameless.get(key) ?? []), ...more]);
    }
    const named: { readonly name: string; readonly at: number }[] = [];
    for (const [key, all] of nameless) {
      const name = known.get(key.slice(key.indexOf(" ") + 1));
      if (name === undefined) {
        // Of a source that is never named, a minute.
        all.splice(0, all.length - 3000);
        continue;
      }
      nameless.delete(key);
      named.push(...all.map((each) => ({ name, at: each })));
    }
    named.sort((a, b) => a.at - b.at);
    for (const each of named) arrive(each.name, each.at);
    knownTo = at;
  }

  /** Longest time since the last mark that this page's own timer came late, in ms. */
  let longestStall = 0;
  let polling: Promise<void> = Promise.resolve();
  /** One look at a time, so that an older report never follows a newer one. */
  function poll(): Promise<void> {
    polling = polling.then(look, look);
    return polling;
  }

  /** By connection and row, so that a session that ends and the next one are not taken for one. */
  const counted = new Map<string, Counted>();
  /** When the last look ended. */
  let lookedAt = performance.now();

  /** What a row counted since the last look; a row is counted from its first packet on. */
  function risen(key: string, row: RtpRow): Counted {
    const count = (row.kind === "audio" ? row.packetsReceived : row.framesDecoded) ?? 0;
    const energy = row.totalAudioEnergy ?? 0;
    const before = counted.get(key) ?? { count: 0, energy: 0 };
    counted.set(key, { count, energy });
    if (count < before.count) return { count, energy };
    return { count: count - before.count, energy: Math.max(0, energy - before.energy) };
  }

  function add(name: string, rise: Counted): void {
    const before = watched.get(name);
    if (before === undefined) {
      watched.set(name, { ...rise, arrivedAt: knownTo, longestGapMs: 0 });
      return;
    }
    before.energy += rise.energy;
    before.count += rise.count;
  }

  function addReport(at: number, report: RTCStatsReport, known: ReadonlyMap<string, string>): void {
    for (const row of report.values() as IterableIterator<RtpRow>) {
      if (row.type !== "inbound-rtp") continue;
      const rise = risen(`${at} ${row.id}`, row);
      const name = known.get(row.trackIdentifier ?? "");
      if (name === undefined) continue;
      if (row.frameHeight !== undefined) heights[name] = row.frameHeight;
      add(name, rise);
      // Chromium leads no sound of a direct connection through the worker, but says when its last
      // packet came. What came between two looks counts as if it had come with that one.
      const { lastPacketReceivedTimestamp: cameAt } = row;
      if (rise.count > 0 && cameAt !== undefined && !heard.has(`${at} ${row.trackIdentifier}`))
        arrive(name, cameAt);
    }
  }

  async function look(): Promise<void> {
    const seenPairs: typeof pairs = [];
    const reports: (readonly [number, RTCStatsReport])[] = [];
    const lastLook = lookedAt;
    for (const [at, connection] of connections.entries()) {
      if (connection.connectionState === "closed") continue;
      const report = await connection.getStats();
      reports.push([at, report]);
      const now = performance.now();
      const lateMs = Math.max(0, now - lastLook - 100);
      for (const row of report.values() as IterableIterator<RtpRow>) {
        if (row.type === "transport" && row.selectedCandidatePairId !== undefined) {
          const pair = report.get(row.selectedCandidatePairId) as RtpRow | undefined;
          const remote = report.get(pair?.remoteCandidateId ?? "") as
            | (RtpRow & { address?: string })
            | undefined;
          if (remote !== undefined)
            seenPairs.push({
              ip: remote.address ?? "",
              port: remote.port ?? 0,
              type: remote.candidateType ?? "",
              bytes: row.bytesReceived ?? 0,
            });
        }
        if (row.type === "outbound-rtp") watchSent(row, now, lateMs);
      }
    }
    const came = await arrivals();
    const known = names();
    addArrivals(came, known);
    for (const [at, report] of reports) addReport(at, report, known);
    pairs = seenPairs;
    lookedAt = performance.now();
  }

  async function keepPolling(): Promise<void> {
    for (let due = performance.now(); ; due += 100) {
      const start = performance.now();
      longestStall = Math.max(longestStall, start - due);
      due = Math.max(due, start);
      await poll().catch((error: unknown) => console.warn("probe", error));
      await new Promise((resolve) =>
        setTimeout(resolve, Math.max(0, due + 100 - performance.now())),
      );
    }
  }
  void keepPolling();

  /** The number in the picture of a video element, or -1 when it shows none. */
  function read(video: HTMLVideoElement): number {
    if (video.videoWidth === 0) return -1;
    const canvas = document.createElement("canvas");
    canvas.width = 64;
    canvas.height = 36;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (context === null) return -1;
    context.drawImage(video, 0, 0, 64, 36);
    let value = 0;
    for (let bit = 0; bit < 8; bit++) {
      const [red = 0, green = 0, blue = 0] = context.getImageData(bit * 8 + 4, 26, 1, 1).data;
      if (red + green + blue > 3 * 128) value |= 1 << bit;
    }
    return value;
  }

  Object.assign(window, {
    probe: {
      /**
       * Forgets counts, energies and gaps so far. What is open just now is part of the next gap,
       * but for the silence of a source that is away.
       */
      mark() {
        markedAt = clock();
        longestStall = 0;
        for (const each of sending.values()) each.longestGapMs = 0;
        for (const each of sendingKind.values()) each.longestGapMs = 0;
        for (const each of watched.values()) {
          each.longestGapMs = 0;
          each.count = 0;
          each.energy = 0;
        }
      },
      /** Everything seen up to now, gaps including the one that may be open. */
      async snapshot() {
        await poll();
        const now = performance.now();
        return {
          sources: Object.fromEntries(
            [...watched].map(([name, each]) => [
              name,
              {
                count: each.count,
                energy: each.energy,
                gapMs: Math.max(each.longestGapMs, knownTo - quietFrom(each)),
                quietMs: knownTo - each.arrivedAt,
              },
            ]),
          ),
          heights,
          pairs,
          stallMs: longestStall,
          sentNothingMs: Object.fromEntries(
            [...sendingKind].map(([kind, each]) => [
              kind,
              Math.max(each.longestGapMs, now - each.changedAt),
            ]),
          ),
          sent: [...sending.values()].map(({ layer, limit, longestGapMs, changedAt }) => ({
            layer,
            limit,
            gapMs: Math.max(longestGapMs, now - changedAt),
          })),
        };
      },
      /** Numbers in the pictures, by `display name/video` or `…/screen`. */
      numbers() {
        const byTrack = names();
        const found: Record<string, number> = {};
        for (const video of document.querySelectorAll("video")) {
          const [track] = (video.srcObject as MediaStream | null)?.getVideoTracks() ?? [];
          const name = track && byTrack.get(track.id);
          if (name !== undefined) found[name] = read(video);
        }
        return found;
      },
      forget(prefix: string) {
        for (const name of [...watched.keys()]) if (name.startsWith(prefix)) watched.delete(name);
        heights = {};
      },
    },
  });
})();
