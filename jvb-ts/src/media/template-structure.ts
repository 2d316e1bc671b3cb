/**
 * Template dependency structure of the AV1 dependency descriptor (AV1 RTP specification A.8.4, spec
 * jvb-media 6.4): which frames a stream is made of, and which of them each decode target needs. It
 * comes with key frames and holds for what follows.
 */
import type { BitReader } from "./bit-reader.ts";

/** A template id has six bits, the number of decode targets five. */
export const MAX_TEMPLATES = 64;
export const MAX_TARGETS = 32;
/** Spatial and temporal layers a layer index has room for. */
const MAX_LAYERS = 8;
/** References that a template keeps; AV1 has seven. */
export const MAX_REFERENCES = 8;
const LAST_LAYER = 3;
const NOT_PRESENT = 0;
const SWITCH = 2;
const REQUIRED = 3;
const FULL_FRAME_RATE = 30;

/** `count` ones, in 32 bits. */
export function allTargets(count: number): number {
  return count >= 32 ? -1 : (1 << count) - 1;
}

export class TemplateStructure {
  idOffset = 0;
  templateCount = 0;
  targetCount = 0;
  chainCount = 0;
  readonly sid = new Uint8Array(MAX_TEMPLATES);
  readonly tid = new Uint8Array(MAX_TEMPLATES);
  /** By template, bit by decode target: the frame belongs to it, one may switch to it, it needs it. */
  readonly present = new Int32Array(MAX_TEMPLATES);
  readonly switches = new Int32Array(MAX_TEMPLATES);
  readonly required = new Int32Array(MAX_TEMPLATES);
  readonly referenceCount = new Uint8Array(MAX_TEMPLATES);
  /** How many frames back, `MAX_REFERENCES` for each template. */
  readonly references = new Uint8Array(MAX_TEMPLATES * MAX_REFERENCES);
  /** By decode target: highest layers it has, frames a second. */
  readonly targetSid = new Uint8Array(MAX_TARGETS);
  readonly targetTid = new Uint8Array(MAX_TARGETS);
  readonly frameRate = new Float64Array(MAX_TARGETS);
  /** By decode target: itself and those that need nothing more. */
  readonly subset = new Int32Array(MAX_TARGETS);
  spatialLayers = 0;
  /** By spatial layer: the smaller of width and height, 0 when it does not tell. */
  readonly heights = new Uint32Array(MAX_LAYERS);
  readonly #counts = new Uint16Array(MAX_LAYERS * MAX_LAYERS);

  /** Reads a structure; false when it is malformed or goes on behind the end. */
  parse(reader: BitReader): boolean {
    this.idOffset = reader.bits(6);
    this.targetCount = reader.bits(5) + 1;
    if (!this.#parseLayers(reader)) return false;
    this.#parseIndications(reader);
    if (!this.#parseReferences(reader)) return false;
    this.chainCount = reader.belowBound(this.targetCount + 1);
    if (this.chainCount > 0) {
      for (let dt = 0; dt < this.targetCount; dt++) reader.belowBound(this.chainCount);
      for (let i = 0; i < this.templateCount * this.chainCount; i++) reader.bits(4);
    }
    this.heights.fill(0);
    if (reader.flag()) {
      for (let sid = 0; sid < this.spatialLayers; sid++) {
        const width = reader.bits(16) + 1;
        this.heights[sid] = Math.min(width, reader.bits(16) + 1);
      }
    }
    if (reader.exhausted) return false;
    this.#deriveTargets();
    return true;
  }

  /** Index of the template with this id, -1 none. */
  templateOf(id: number): number {
    const index = (id + MAX_TEMPLATES - this.idOffset) & (MAX_TEMPLATES - 1);
    return index < this.templateCount ? index : -1;
  }

  /** Another frame than a key frame may lead from decode target `from` to `to`. */
  canSwitch(from: number, to: number): boolean {
    for (let i = 0; i < this.templateCount; i++) {
      if (!this.isInterPicture(i)) continue;
      if ((this.present[i]! >> from) & (this.switches[i]! >> to) & 1) return true;
    }
    return false;
  }

  /** Refers to a frame of an earlier picture: one further back than the layers below its own. */
  isInterPicture(template: number): boolean {
    const at = template * MAX_REFERENCES;
    for (let i = 0; i < this.referenceCount[template]!; i++)
      if (this.references[at + i]! > this.sid[template]!) return true;
    return false;
  }

  /** Says the same as `other`. */
  equals(other: TemplateStructure): boolean {
    const count = this.templateCount;
    if (this.idOffset !== other.idOffset || count !== other.templateCount) return false;
    if (this.targetCount !== other.targetCount || this.chainCount !== other.chainCount)
      return false;
    for (let i = 0; i < count; i++) if (!this.#sameTemplate(other, i)) return false;
    for (let sid = 0; sid < MAX_LAYERS; sid++)
      if (this.heights[sid] !== other.heights[sid]) return false;
    return true;
  }

  #sameTemplate(other: TemplateStructure, i: number): boolean {
    const same =
      this.sid[i] === other.sid[i] &&
      this.tid[i] === other.tid[i] &&
      this.present[i] === other.present[i] &&
      this.switches[i] === other.switches[i] &&
      this.required[i] === other.required[i] &&
      this.referenceCount[i] === other.referenceCount[i];
    if (!same) return false;
    const at = i * MAX_REFERENCES;
    for (let k = at; k < at + this.referenceCount[i]!; k++)
      if (this.references[k] !== other.references[k]) return false;
    return true;
  }

  #parseLayers(reader: BitReader): boolean {
    let sid = 0;
    let tid = 0;
    this.templateCount = 0;
    for (;;) {
      if (this.templateCount === MAX_TEMPLATES || sid >= MAX_LAYERS || tid >= MAX_LAYERS)
        return false;
      this.sid[this.templateCount] = sid;
      this.tid[this.templateCount] = tid;
      this.templateCount++;
      const step = reader.bits(2);
      if (reader.exhausted) return false;
      if (step === LAST_LAYER) break;
      if (step === 1) tid++;
      if (step === 2) {
        sid++;
        tid = 0;
      }
    }
    this.spatialLayers = sid + 1;
    return true;
  }

  #parseIndications(reader: BitReader): void {
    for (let i = 0; i < this.templateCount; i++) {
      this.present[i] = 0;
      this.switches[i] = 0;
      this.required[i] = 0;
      for (let dt = 0; dt < this.targetCount; dt++) {
        const indication = reader.bits(2);
        const bit = 1 << dt;
        if (indication !== NOT_PRESENT) this.present[i] = this.present[i]! | bit;
        if (indication === SWITCH) this.switches[i] = this.switches[i]! | bit;
        if (indication === REQUIRED) this.required[i] = this.required[i]! | bit;
      }
    }
  }

  #parseReferences(reader: BitReader): boolean {
    for (let i = 0; i < this.templateCount; i++) {
      let count = 0;
      while (reader.flag()) {
        if (count === MAX_REFERENCES) return false;
        this.references[i * MAX_REFERENCES + count] = reader.bits(4) + 1;
        count++;
      }
      this.referenceCount[i] = count;
    }
    return true;
  }

  #deriveTargets(): void {
    const counts = this.#counts;
    counts.fill(0);
    // Templates of key pictures are no part of the repeating pattern.
    for (let i = 0; i < this.templateCount; i++) {
      const at = this.sid[i]! * MAX_LAYERS + this.tid[i]!;
      if (this.isInterPicture(i)) counts[at] = counts[at]! + 1;
    }
    let whole = 0;
    for (let i = 0; i < counts.length; i++) {
      if ((i & (MAX_LAYERS - 1)) !== 0) counts[i] = counts[i]! + counts[i - 1]!;
      whole = Math.max(whole, counts[i]!);
    }
    for (let dt = 0; dt < this.targetCount; dt++) {
      this.#deriveTarget(dt);
      const count = counts[this.targetSid[dt]! * MAX_LAYERS + this.targetTid[dt]!]!;
      this.frameRate[dt] = whole === 0 ? -1 : (FULL_FRAME_RATE * count) / whole;
    }
  }

  #deriveTarget(dt: number): void {
    const bit = 1 << dt;
    let sid = 0;
    let tid = 0;
    let subset = allTargets(this.targetCount);
    for (let i = 0; i < this.templateCount; i++) {
      const present = this.present[i]!;
      if ((present & bit) === 0) {
        subset &= ~present;
        continue;
      }
      sid = Math.max(sid, this.sid[i]!);
      tid = Math.max(tid, this.tid[i]!);
    }
    this.targetSid[dt] = sid;
    this.targetTid[dt] = tid;
    this.subset[dt] = subset;
  }
}
