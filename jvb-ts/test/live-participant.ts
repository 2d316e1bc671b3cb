/** Test kit: a `LiveClient` as an endpoint of a conference of the program, asked for over HTTP. */
import { expect } from "chai";
import type { IceTransport } from "#shared/stanza/media";
import { until } from "#shared/testing/until";
import { conferenceModifiedJson, parseConferenceJson } from "../src/signaling/colibri-json.ts";
import { LiveClient } from "./live-client.ts";

const opus = { id: 111, name: "opus", clockrate: 48_000, channels: 2 };

/** An audio packet of 60 bytes. */
export function opusPacket(ssrc: number, seq: number): Uint8Array {
  const bytes = Buffer.alloc(12 + 60, seq & 255);
  bytes.set([0x80, 111]);
  bytes.writeUInt16BE(seq & 0xffff, 2);
  bytes.writeUInt32BE((seq * 960) >>> 0, 4);
  bytes.writeUInt32BE(ssrc, 8);
  return bytes;
}

/** The bridge's COLIBRI2 over HTTP. */
export interface ColibriDoor {
  colibri(path: string, body: unknown): Promise<Response>;
  /** Creates an endpoint and answers with its transport. */
  create(id: string, meeting: string, isFirst: boolean, more: object): Promise<object>;
}

export interface Invited {
  readonly id: string;
  readonly client: LiveClient;
  readonly remote: IceTransport;
  readonly ssrc: number;
}

/** An endpoint with one audio source and the client that is to be it, not connected yet. */
export async function invite(
  bridge: ColibriDoor,
  id: string,
  ssrc: number,
  meeting = "m",
): Promise<Invited> {
  const answer = await bridge.create(id, meeting, false, {
    transport: { "ice-controlling": true, sctp: {} },
    medias: [{ type: "audio", "payload-types": [opus] }],
  });
  const parsed = parseConferenceJson({
    "meeting-id": meeting,
    endpoints: [{ id, transport: { transport: answer } }],
  });
  const remote = parsed.ok ? parsed.value.endpoints[0]?.transport?.ice : undefined;
  if (remote === undefined) throw new Error("no transport in the answer");
  const client = await LiveClient.open();
  const transport = {
    iceControlling: false,
    useUniquePort: false,
    iceRestart: false,
    sctp: undefined,
    ice: client.describe(),
  };
  const json = conferenceModifiedJson({
    endpoints: [{ id, expire: false, transport }],
    relays: [],
    sources: undefined,
  }) as { endpoints: object[] };
  const source = { type: "audio", id: `${id}-a0`, sources: [{ ssrc, name: `${id}-a0` }] };
  const told = await bridge.colibri(`/${meeting}`, {
    "meeting-id": meeting,
    endpoints: json.endpoints.map((each) => ({ ...each, sources: [source] })),
  });
  expect(told.status).to.equal(200);
  return { id, client, remote, ssrc };
}

/** `invite`, and connected with its channel open. */
export async function join(
  bridge: ColibriDoor,
  id: string,
  ssrc: number,
  meeting = "m",
): Promise<Invited> {
  const invited = await invite(bridge, id, ssrc, meeting);
  invited.client.connect(invited.remote);
  await until(`${id} connected`, () => invited.client.transport.channelReady, 10_000);
  return invited;
}
