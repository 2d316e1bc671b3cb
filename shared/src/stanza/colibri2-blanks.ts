/** COLIBRI2 requests that change nothing, to be filled in by those who write some. */
import type { ColibriEndpoint, ColibriTransport, ConferenceModify } from "./colibri2.ts";

/** `<conference-modify meeting-id>`, its room's statistics being wanted. */
export function conferenceModify(
  meetingId: string,
  over: Partial<ConferenceModify> = {},
): ConferenceModify {
  return {
    meetingId,
    name: undefined,
    create: false,
    expire: false,
    rtcstatsEnabled: true,
    endpoints: [],
    relays: [],
    connects: [],
    ...over,
  };
}

/** `<endpoint id>` */
export function colibriEndpoint(id: string, over: Partial<ColibriEndpoint> = {}): ColibriEndpoint {
  return {
    id,
    statsId: undefined,
    mucRole: undefined,
    create: false,
    expire: false,
    diarize: undefined,
    media: [],
    transport: undefined,
    sources: undefined,
    forceMute: undefined,
    capabilities: [],
    initialLastN: undefined,
    ...over,
  };
}

/** `<transport>` */
export function colibriTransport(over: Partial<ColibriTransport> = {}): ColibriTransport {
  return {
    iceControlling: false,
    useUniquePort: false,
    iceRestart: false,
    sctp: undefined,
    ice: undefined,
    ...over,
  };
}
