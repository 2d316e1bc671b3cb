/** Fuzz targets: any bytes as RTP and RTCP, and as video payloads, through the engine's door. */
import { RedBlocks } from "../media/red.ts";
import { Kind } from "../media/slab.ts";
import {
  audioSource,
  audioTypes,
  buildRtp,
  EngineFixture,
  OPUS,
  RED,
  redType,
  VP8,
  VP8_RTX,
  VP9,
  videoSource,
  vp8Payload,
} from "./engine-fixture.ts";

function conference(): EngineFixture {
  const fixture = new EngineFixture();
  for (const [id, session] of [
    ["a", 1],
    ["b", 2],
  ] as const) {
    const endpoint = fixture.join(id, session, [
      audioSource(`${id}-a0`, 10 * session),
      videoSource(`${id}-v0`, [100 * session, 100 * session + 1]),
    ]);
    if (session === 1) endpoint.setPayloadTypes("audio", [...audioTypes, redType]);
    endpoint.setReceiverConstraints({ defaultConstraints: { maxHeight: 720 } });
  }
  return fixture;
}

let fixture = conference();
let uses = 0;

/** One conference for many inputs, renewed now and then so that memory stays bounded. */
function current(): EngineFixture {
  if (++uses % 5000 === 0) fixture = conference();
  fixture.now += 1;
  fixture.sent.length = 0;
  fixture.events();
  return fixture;
}

function withPayload(pt: number, ssrc: number, input: Uint8Array): void {
  current().receive(1, {
    pt,
    ssrc,
    seq: uses & 0xffff,
    timestamp: 3000 * uses,
    payload: [...input.subarray(0, 1400)],
  });
}

const red = new RedBlocks();

export const targets: Record<string, (input: Uint8Array) => void> = {
  rtp: (input) => {
    const engine = current();
    engine.receiveBytes(1, input.subarray(0, 1500), Kind.rtp);
    if (uses % 64 === 0) engine.advance(10);
  },
  rtcp: (input) => {
    const engine = current();
    engine.receiveBytes(1 + (uses & 1), input.subarray(0, 1500), Kind.rtcp);
    if (uses % 64 === 0) engine.advance(10);
  },
  "vp8-payload": (input) => withPayload(VP8, 100, input),
  "rtx-payload": (input) => withPayload(VP8_RTX, 1100, input),
  "vp9-payload": (input) => withPayload(VP9, 101, input),
  "red-payload": (input) => withPayload(RED, 10, input),
  "red-blocks": (input) => {
    red.parse(input, 0, input.length);
  },
};

export const seeds: Record<string, Uint8Array[]> = {
  rtp: [
    buildRtp({ pt: OPUS, ssrc: 10, seq: 1, extensions: [[1, [20]]] }),
    buildRtp({
      pt: VP8,
      ssrc: 100,
      seq: 1,
      payload: vp8Payload({ pictureId: 1, tl0: 1, tid: 0, keyframe: true }),
    }),
    buildRtp({ pt: VP8_RTX, ssrc: 1100, seq: 1, payload: [0, 1, 0x10, 1, 2, 3], padding: 4 }),
  ],
  rtcp: [
    Uint8Array.from(
      Buffer.from(
        "80c8000600000064000102030405060700000001000000020000000380c9000100000001",
        "hex",
      ),
    ),
    Uint8Array.from(Buffer.from("81cd00030000000100000064000100ff81ce00020000000100000064", "hex")),
    Uint8Array.from(
      Buffer.from(
        "8fcd0007320f223a8ee50fae fffa000919b0b1572009d80018141814181418 00".replaceAll(" ", ""),
        "hex",
      ),
    ),
  ],
};
