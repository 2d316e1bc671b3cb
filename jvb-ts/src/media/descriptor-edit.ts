/**
 * Writes a dependency descriptor with another frame number, template ids and active decode targets
 * (spec jvb-media 7.5). Bits that stay are copied, so that what is not understood survives.
 */
import { writeUint16 } from "#shared/rtp/rtp-header";
import { HAS_STRUCTURE, HAS_TARGETS } from "./dependency-descriptor.ts";

/** Where the parts of a descriptor lie, as its parser found. */
export interface DescriptorLayout {
  /** Bits before the active targets, whether they are there or not. */
  readonly targetsAt: number;
  /** Bits of all fields together. */
  readonly usedBits: number;
  /** Decode targets of the structure, 0 unknown. */
  readonly targetCount: number;
}

export interface DescriptorChange {
  readonly frameNumber: number;
  /** Added to template ids, modulo 64. */
  readonly templateShift: number;
  /** Whether `activeTargets` (bit by decode target) are written. */
  readonly writesTargets: boolean;
  readonly activeTargets: number;
}

/** Bytes that `writeDescriptor` will write for an element of `length` bytes at `from`. */
export function descriptorLength(
  bytes: Uint8Array,
  from: number,
  length: number,
  layout: DescriptorLayout,
  change: DescriptorChange,
): number {
  if (!insertsTargets(bytes, from, length, layout, change)) return length;
  const used = Math.max(layout.usedBits, layout.targetsAt);
  return (used + layout.targetCount + 7) >> 3;
}

function insertsTargets(
  bytes: Uint8Array,
  from: number,
  length: number,
  layout: DescriptorLayout,
  change: DescriptorChange,
): boolean {
  if (!change.writesTargets || layout.targetCount === 0) return false;
  return length === 3 || (bytes[from + 3]! & HAS_TARGETS) === 0;
}

/** Writes the element at `from` to `to`, which must not overlap; returns its new length. */
export function writeDescriptor(
  bytes: Uint8Array,
  from: number,
  length: number,
  to: number,
  layout: DescriptorLayout,
  change: DescriptorChange,
): number {
  const written = descriptorLength(bytes, from, length, layout, change);
  const first = bytes[from]!;
  bytes[to] = (first & 0xc0) | ((first + change.templateShift) & 0x3f);
  writeUint16(bytes, to + 1, change.frameNumber);
  if (written === 3) return 3;
  for (let i = 3; i < length; i++) bytes[to + i] = bytes[from + i]!;
  for (let i = length; i < written; i++) bytes[to + i] = 0;
  const { targetsAt, targetCount } = layout;
  if (insertsTargets(bytes, from, length, layout, change)) {
    copyBits(bytes, from, targetsAt, to, targetsAt + targetCount, layout.usedBits - targetsAt);
    const last = Math.max(layout.usedBits, targetsAt) + targetCount;
    writeBits(bytes, to, last, 8 * written - last, 0);
    bytes[to + 3] = bytes[to + 3]! | HAS_TARGETS;
  }
  if (change.writesTargets && targetCount > 0)
    writeBits(bytes, to, targetsAt, targetCount, change.activeTargets);
  if ((bytes[to + 3]! & HAS_STRUCTURE) !== 0) shiftIdOffset(bytes, to, change.templateShift);
  return written;
}

/** The structure's first field: three bits of the fourth byte, three of the fifth. */
function shiftIdOffset(bytes: Uint8Array, to: number, shift: number): void {
  const third = bytes[to + 3]!;
  const fourth = bytes[to + 4]!;
  const offset = (((third & 0x07) << 3) | (fourth >> 5)) + shift;
  bytes[to + 3] = (third & 0xf8) | ((offset >> 3) & 0x07);
  bytes[to + 4] = (fourth & 0x1f) | ((offset & 0x07) << 5);
}

function copyBits(
  bytes: Uint8Array,
  from: number,
  fromBit: number,
  to: number,
  toBit: number,
  count: number,
): void {
  for (let i = 0; i < count; i++) {
    const bit = (bytes[from + ((fromBit + i) >> 3)]! >> (7 - ((fromBit + i) & 7))) & 1;
    writeBits(bytes, to, toBit + i, 1, bit);
  }
}

/** The low `count` bits (at most 32) of `value`, most significant first. */
function writeBits(bytes: Uint8Array, to: number, at: number, count: number, value: number): void {
  for (let i = 0; i < count; i++) {
    const bit = (value >> (count - 1 - i)) & 1;
    const mask = 0x80 >> ((at + i) & 7);
    const byte = to + ((at + i) >> 3);
    bytes[byte] = bit === 1 ? bytes[byte]! | mask : bytes[byte]! & ~mask;
  }
}
