/** Fuzz targets of the payload and dependency descriptors and of the layers allocation. */
import { Bug } from "#shared/runtime/bug";
import { parseAv1, parseH264, parseVp8 } from "./codec-parsers.ts";
import { DependencyDescriptor } from "./dependency-descriptor.ts";
import { writeDescriptor } from "./descriptor-edit.ts";
import { buildDescriptor, scalableStructure } from "./descriptor-fixture.ts";
import { LayersAllocation } from "./layers-allocation.ts";
import { StructureHistory } from "./structure-history.ts";
import { VideoPacket } from "./video-packet.ts";
import { parseVp9 } from "./vp9-descriptor.ts";
import { Vp9Structure } from "./vp9-structure.ts";

const packet = new VideoPacket();
const structure = new Vp9Structure();
const descriptor = new DependencyDescriptor();
const allocation = new LayersAllocation();
let history = new StructureHistory();
let seq = 0;

/** Reads what was read, written anew: the change must be what the reader then finds. */
function readAndWrite(input: Uint8Array): void {
  seq = (seq + 1) & 0xffff;
  if (seq === 0) history = new StructureHistory();
  const length = Math.min(input.length, 255);
  if (!descriptor.parse(history, seq, input, 0, length)) return;
  const { targetsAt, usedBits, hasStructure, sid, tid } = descriptor;
  const targetCount = descriptor.structure?.targetCount ?? 0;
  const bytes = new Uint8Array(600);
  bytes.set(input.subarray(0, length));
  const change = { frameNumber: 4711, templateShift: 5, writesTargets: true, activeTargets: 1 };
  const layout = { targetsAt, usedBits, targetCount };
  const written = writeDescriptor(bytes, 0, length, 300, layout, change);
  if (targetCount === 0 || (!hasStructure && !descriptor.hasFrame)) return;
  const fresh = new StructureHistory();
  if (hasStructure) {
    if (!descriptor.parse(fresh, 1, bytes, 300, written)) throw new Bug("unreadable");
    if (descriptor.frameNumber !== 4711 || descriptor.activeTargets !== 1)
      throw new Bug("not changed");
    if (descriptor.hasFrame && (descriptor.sid !== sid || descriptor.tid !== tid))
      throw new Bug("another layer");
  }
}

export const targets: Record<string, (input: Uint8Array) => void> = {
  "vp9-descriptor": (input) => {
    packet.reset();
    parseVp9(packet, structure, input, 0, input.length);
  },
  "other-descriptors": (input) => {
    for (const parse of [parseVp8, parseH264, parseAv1]) {
      packet.reset();
      parse(packet, input, 0, input.length);
    }
  },
  "dependency-descriptor": readAndWrite,
  "layers-allocation": (input) => {
    allocation.parse(input, 0, input.length);
  },
};

const described = [scalableStructure(1, 3, false), scalableStructure(3, 3, true, 61)].map((one) =>
  Uint8Array.from(
    buildDescriptor({ templateId: one.idOffset, frameNumber: 1, structure: one, references: [1] }),
  ),
);

export const seeds: Record<string, Uint8Array[]> = {
  "vp9-descriptor": [
    Uint8Array.of(0xaa, 0x81, 2, 0x00, 5, 0x38, 1, 64, 0, 180, 2, 128, 1, 104, 1, 0x04, 1, 0),
    Uint8Array.of(0xf8, 1, 0x20, 0x03, 0x05, 0x08, 0x00),
  ],
  "dependency-descriptor": [
    ...described,
    Uint8Array.from(buildDescriptor({ templateId: 1, frameNumber: 2 })),
    Uint8Array.from(
      buildDescriptor({ templateId: 1, frameNumber: 2, active: [1, 3], indications: "SSS" }),
    ),
  ],
  "layers-allocation": [Uint8Array.from(Buffer.from("01805078C801013F00B321", "hex"))],
};
