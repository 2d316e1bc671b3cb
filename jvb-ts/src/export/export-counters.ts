/** Totals of exporters, by upstream's metric name (spec jvb-control 6.6). */
export const exportCounters = [
  "exporter_websocket_failures",
  "exporter_websocket_internal_errors",
  "exporter_starts",
  "exporter_packets_sent",
  "exporter_transcripts_received",
  "exporter_media_events_received",
  "exporter_sending_changes_received",
  "exporter_other_messages_received",
  "exporter_parse_failures",
  "exporter_info_received",
] as const;
export type ExportCounter = (typeof exportCounters)[number];

/** Zero for every counter. */
export function zeroExportCounts(): Record<ExportCounter, number> {
  return Object.fromEntries(exportCounters.map((name) => [name, 0])) as Record<
    ExportCounter,
    number
  >;
}
