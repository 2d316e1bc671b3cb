/** Message → text of the bridge channel, with upstream's names and order of fields. */
import { Bug } from "../runtime/bug.ts";
import type {
  AudioSourceMapping,
  BridgeMessage,
  ReceiverVideoConstraints,
  VideoConstraints,
  VideoSourceMapping,
} from "./messages.ts";

/** The JSON text of one message. Absent fields are left out. */
export function encodeBridgeMessage(message: BridgeMessage): string {
  return JSON.stringify({ colibriClass: message.kind, ...body(message) });
}

function body(message: BridgeMessage): object {
  switch (message.kind) {
    case "ClientHello":
      return {};
    case "EndpointMessage":
      return { to: message.to, from: message.from, ...message.fields };
    case "EndpointStats":
      return { from: message.from, ...message.fields };
    case "ReceiverVideoConstraints":
      return receiverVideoConstraints(message);
    case "EndpointConnectivityStatusChangeEvent":
      return { endpoint: message.endpoint, active: String(message.active) };
    case "VideoSourcesMap":
      return { mappedSources: message.mappedSources.map(videoSourceMapping) };
    case "AudioSourcesMap":
      return { mappedSources: message.mappedSources.map(audioSourceMapping) };
    case "ServerHello":
    case "LastNChangedEvent":
    case "ReceiverAudioSubscription":
    case "SourceVideoTypeMessage":
    case "VideoTypeMessage":
    case "DominantSpeakerEndpointChangeEvent":
    case "ForwardedSources":
    case "SenderSourceConstraints":
    case "ConnectionStats":
    case "SyntheticSourceSendingChangeEvent":
    case "AddReceiver":
    case "RemoveReceiver": {
      const { kind: _, ...fields } = message;
      return fields;
    }
    default:
      throw new Bug(message satisfies never);
  }
}

function receiverVideoConstraints(message: ReceiverVideoConstraints): object {
  const { lastN, selectedSources, onStageSources, defaultConstraints } = message;
  const { constraints, assumedBandwidthBps } = message;
  return {
    lastN,
    selectedSources,
    onStageSources,
    defaultConstraints: defaultConstraints && videoConstraints(defaultConstraints),
    constraints:
      constraints &&
      Object.fromEntries([...constraints].map(([name, value]) => [name, videoConstraints(value)])),
    assumedBandwidthBps,
  };
}

function videoConstraints({ maxHeight, maxFrameRate }: VideoConstraints): object {
  return { maxHeight, maxFrameRate };
}

/** `owner` is null, not absent, when unknown. */
function videoSourceMapping(mapping: VideoSourceMapping): object {
  const { source, owner, ssrc, rtx, videoType, mid } = mapping;
  return { source, owner: owner ?? null, ssrc, rtx, videoType, mid };
}

function audioSourceMapping({ source, owner, ssrc, mid }: AudioSourceMapping): object {
  return { source, owner: owner ?? null, ssrc, mid };
}
