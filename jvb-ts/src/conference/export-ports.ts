/** What the exporters of a conference need of it (jvb-control 9.4). */
import type { BridgeMessage } from "#shared/bridge-channel/messages";
import type { Logger } from "#shared/logging/logger";
import type { ConferenceExportPorts } from "../export/conference-exporters.ts";
import type { Endpoint } from "./endpoint.ts";
import type { ConferencePorts } from "./ports.ts";

export function exportPorts(
  conference: { readonly id: string; readonly endpoints: ReadonlyMap<string, Endpoint> },
  ports: ConferencePorts,
  log: Logger,
  broadcast: (message: BridgeMessage) => void,
): ConferenceExportPorts {
  const { id, endpoints } = conference;
  const { engine } = ports;
  return {
    settings: ports.settings.exporter,
    log,
    open: (url, headers, events) => ports.openExport(id, url, headers, events),
    count: (counter) => ports.count(counter),
    listen: (tap) => engine.setAudioTap(id, tap),
    payloadParameters: (endpoint, payloadType) =>
      endpoints.get(endpoint)?.media.payloadParameters(payloadType) ?? [],
    diarizes: (endpoint) => endpoints.get(endpoint)?.diarize === true,
    transcribed: (event) =>
      broadcast({
        kind: "EndpointMessage",
        to: "",
        from: "transcriber",
        fields: { msgPayload: event },
      }),
    sendingChanged: (sourceName, sending, timestamp) =>
      broadcast({ kind: "SyntheticSourceSendingChangeEvent", sourceName, sending, timestamp }),
    inject: (source, payload, seq, timestamp, now) =>
      engine.injectOpus(id, source, payload, seq, timestamp, now),
  };
}
