/**
 * The template structures of one SSRC by the number of the packet that brought them, so that a
 * packet overtaken by a new structure is read with the one it was made with (spec jvb-media 6.4).
 * Only structures that differ take a place: senders repeat theirs with each key frame.
 */
import { Unwrapper } from "#shared/rtp/arithmetic";
import { TemplateStructure } from "./template-structure.ts";

/** Different structures in a row that reordering could still reach; older ones are forgotten. */
const KEPT = 16;

export class StructureHistory {
  readonly #unwrapper = new Unwrapper(16);
  readonly #structures: TemplateStructure[] = [];
  /** Index of the packet from which on the structure at the same place holds. */
  readonly #from: number[] = [];
  #spare: TemplateStructure | undefined = undefined;

  /** What to parse a structure into; it becomes part of the history by `add`. */
  get spare(): TemplateStructure {
    this.#spare ??= new TemplateStructure();
    return this.#spare;
  }

  /** The structure that packet `seq` was made with, undefined when it is not known. */
  at(seq: number): TemplateStructure | undefined {
    return this.#structures[this.#place(this.#unwrapper.unwrap(seq))];
  }

  /** Packet `seq` brought what `spare` holds now. Returns the structure to use. */
  add(seq: number): TemplateStructure {
    const index = this.#unwrapper.unwrap(seq);
    const place = this.#place(index);
    const spare = this.spare;
    const before = this.#structures[place];
    if (before?.equals(spare) === true) return before;
    this.#structures.splice(place + 1, 0, spare);
    this.#from.splice(place + 1, 0, index);
    this.#spare = undefined;
    if (this.#structures.length <= KEPT) return spare;
    this.#spare = this.#structures.shift();
    this.#from.shift();
    return spare;
  }

  /** Place of the newest structure at or before `index`, -1 none. */
  #place(index: number): number {
    let place = this.#from.length - 1;
    while (place >= 0 && this.#from[place]! > index) place--;
    return place;
  }
}
