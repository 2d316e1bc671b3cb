/**
 * Garbage of a whole media worker: one conference of 30 over real sockets with ICE, DTLS, SRTP and
 * bridge channels, ten of whom talk and one sends simulcast, all answering with transport-cc
 * feedback, reports and NACKs. Prints heap bytes allocated per packet sent, as JSON.
 *
 * Run by `npm run bench -- --row worker-garbage`; with `--sites` it also prints who allocates. The
 * young space must be large enough that nothing is collected while it is measured.
 */
import { Session } from "node:inspector";
import { PerformanceObserver } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { getHeapStatistics } from "node:v8";
import { Worker } from "node:worker_threads";
import type { Logger } from "#shared/logging/logger";
import { realRuntime } from "#shared/runtime/real-runtime";
import type { ColibriEndpoint, ConferenceModified } from "#shared/stanza/colibri2";
import {
  colibriEndpoint,
  colibriTransport,
  conferenceModify,
} from "#shared/stanza/colibri2-blanks";
import type { IceTransport } from "#shared/stanza/media";
import { createDtlsEngine } from "../src/net/native-dtls.ts";
import { openNativePacketIo } from "../src/net/native-packet-io.ts";
import { MediaWorker } from "../src/worker/media-worker.ts";
import type { FromWorker } from "../src/worker-messages.ts";
import { loopbackSettings as settings } from "../test/loopback-settings.ts";
import { media, sourcesOf } from "./load/negotiated-media.ts";
import { type FromPeers, garbagePlan, type ToPeers } from "./peers.ts";
import type { ScriptOutput } from "./script-contender.ts";

const WARM_UP_MS = 5000;
const MEASURED_MS = 5000;

const silent: Logger = {
  error: (text, _context, cause) => console.error(text, cause),
  warn: (text) => console.error(text),
  info: () => {},
  debug: () => {},
  enabled: () => false,
  child: () => silent,
};

const answers = new Map<number, ConferenceModified>();
const { io } = openNativePacketIo({
  addresses: settings.sockets.addresses,
  receiveBufferBytes: settings.sockets.receiveBufferBytes,
  worker: 0,
  workers: 1,
  clock: realRuntime.clock,
});
if (io === undefined) throw new Error("cannot bind");
const worker = new MediaWorker({
  settings,
  runtime: realRuntime,
  io,
  dtls: createDtlsEngine(settings.dtls),
  log: silent,
  openExport: () => {
    throw new Error("nothing is exported here");
  },
  openCapture: () => {
    throw new Error("nothing is captured here");
  },
  post: (message: FromWorker) => {
    if (message.kind !== "colibriDone") return;
    if (!message.outcome.ok) throw new Error(message.outcome.error.text);
    answers.set(message.tag, message.outcome.modified);
  },
});

let tags = 0;
function ask(endpoint: ColibriEndpoint, isFirst = false): ConferenceModified {
  const tag = tags++;
  const request = conferenceModify("meeting-1", {
    create: isFirst,
    rtcstatsEnabled: false,
    endpoints: [endpoint],
  });
  worker.handle({ kind: "colibri", tag, conference: "c", request });
  return answers.get(tag)!;
}

/** Makes the conference; the descriptions of its endpoints. */
function create(): IceTransport[] {
  worker.handle({
    kind: "createConference",
    conference: "c",
    meetingId: "meeting-1",
    name: undefined,
    rtcstatsEnabled: false,
  });
  return garbagePlan.participants.map((participant, at) => {
    const endpoint = colibriEndpoint(participant.id, {
      create: true,
      capabilities: ["source-names"],
      transport: colibriTransport({
        iceControlling: true,
        sctp: { port: undefined, role: undefined },
      }),
      media,
      sources: sourcesOf(participant),
    });
    return ask(endpoint, at === 0).endpoints[0]!.transport!.ice!;
  });
}

const thread = new Worker(new URL("peers.ts", import.meta.url));
thread.on("error", (cause) => {
  throw cause;
});
const said: FromPeers[] = [];
thread.on("message", (message: FromPeers) => said.push(message));
const post = (message: ToPeers): void => thread.postMessage(message);
async function heard<T>(read: (message: FromPeers) => T | undefined): Promise<T> {
  for (let waited = 0; waited < 20_000; waited += 20) {
    for (const message of said) {
      const value = read(message);
      if (value !== undefined) return value;
    }
    await sleep(20);
  }
  throw new Error("the peers say nothing");
}

const remotes = create();
const descriptions = await heard((m) => ("descriptions" in m ? m.descriptions : undefined));
for (const [i, ice] of descriptions.entries()) {
  const transport = colibriTransport({ iceControlling: true, ice });
  ask(colibriEndpoint(garbagePlan.participants[i]!.id, { transport }));
}
post({ remotes });
await heard((m) => ("connected" in m ? true : undefined));
const sites = process.argv.includes("--sites");
let collections = 0;
let collected = 0;
const observer = new PerformanceObserver((list) => {
  collections += list.getEntries().length;
});
observer.observe({ entryTypes: ["gc"] });
interface Site {
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    readonly lineNumber: number;
  };
  readonly selfSize: number;
  readonly children: readonly Site[];
}
const inspector = new Session();
/** Bytes allocated, and packets, while `ms` pass. */
async function measure(ms: number) {
  globalThis.gc?.();
  await sleep(100);
  collections = 0;
  const before = io!.counters();
  const heap = getHeapStatistics().used_heap_size;
  await sleep(ms);
  const allocated = getHeapStatistics().used_heap_size - heap;
  const after = io!.counters();
  const perSecond = (value: number) => (value * 1000) / ms;
  collected += collections;
  return {
    bytes: perSecond(allocated),
    sent: perSecond(after.sent - before.sent),
    received: perSecond(after.received - before.received),
  };
}

// What checks, timers and statistics of thirty silent endpoints take.
await sleep(WARM_UP_MS);
const idle = await measure(MEASURED_MS);
post({ start: true });
await sleep(WARM_UP_MS);
if (sites) {
  inspector.connect();
  inspector.post("HeapProfiler.startSampling", {
    samplingInterval: 512,
    includeObjectsCollectedByMinorGC: true,
    includeObjectsCollectedByMajorGC: true,
  });
}
const loaded = await measure(MEASURED_MS);

if (sites)
  inspector.post("HeapProfiler.stopSampling", (_error, result) => {
    const sums = new Map<string, number>();
    // What is the engine's own counts for who called it.
    const walk = ({ callFrame, selfSize, children }: Site, caller: string): void => {
      const file = callFrame.url.split("/").slice(-2).join("/");
      const own = `${callFrame.functionName || "(top)"} ${file}:${callFrame.lineNumber + 1}`;
      const isOurs = callFrame.url.includes("/src/");
      const name = isOurs ? own : caller;
      sums.set(name, (sums.get(name) ?? 0) + selfSize);
      for (const child of children) walk(child, name);
    };
    walk(result.profile.head as Site, "(none of ours)");
    for (const [name, size] of [...sums].sort((a, b) => b[1] - a[1]).slice(0, 40))
      console.error(
        `${(size / (loaded.sent * (MEASURED_MS / 1000))).toFixed(3).padStart(8)} B/packet ${size.toString().padStart(9)} B  ${name}`,
      );
  });
const output: ScriptOutput = {
  figures: {
    allocates: (loaded.bytes - idle.bytes) / loaded.sent,
    "allocates while idle": idle.bytes,
    "allocates under load": loaded.bytes,
    sends: loaded.sent,
    receives: loaded.received,
  },
  ...(collected > 0 ? { void: "the heap was collected: bytes are missing" } : {}),
};
console.log(JSON.stringify(output));
process.exit();
