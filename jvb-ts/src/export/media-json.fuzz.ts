import { parsePeerEvent } from "./media-json.ts";

export const targets: Record<string, (input: Uint8Array) => void> = {
  mediaJson(input) {
    const parsed = parsePeerEvent(new TextDecoder().decode(input));
    if (!parsed.ok || parsed.value.kind !== "media") return;
    const { seq, timestamp } = parsed.value;
    if (seq < 0 || seq > 0xffff || timestamp < 0 || timestamp > 0xffff_ffff)
      throw new Error(`${seq} at ${timestamp}`);
  },
};

const media = { tag: "t", chunk: "65537", timestamp: "48000", payload: "AQID" };

export const seeds: Record<string, Uint8Array[]> = {
  mediaJson: [
    { event: "media", sequenceNumber: "1", media },
    { event: "start", start: { tag: "t", timestamp: 960 } },
    { event: "pong", id: 1 },
    { event: "transcription-result", transcript: [{ text: "a" }], language: "en" },
  ].map((event) => new TextEncoder().encode(JSON.stringify(event))),
};
