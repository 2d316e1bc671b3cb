import { parseConferenceJson } from "./colibri-json.ts";

export const targets: Record<string, (input: Uint8Array) => void> = {
  colibriJson(input) {
    let value: unknown;
    try {
      value = JSON.parse(new TextDecoder().decode(input));
    } catch {
      return;
    }
    parseConferenceJson(value);
    parseConferenceJson(value, "m");
  },
};

const seed = {
  "meeting-id": "m-1",
  name: "a@b.example",
  create: true,
  endpoints: [
    {
      id: "e1",
      create: true,
      capabilities: ["source-names"],
      medias: [{ type: "audio", "payload-types": [{ id: "111", name: "opus" }] }],
      transport: { "ice-controlling": true, sctp: {} },
      sources: [{ type: "video", id: "e1-v0", sources: [1, { ssrc: 2 }] }],
      "force-mute": { audio: true },
      "initial-last-n": { value: 3 },
    },
  ],
};

export const seeds: Record<string, Uint8Array[]> = {
  colibriJson: [new TextEncoder().encode(JSON.stringify(seed))],
};
