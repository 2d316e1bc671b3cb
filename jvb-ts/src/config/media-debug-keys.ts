/** Queues and debugging aids of the media engine (jvb-control 8.4). */
import {
  bool,
  double,
  duration,
  int,
  keys,
  noEffect,
  notBuilt,
  optional,
  str,
} from "#shared/config/keys";

const fixedWindow = "bit rates are measured over a second";
const time = (doc: string) =>
  ({ type: optional(duration), state: notBuilt<number | undefined>(fixedWindow), doc }) as const;
const noCapture = "the way of packets is not logged";
const noLoss = "no packets are dropped on purpose";
const queue = "packets are handled in the batch in which they come";

export const mediaDebugKeys = keys("jmt", {
  "rtp.bitrate-calculator.window-size": time("Window of measured bit rates."),
  "rtp.bitrate-calculator.bucket-size": time("Step of that window."),
  "transceiver.recv.queue-size": {
    type: int,
    default: 1024,
    state: noEffect(queue),
    doc: "Length of the queue of received packets.",
  },
  "transceiver.send.queue-size": {
    type: int,
    default: 1024,
    state: noEffect(queue),
    doc: "Length of the queue of packets to send.",
  },
  "debug.pcap.enabled": {
    type: bool,
    default: false,
    doc: "Let the API capture decrypted packets.",
  },
  "debug.pcap.start-enabled": {
    type: bool,
    default: false,
    doc: "Capture all endpoints.",
  },
  "debug.pcap.directory": {
    type: str,
    default: "/tmp",
    doc: "Where captures go.",
  },
  "debug.packet-loss.incoming.uniform-rate": {
    type: double,
    default: 0,
    state: notBuilt(noLoss),
    doc: "Share of received packets dropped on purpose.",
  },
  "debug.packet-loss.incoming.burst-size": {
    type: int,
    default: 0,
    state: notBuilt(noLoss),
    doc: "Packets dropped in a row.",
  },
  "debug.packet-loss.incoming.burst-interval": {
    type: int,
    default: 0,
    state: notBuilt(noLoss),
    doc: "Packets from one burst to the next.",
  },
  "debug.packet-loss.outgoing.uniform-rate": {
    type: double,
    default: 0,
    state: notBuilt(noLoss),
    doc: "Share of sent packets dropped on purpose.",
  },
  "debug.packet-loss.outgoing.burst-size": {
    type: int,
    default: 0,
    state: notBuilt(noLoss),
    doc: "Packets dropped in a row.",
  },
  "debug.packet-loss.outgoing.burst-interval": {
    type: int,
    default: 0,
    state: notBuilt(noLoss),
    doc: "Packets from one burst to the next.",
  },
  "debug.packet-timeline.enabled": {
    type: bool,
    default: false,
    state: notBuilt(noCapture),
    doc: "Log the way of some packets.",
  },
  "debug.packet-timeline.log-fraction": {
    type: int,
    default: 10_000,
    state: notBuilt(noCapture),
    doc: "One packet of so many.",
  },
  "debug.payload-verification.enabled": {
    type: bool,
    default: false,
    state: notBuilt("payloads are not verified"),
    doc: "Check that payloads stay as they came.",
  },
});
