/** For tests: dependency descriptors written bit by bit, independently of the reader. */

/** Writes bits, most significant first. */
export class BitWriter {
  readonly bits: number[] = [];

  put(value: number, count: number): this {
    for (let i = count - 1; i >= 0; i--) this.bits.push(Math.floor(value / 2 ** i) % 2);
    return this;
  }

  /** ns(n) of the AV1 specification. */
  putBelow(value: number, bound: number): this {
    const width = Math.floor(Math.log2(bound)) + 1;
    const short = 2 ** width - bound;
    return value < short
      ? this.put(value, width - 1)
      : this.put((value + short) >> 1, width - 1).put((value + short) & 1, 1);
  }

  bytes(): number[] {
    const bytes: number[] = [];
    for (let at = 0; at < this.bits.length; at += 8) {
      const byte = this.bits.slice(at, at + 8);
      while (byte.length < 8) byte.push(0);
      bytes.push(byte.reduce((sum, bit) => 2 * sum + bit, 0));
    }
    return bytes;
  }
}

export interface TemplateSpec {
  readonly sid: number;
  readonly tid: number;
  /** One letter for each decode target: `-` not present, D discardable, S switch, R required. */
  readonly indications: string;
  /** Frames back. */
  readonly references: readonly number[];
}

export interface StructureSpec {
  readonly idOffset: number;
  readonly targets: number;
  readonly templates: readonly TemplateSpec[];
  /** Chains, one per spatial layer; `protects` by decode target. */
  readonly chains?: { readonly count: number; readonly protects: readonly number[] };
  /** Width and height by spatial layer. */
  readonly sizes?: readonly (readonly [number, number])[];
}

export interface DescriptorSpec {
  readonly start?: boolean;
  readonly end?: boolean;
  readonly templateId: number;
  readonly frameNumber: number;
  readonly structure?: StructureSpec | undefined;
  /** Active decode targets, with their number. */
  readonly active?: readonly [number, number] | undefined;
  readonly indications?: string | undefined;
  readonly references?: readonly number[] | undefined;
  readonly chainDiffs?: readonly number[] | undefined;
}

const LETTERS = "-DSR";

function putIndications(writer: BitWriter, letters: string): void {
  for (const letter of letters) writer.put(LETTERS.indexOf(letter), 2);
}

function putStructure(writer: BitWriter, spec: StructureSpec): void {
  writer.put(spec.idOffset, 6).put(spec.targets - 1, 5);
  for (const [i, { sid, tid }] of spec.templates.entries()) {
    const next = spec.templates[i + 1];
    if (next === undefined) writer.put(3, 2);
    else if (next.sid > sid) writer.put(2, 2);
    else writer.put(next.tid > tid ? 1 : 0, 2);
  }
  for (const { indications } of spec.templates) putIndications(writer, indications);
  for (const { references } of spec.templates) {
    for (const reference of references) writer.put(1, 1).put(reference - 1, 4);
    writer.put(0, 1);
  }
  const count = spec.chains?.count ?? 0;
  writer.putBelow(count, spec.targets + 1);
  for (const chain of spec.chains?.protects ?? []) writer.putBelow(chain, count);
  for (let i = 0; i < spec.templates.length * count; i++) writer.put(i & 15, 4);
  writer.put(spec.sizes === undefined ? 0 : 1, 1);
  for (const [width, height] of spec.sizes ?? []) writer.put(width - 1, 16).put(height - 1, 16);
}

export function buildDescriptor(spec: DescriptorSpec): number[] {
  const writer = new BitWriter();
  writer.put(spec.start === false ? 0 : 1, 1).put(spec.end === false ? 0 : 1, 1);
  writer.put(spec.templateId, 6).put(spec.frameNumber, 16);
  const { structure, active, indications, references, chainDiffs } = spec;
  const optional = [structure, active, indications, references, chainDiffs];
  if (optional.every((one) => one === undefined)) return writer.bytes();
  for (const one of optional) writer.put(one === undefined ? 0 : 1, 1);
  if (structure !== undefined) putStructure(writer, structure);
  if (active !== undefined) writer.put(active[0], active[1]);
  if (indications !== undefined) putIndications(writer, indications);
  for (const reference of references ?? []) {
    const size = Math.floor(Math.log2(Math.max(1, reference - 1)) / 4) + 1;
    writer.put(size, 2).put(reference - 1, 4 * size);
  }
  if (references !== undefined) writer.put(0, 2);
  for (const diff of chainDiffs ?? []) writer.put(diff, 8);
  return writer.bytes();
}

/** Pictures of a period of four by temporal layer, for three, two and one layers. */
export const temporalPattern: Readonly<Record<number, readonly number[]>> = {
  1: [0],
  2: [0, 1],
  3: [0, 2, 1, 2],
};

/** How many pictures back a picture of each slot of the pattern refers. */
const pictureReference: Readonly<Record<number, readonly number[]>> = {
  1: [1],
  2: [2, 1],
  3: [4, 1, 2, 1],
};

/**
 * The structure of a stream with `spatial` x `temporal` layers, decode targets in the same order.
 * `keyOnly`: spatial layers refer to each other in key pictures only (k-SVC).
 */
export function scalableStructure(
  spatial: number,
  temporal: number,
  keyOnly: boolean,
  idOffset = 0,
): StructureSpec {
  const templates: TemplateSpec[] = [];
  for (let sid = 0; sid < spatial; sid++) {
    for (let tid = 0; tid < temporal; tid++) {
      if (tid === 0)
        templates.push({
          sid,
          tid,
          indications: indicationsOf(spatial, temporal, sid, tid, true, keyOnly),
          references: sid === 0 ? [] : [1],
        });
      for (const [slot, slotTid] of temporalPattern[temporal]!.entries()) {
        if (slotTid !== tid) continue;
        const back = spatial * pictureReference[temporal]![slot]!;
        templates.push({
          sid,
          tid,
          indications: indicationsOf(spatial, temporal, sid, tid, false, keyOnly),
          references: sid === 0 || keyOnly ? [back] : [back, 1],
        });
      }
    }
  }
  const targets = Array.from({ length: spatial * temporal }, (_, dt) => dt);
  return {
    idOffset,
    targets: targets.length,
    templates,
    chains: { count: spatial, protects: targets.map((dt) => Math.floor(dt / temporal)) },
    sizes: Array.from({ length: spatial }, (_, sid) => [320 << sid, 180 << sid] as const),
  };
}

function indicationsOf(
  spatial: number,
  temporal: number,
  sid: number,
  tid: number,
  key: boolean,
  keyOnly: boolean,
): string {
  let letters = "";
  for (let s = 0; s < spatial; s++) {
    for (let t = 0; t < temporal; t++) {
      if (s < sid || t < tid || (s > sid && keyOnly && !key)) letters += "-";
      else if (s > sid) letters += key ? "S" : "R";
      else letters += t === tid && tid > 0 ? "D" : "S";
    }
  }
  return letters;
}

/** One frame of a described stream. */
export interface DescribedFrame {
  readonly frameNumber: number;
  readonly sid: number;
  readonly tid: number;
  readonly keyPicture: boolean;
  /** Frame numbers it refers to. */
  readonly references: readonly number[];
  /** The descriptor of a packet that begins, ends the frame; the first one has the structure. */
  describe(start: boolean, end: boolean): number[];
}

/** Frames of a scalable stream, picture by picture, with their descriptors. */
export class DescribedEncoder {
  readonly structure: StructureSpec;
  readonly #spatial: number;
  readonly #temporal: number;
  #frameNumber: number;
  #slot = 0;

  constructor(
    spatial: number,
    temporal: number,
    options: { keyOnly?: boolean; frameNumber?: number; idOffset?: number } = {},
  ) {
    this.#spatial = spatial;
    this.#temporal = temporal;
    this.#frameNumber = options.frameNumber ?? 0;
    const { keyOnly = false, idOffset = 0 } = options;
    this.structure = scalableStructure(spatial, temporal, keyOnly, idOffset);
  }

  picture(keyPicture = false): DescribedFrame[] {
    if (keyPicture) this.#slot = 0;
    const pattern = temporalPattern[this.#temporal]!;
    const tid = pattern[this.#slot]!;
    this.#slot = (this.#slot + 1) % pattern.length;
    const frames: DescribedFrame[] = [];
    for (let sid = 0; sid < this.#spatial; sid++) frames.push(this.#frame(sid, tid, keyPicture));
    return frames;
  }

  #frame(sid: number, tid: number, keyPicture: boolean): DescribedFrame {
    const { templates, idOffset } = this.structure;
    const matching = templates.flatMap((one, i) => (one.sid === sid && one.tid === tid ? [i] : []));
    // The second one is for other than key pictures, or for the second slot of the layer.
    const isSecond = tid === 0 ? !keyPicture : this.#slot === 0;
    const index = matching[isSecond ? matching.length - 1 : 0]!;
    const frameNumber = this.#frameNumber;
    this.#frameNumber = (frameNumber + 1) & 0xffff;
    const base = { templateId: (idOffset + index) & 63, frameNumber };
    const structure = keyPicture && sid === 0 ? this.structure : undefined;
    return {
      frameNumber,
      sid,
      tid,
      keyPicture,
      references: templates[index]!.references.map((back) => (frameNumber - back) & 0xffff),
      describe: (start, end) =>
        buildDescriptor({ ...base, start, end, structure: start ? structure : undefined }),
    };
  }
}
