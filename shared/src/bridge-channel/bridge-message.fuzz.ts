import { encodeBridgeMessage } from "./encode.ts";
import { parseBridgeMessage } from "./parse.ts";

export const targets: Record<string, (input: Uint8Array) => void> = {
  bridgeMessage(input) {
    const parsed = parseBridgeMessage(Buffer.from(input).toString("utf8"));
    // What was understood can be said again.
    if (parsed.ok) encodeBridgeMessage(parsed.value);
  },
};

const texts = [
  '{"colibriClass":"ReceiverVideoConstraints","lastN":2,"selectedSources":["a-v0"],"defaultConstraints":{"maxHeight":360},"constraints":{"b-v0":{"maxHeight":0}},"assumedBandwidthBps":-1}',
  '{"colibriClass":"EndpointMessage","msgPayload":{"type":"x","n":[1,null]},"to":""}',
  '{"colibriClass":"VideoSourcesMap","mappedSources":[{"source":"a-v0","owner":null,"ssrc":1,"rtx":2,"videoType":"CAMERA"}]}',
  '{"colibriClass":"AudioSourcesMap","mappedSources":[{"source":"a-a0","owner":"a","ssrc":4294967295,"mid":"a0"}]}',
  '{"colibriClass":"ReceiverAudioSubscription","mode":"Include","list":["a-a0"]}',
  '{"colibriClass":"ReceiverAudioSubscription","all":true,"include":[],"exclude":["a-a0"]}',
  '{"colibriClass":"LastNChangedEvent","lastN":-1}',
  '{"colibriClass":"SourceVideoTypeMessage","sourceName":"a-v0","videoType":"desktop_high_fps"}',
  '{"colibriClass":"VideoTypeMessage","videoType":"none"}',
];
export const seeds: Record<string, Uint8Array[]> = {
  bridgeMessage: texts.map((text) => Buffer.from(text)),
};
