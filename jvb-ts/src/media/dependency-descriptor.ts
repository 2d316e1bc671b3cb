/**
 * AV1 dependency descriptor (AV1 RTP specification A.8, spec jvb-media 6.4), read in place. It also
 * describes streams of other codecs. What a frame is made of is named by a template of the
 * structure in force, or told by the descriptor itself (custom fields).
 */
import { readUint16 } from "#shared/rtp/rtp-header";
import { BitReader } from "./bit-reader.ts";
import type { StructureHistory } from "./structure-history.ts";
import type { TemplateStructure } from "./template-structure.ts";
import { allTargets, MAX_REFERENCES } from "./template-structure.ts";

/** First, last, template and number of the frame. */
const MANDATORY_BYTES = 3;
/** Bits before the structure: the mandatory fields and five flags. */
const STRUCTURE_AT = 29;
export const HAS_STRUCTURE = 0x80;
export const HAS_TARGETS = 0x40;
const HAS_INDICATIONS = 0x20;
const HAS_REFERENCES = 0x10;
const HAS_CHAINS = 0x08;

export class DependencyDescriptor {
  /** Of the packet: it begins, ends its frame. */
  startOfFrame = false;
  endOfFrame = false;
  /** 16 bits. */
  frameNumber = 0;
  templateId = 0;
  /** In force for this packet, undefined before the first. */
  structure: TemplateStructure | undefined = undefined;
  hasStructure = false;
  /** The structure says what kind of frame it is: `present` and so on hold. */
  hasFrame = false;
  /** The descriptor says which decode targets are active. */
  hasTargets = false;
  /** Active decode targets, bit by bit: as told, all of them with a new structure. */
  activeTargets = 0;
  sid = 0;
  tid = 0;
  /** Bit by decode target, see `TemplateStructure`. */
  present = 0;
  switches = 0;
  required = 0;
  referenceCount = 0;
  /** How many frames back. */
  readonly references = new Uint16Array(MAX_REFERENCES);
  /** Bits before the active targets, whether there or not, and bits of all fields together. */
  targetsAt = 0;
  usedBits = 0;
  readonly #reader = new BitReader();

  /** Reads the element of `length` bytes at `at` in packet `seq`. False when it is malformed. */
  parse(
    history: StructureHistory,
    seq: number,
    bytes: Uint8Array,
    at: number,
    length: number,
  ): boolean {
    if (length < MANDATORY_BYTES) return false;
    const first = bytes[at]!;
    this.startOfFrame = (first & 0x80) !== 0;
    this.endOfFrame = (first & 0x40) !== 0;
    this.templateId = first & 0x3f;
    this.frameNumber = readUint16(bytes, at + 1);
    this.hasStructure = false;
    this.hasTargets = false;
    this.activeTargets = 0;
    this.targetsAt = STRUCTURE_AT;
    this.usedBits = 8 * MANDATORY_BYTES;
    const flags = length > MANDATORY_BYTES ? bytes[at + MANDATORY_BYTES]! : 0;
    const reader = this.#reader;
    reader.start(bytes, at, length, STRUCTURE_AT);
    if ((flags & HAS_STRUCTURE) !== 0) {
      if (!history.spare.parse(reader)) return false;
      this.structure = history.add(seq);
      this.hasStructure = true;
      this.targetsAt = reader.position;
    } else {
      this.structure = history.at(seq);
    }
    return this.#readFrame(length, flags);
  }

  /** The frame's template and the fields that take its place. */
  #readFrame(length: number, flags: number): boolean {
    const { structure } = this;
    const template = structure === undefined ? -1 : structure.templateOf(this.templateId);
    this.hasFrame = template >= 0;
    if (structure === undefined) return true;
    if (this.hasFrame) this.#copyTemplate(structure, template);
    if (length === MANDATORY_BYTES) return true;
    const reader = this.#reader;
    if (this.hasStructure) this.activeTargets = allTargets(structure.targetCount);
    if ((flags & HAS_TARGETS) !== 0) {
      this.hasTargets = true;
      this.activeTargets = reader.bits(structure.targetCount);
    }
    if ((flags & HAS_INDICATIONS) !== 0) this.#readIndications(structure.targetCount);
    if ((flags & HAS_REFERENCES) !== 0 && !this.#readReferences()) return false;
    if ((flags & HAS_CHAINS) !== 0) for (let i = 0; i < structure.chainCount; i++) reader.bits(8);
    this.usedBits = reader.position;
    return !reader.exhausted;
  }

  #copyTemplate(structure: TemplateStructure, template: number): void {
    this.sid = structure.sid[template]!;
    this.tid = structure.tid[template]!;
    this.present = structure.present[template]!;
    this.switches = structure.switches[template]!;
    this.required = structure.required[template]!;
    this.referenceCount = structure.referenceCount[template]!;
    const at = template * MAX_REFERENCES;
    for (let i = 0; i < this.referenceCount; i++)
      this.references[i] = structure.references[at + i]!;
  }

  #readIndications(count: number): void {
    this.present = 0;
    this.switches = 0;
    this.required = 0;
    for (let dt = 0; dt < count; dt++) {
      const indication = this.#reader.bits(2);
      const bit = 1 << dt;
      if (indication !== 0) this.present |= bit;
      if (indication === 2) this.switches |= bit;
      if (indication === 3) this.required |= bit;
    }
  }

  #readReferences(): boolean {
    const reader = this.#reader;
    this.referenceCount = 0;
    for (let size = reader.bits(2); size !== 0; size = reader.bits(2)) {
      if (this.referenceCount === MAX_REFERENCES) return false;
      this.references[this.referenceCount++] = reader.bits(4 * size) + 1;
    }
    return true;
  }
}
