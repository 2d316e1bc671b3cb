import { recordingLogger } from "#shared/testing/recording-logger";
import { SeededRandom } from "#shared/testing/virtual-runtime";
import { crc32c } from "./crc32c.ts";
import { buildDcepOpen, parseDcep } from "./dcep.ts";
import { parsePacket, viewOf } from "./sctp-packet.ts";
import { SctpTransport } from "./sctp-transport.ts";

/** An association that was just set up, and the packets its client sent for it. */
function established(): { server: SctpTransport; client: SctpTransport; wire: Uint8Array[] } {
  const log = recordingLogger();
  const server = new SctpTransport({ role: "server", random: new SeededRandom(1), log });
  const client = new SctpTransport({ role: "client", random: new SeededRandom(2), log });
  const wire: Uint8Array[] = [];
  server.start(0);
  client.start(0);
  for (let round = 0; round < 10; round++) {
    for (let event = client.poll(); event; event = client.poll()) {
      if (event.kind !== "packet") continue;
      wire.push(event.bytes);
      server.handlePacket(event.bytes, round);
    }
    for (let event = server.poll(); event; event = server.poll()) {
      if (event.kind === "packet") client.handlePacket(event.bytes, round);
    }
  }
  client.sendText("hello", 20);
  for (let event = client.poll(); event; event = client.poll()) {
    if (event.kind === "packet") wire.push(event.bytes);
  }
  return { server, client, wire };
}

const sample = established().wire;

/** Makes the input a packet that passes tag and checksum, so that chunks are reached. */
function repaired(input: Uint8Array): Uint8Array {
  const bytes = input.slice();
  const original = sample.at(-1);
  if (bytes.length < 16 || original === undefined) return bytes;
  bytes.set(original.subarray(0, 8));
  viewOf(bytes).setUint32(8, crc32c(bytes, 8), true);
  return bytes;
}

export const targets: Record<string, (input: Uint8Array) => void> = {
  sctpPacket(input) {
    parsePacket(input);
  },
  sctpAssociation(input) {
    const { server } = established();
    server.handlePacket(repaired(input), 100);
    while (server.poll() !== undefined);
    for (let step = 0; step < 20; step++) {
      const due = server.pollTimeout();
      if (due === undefined) break;
      server.handleTimeout(due);
      while (server.poll() !== undefined);
    }
  },
  dcep(input) {
    parseDcep(input);
  },
};
export const seeds: Record<string, Uint8Array[]> = {
  sctpPacket: sample,
  sctpAssociation: sample,
  dcep: [buildDcepOpen("JVB data channel", "http://jitsi.org/protocols/colibri")],
};
