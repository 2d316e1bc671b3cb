/** COLIBRI2 requests as the focus makes them, and what is said to them. */
import type {
  ColibriEndpoint,
  ColibriMediaSource,
  ColibriTransport,
  ConferenceModify,
} from "#shared/stanza/colibri2";
import {
  colibriEndpoint,
  colibriTransport,
  conferenceModify,
} from "#shared/stanza/colibri2-blanks";
import type { ColibriOutcome } from "../../src/worker-messages.ts";

export const endpointRequest = colibriEndpoint;

export function transportRequest(over: Partial<ColibriTransport> = {}): ColibriTransport {
  return colibriTransport({ iceControlling: true, ...over });
}

/** An endpoint as the focus creates it. */
export function creation(id: string, over: Partial<ColibriEndpoint> = {}): ColibriEndpoint {
  return endpointRequest(id, {
    create: true,
    capabilities: ["source-names"],
    transport: transportRequest({ sctp: { port: undefined, role: undefined } }),
    sources: [],
    media: [
      {
        type: "audio",
        payloadTypes: [
          {
            id: 111,
            name: "opus",
            clockrate: 48_000,
            channels: 2,
            parameters: [],
            rtcpFeedback: [],
          },
        ],
        headerExtensions: [
          { id: 1, uri: "urn:ietf:params:rtp-hdrext:ssrc-audio-level", senders: undefined },
        ],
        extmapAllowMixed: true,
      },
    ],
    ...over,
  });
}

export function audioSource(endpoint: string, ssrc: number): ColibriMediaSource {
  const name = `${endpoint}-a0`;
  const none = { msid: undefined, videoType: undefined, rid: undefined, owner: undefined };
  return {
    type: "audio",
    id: name,
    synthetic: false,
    sources: [{ ssrc, name, ...none }],
    groups: [],
  };
}

export function modify(over: Partial<ConferenceModify> = {}): ConferenceModify {
  return conferenceModify("meeting-1", over);
}

/** `ok`, or reason (else condition) and text of a refusal. */
export function said(outcome: ColibriOutcome): string {
  if (outcome.ok) return "ok";
  const { reason, condition, text } = outcome.error;
  return `${reason ?? condition}: ${text}`;
}
