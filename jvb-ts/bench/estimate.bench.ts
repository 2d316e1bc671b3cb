/**
 * What the estimate costs for a packet that is sent and for one that is reported on, the least of some
 * rounds. Run by `shared/tooling/n24 --conditions=source jvb-ts/bench/estimate.bench.ts` (decision 0025).
 */
import { BandwidthEstimator } from "../src/bandwidth/bandwidth-estimator.ts";
import { defaultBandwidthSettings } from "../src/bandwidth/settings.ts";
import { TransportCcReceiver } from "../src/media/transport-cc-receiver.ts";

const PACKETS = 20_000;
const SPACING_MS = 4;
const ROUNDS = 6;

/** Reports on packets that come every 4 ms, 25 ms after they were sent, by when they are there. */
function reports(): Map<number, Uint8Array> {
  const receiver = new TransportCcReceiver();
  const all = new Map<number, Uint8Array>();
  for (let i = 0; i < PACKETS; i++) {
    const arrival = SPACING_MS * i + 25;
    receiver.handlePacket(i & 0xffff, i % 5 === 4, 1, arrival, arrival);
    if (!receiver.due) continue;
    const bytes = new Uint8Array(1500);
    const length = receiver.write(bytes, 0, 2, arrival);
    if (length > 0) all.set(i, bytes.slice(0, length));
  }
  return all;
}

const answers = reports();
let sentNs = Number.POSITIVE_INFINITY;
let reportedNs = Number.POSITIVE_INFINITY;
for (let round = 0; round < ROUNDS; round++) {
  const estimator = new BandwidthEstimator(defaultBandwidthSettings);
  let sending = 0;
  let reporting = 0;
  let reported = 0;
  let from = 0;
  for (const [last, bytes] of answers) {
    const begun = performance.now();
    for (let i = from; i <= last; i++) estimator.handleSent(1_000, SPACING_MS * i);
    const sent = performance.now();
    const end = bytes.length - ((bytes[0]! & 0x20) === 0 ? 0 : bytes[bytes.length - 1]!);
    estimator.handleFeedback(bytes, 0, end, SPACING_MS * last + 50);
    reporting += performance.now() - sent;
    sending += sent - begun;
    reported += estimator.reported;
    from = last + 1;
  }
  if (reported < 0.99 * PACKETS) throw new Error(`${reported} of ${PACKETS} packets reported on`);
  sentNs = Math.min(sentNs, (1e6 * sending) / from);
  reportedNs = Math.min(reportedNs, (1e6 * reporting) / reported);
}
console.log(`sent ${sentNs.toFixed(0)} ns, reported on ${reportedNs.toFixed(0)} ns a packet`);
