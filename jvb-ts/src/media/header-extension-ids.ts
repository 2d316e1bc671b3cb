/** Extension ids of one endpoint as signaled; 0 means not negotiated. */
import { ExtensionUri } from "#shared/rtp/header-extensions";
import type { HeaderExtension, MediaType } from "#shared/stanza/media";

/** Elements that are forwarded, under the id that the receiver negotiated. */
export const Kept = { audioLevel: 1, orientation: 2, descriptor: 3 } as const;

export class HeaderExtensionIds {
  audioLevel = 0;
  absSendTime = 0;
  transportCc = 0;
  mid = 0;
  videoOrientation = 0;
  dependencyDescriptor = 0;
  videoLayersAllocation = 0;
  /** By id: the kind of element (`Kept`) that survives stripping (spec 4.2), else 0. */
  readonly kept = new Uint8Array(256);
  /** The same with the dependency descriptor, for packets that were read by theirs. */
  readonly keptWithDescriptor = new Uint8Array(256);
  /** By kind: the id under which this endpoint gets such elements, 0 when it gets none. */
  readonly idOf = new Uint8Array(4);
  /** Kinds it gets, bit by bit, and those whose id takes the two-byte form. */
  keptKinds = 0;
  twoByteKinds = 0;
  readonly #byMedia = new Map<MediaType, readonly HeaderExtension[]>();

  set(type: MediaType, extensions: readonly HeaderExtension[]): void {
    this.#byMedia.set(type, extensions);
    this.audioLevel = this.#id(ExtensionUri.audioLevel);
    this.absSendTime = this.#id(ExtensionUri.absSendTime);
    this.transportCc = this.#id(ExtensionUri.transportCc);
    this.mid = this.#id(ExtensionUri.mid);
    this.videoOrientation = this.#id(ExtensionUri.videoOrientation);
    this.dependencyDescriptor = this.#id(ExtensionUri.dependencyDescriptor);
    this.videoLayersAllocation = this.#id(ExtensionUri.videoLayersAllocation);
    this.kept.fill(0);
    this.keptKinds = 0;
    this.twoByteKinds = 0;
    this.#keep(Kept.audioLevel, this.audioLevel);
    this.#keep(Kept.orientation, this.videoOrientation);
    this.keptWithDescriptor.set(this.kept);
    this.#keep(Kept.descriptor, this.dependencyDescriptor);
    if (this.dependencyDescriptor === 0) return;
    this.kept[this.dependencyDescriptor] = 0;
    this.keptWithDescriptor[this.dependencyDescriptor] = Kept.descriptor;
  }

  #keep(kind: number, id: number): void {
    this.idOf[kind] = id;
    if (id === 0) return;
    this.kept[id] = kind;
    this.keptKinds |= 1 << kind;
    if (id > 14) this.twoByteKinds |= 1 << kind;
  }

  #id(uri: string): number {
    for (const list of this.#byMedia.values())
      for (const extension of list)
        if (extension.uri === uri && extension.id > 0 && extension.id < 256) return extension.id;
    return 0;
  }
}
