/** `jicofo.rest.*`, `jicofo.health.*`, `jicofo.metrics.*` (spec jicofo 10, 11.2). */
import { bool, duration, keys, period, port, str } from "#shared/config/keys";

export const restKeys = keys("jicofo.rest", {
  enabled: { type: bool, default: true, doc: "Serve HTTP." },
  port: { type: port, default: 8888, doc: "Port of the HTTP server; 0 or less is off." },
  host: { type: str, default: "127.0.0.1", doc: "Address the HTTP server listens on." },
  "prometheus.enabled": { type: bool, default: true, doc: "Serve /metrics." },
  "conference-request.enabled": { type: bool, default: true, doc: "Serve /conference-request/v1." },
  "move-endpoints.enabled": { type: bool, default: true, doc: "Serve /move-endpoints." },
  "debug.enabled": { type: bool, default: true, doc: "Serve /debug." },
  "pin.enabled": { type: bool, default: true, doc: "Serve /pin." },
});

export const healthKeys = keys("jicofo.health", {
  enabled: {
    type: bool,
    default: false,
    legacy: ["org.jitsi.jicofo.health.ENABLE_HEALTH_CHECKS"],
    doc: "Check this focus with a test conference and serve /about/health.",
  },
  interval: { type: period, default: 10_000, doc: "Pause between two checks." },
  timeout: { type: duration, default: 30_000, doc: "Age of the last result that is too old." },
  "max-check-duration": {
    type: duration,
    default: 20_000,
    doc: "A check that takes longer has failed.",
  },
  "room-name-prefix": {
    type: str,
    default: "__jicofo-health-check",
    doc: "Names of test rooms begin with it.",
  },
});

export const metricsKeys = keys("jicofo.metrics", {
  "update-interval": { type: period, default: 30_000, doc: "Pause between updates of gauges." },
});
