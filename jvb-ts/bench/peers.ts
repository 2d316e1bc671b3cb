/**
 * The load of `worker-garbage.ts` in a thread of its own, because its heap must not be counted: 30
 * people, ten of whom speak and one shows video; all lose a packet now and then.
 */
import { parentPort } from "node:worker_threads";
import type { Logger } from "#shared/logging/logger";
import type { IceTransport } from "#shared/stanza/media";
import { createDtlsEngine } from "../src/net/native-dtls.ts";
import { LoadPeer } from "./load/load-peer.ts";
import { LoadRun } from "./load/load-run.ts";
import { openLoadSockets } from "./load/load-sockets.ts";
import { type Plan, planOf } from "./load/workload.ts";

const SEED = 1;
const LOSES_EACH = 100;

/** What the two threads say to each other. */
export type ToPeers = { readonly remotes: readonly IceTransport[] } | { readonly start: true };
export type FromPeers =
  | { readonly descriptions: readonly IceTransport[] }
  | { readonly connected: true };

export const garbagePlan: Plan = planOf(
  {
    name: "worker-garbage",
    about: "one conference of 30, 10 speak and 1 shows video",
    conferences: 1,
    people: 30,
    speakers: 10,
    cameras: 1,
    wantedHeight: 720,
  },
  SEED,
);

const silent: Logger = {
  error: (text, _context, cause) => console.error(text, cause),
  warn: () => {},
  info: () => {},
  debug: () => {},
  enabled: () => false,
  child: () => silent,
};

if (parentPort !== null) {
  const port = parentPort;
  const say = (message: FromPeers): void => port.postMessage(message);
  const { participants, workload } = garbagePlan;
  const io = openLoadSockets(participants.length, "127.0.0.1");
  const engine = createDtlsEngine();
  const dtls = { engine, certificate: engine.createCertificate() };
  const peers = participants.map((_, at) => new LoadPeer(io, at, dtls, silent, "sctp"));
  const run = new LoadRun({
    plan: garbagePlan,
    seed: SEED,
    io,
    sessions: peers.map(({ session }) => session),
    peers,
    // The worker that is measured and the rest of the machine need their time too.
    spins: false,
    losesEach: LOSES_EACH,
  });
  port.on("message", (message: ToPeers) => {
    if ("start" in message) {
      for (const peer of peers) peer.want(workload.wantedHeight);
      run.start();
      return;
    }
    peers.forEach((peer, at) => {
      peer.connect(message.remotes[at]!);
    });
    const waiting = setInterval(() => {
      if (!peers.every((peer) => peer.connected)) return;
      clearInterval(waiting);
      say({ connected: true });
    }, 20);
  });
  say({ descriptions: peers.map((peer) => peer.describe()) });
}
