import { parseConferenceJson } from "./conference-json.ts";

/** Bodies and headers of `POST /conference-request/v1`. */
export const targets: Record<string, (input: Uint8Array) => void> = {
  conferenceJson: (input) => {
    const text = new TextDecoder().decode(input);
    const cut = text.indexOf("\n");
    let body: unknown = text;
    try {
      body = JSON.parse(cut < 0 ? text : text.slice(cut + 1));
    } catch {
      // The server refuses what is no JSON; the parser must stand any value all the same.
    }
    parseConferenceJson(body, cut < 0 ? undefined : text.slice(0, cut));
  },
};

export const seeds: Record<string, Uint8Array[]> = {
  conferenceJson: [
    'Bearer x\n{"room":"r@conference.example.com","properties":{"startAudioMuted":9,"x":true}}',
    '{"room":"not a jid@"}',
    '{"room":"a@b","sessionId":1}',
    "[]",
  ].map((text) => new TextEncoder().encode(text)),
};
