/** Load and what is done about it (jvb-control 7.1, 8.2 `load-management`). */
import { bool, double, duration, int, keys, oneOf, record, where } from "#shared/config/keys";

const rate = where(double, "a positive number", (value) => value > 0);

export const loadKeys = keys("videobridge.load-management", {
  "load-measurements.load-measurement": {
    type: oneOf("cpu-usage", "packet-rate"),
    default: "cpu-usage",
    needsRestart: true,
    doc: "What stress is measured by.",
  },
  "load-measurements.packet-rate.load-threshold": {
    type: rate,
    default: 50_000,
    doc: "Packets per second that make stress 1.",
  },
  "load-measurements.packet-rate.recovery-threshold": {
    type: rate,
    default: 40_000,
    doc: "Packets per second below which the bridge has recovered.",
  },
  "load-measurements.cpu-usage.load-threshold": {
    type: rate,
    default: 0.9,
    doc: "CPU load that makes stress 1.",
  },
  "load-measurements.cpu-usage.recovery-threshold": {
    type: rate,
    default: 0.72,
    doc: "CPU load below which the bridge has recovered.",
  },
  "load-measurements.cpu-usage.detect-cpu-steal": {
    type: bool,
    default: true,
    doc: "Count time stolen by the hypervisor as load.",
  },
  "average-participant-stress": {
    type: double,
    default: 0.01,
    doc: "Stress one participant adds, told to the focus.",
  },
  "conference-last-n-limits": {
    type: record(int),
    default: {},
    doc: "Conference size to last-N.",
  },
});

export const reducerKeys = keys("videobridge.load-management", {
  "reducer-enabled": {
    type: bool,
    default: false,
    doc: "Lower last-N under overload.",
  },
  "load-reducers.last-n.reduction-scale": {
    type: double,
    default: 0.75,
    doc: "Factor of one reduction.",
  },
  "load-reducers.last-n.recover-scale": {
    type: double,
    default: 1.25,
    doc: "Factor of one recovery.",
  },
  "load-reducers.last-n.impact-time": {
    type: duration,
    default: 60_000,
    doc: "Time that a reduction takes to show.",
  },
  "load-reducers.last-n.minimum-last-n-value": {
    type: int,
    default: 1,
    doc: "Last-N is not reduced below this.",
  },
  "load-reducers.last-n.maximum-enforced-last-n-value": {
    type: int,
    default: 40,
    doc: "Last-N above this is no bound.",
  },
});
