/** Rows about the forwarding of packets in TypeScript alone: no socket, no cipher. */
import type { Row } from "../../shared/bench/row.ts";
import { script } from "./script-contender.ts";

const noWarmUp = { ours: 0, java: 0, limit: 0 };

/** With one receiver the whole receive side is in the figure. */
const budgetNs = (receivers: number): number => (receivers === 1 ? 2000 : 1000);

export const packetPathRows: readonly Row[] = [1, 10, 100].map((receivers) => ({
  name: `packet-path-${receivers}`,
  about: `nanoseconds and bytes allocated per forwarded packet, one sender to ${receivers} ${receivers === 1 ? "receiver" : "receivers"}`,
  figures: (["audio", "video"] as const).flatMap((kind) => [
    {
      name: `${kind} allocates`,
      unit: "B/packet",
      better: "less" as const,
      // None at all, but for what the engine itself writes down in its counters.
      target: { atMost: 1 },
    },
    {
      name: `${kind} takes`,
      unit: "ns/packet",
      better: "less" as const,
      target: { atMost: budgetNs(receivers) },
    },
  ]),
  warmSeconds: noWarmUp,
  contenders: { ours: script("forward.bench.ts", String(receivers)) },
}));

export const workerGarbageRow: Row = {
  name: "worker-garbage",
  about:
    "bytes allocated per packet sent by a whole media worker on real sockets: 30 people, 10 speak, " +
    "1 shows video, all send feedback",
  figures: [
    { name: "allocates", unit: "B/packet", better: "less", target: { atMost: 32 } },
    { name: "allocates while idle", unit: "B/s", better: "less" },
    { name: "allocates under load", unit: "B/s", better: "less" },
    { name: "sends", unit: "packets/s" },
    { name: "receives", unit: "packets/s" },
  ],
  warmSeconds: noWarmUp,
  contenders: { ours: script("worker-garbage.ts") },
};
