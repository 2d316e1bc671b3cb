/** Extension ids of one endpoint as signaled; 0 means not negotiated. */
import { ExtensionUri } from "#shared/rtp/header-extensions";
import type { HeaderExtension, MediaType } from "#shared/stanza/media";

export class HeaderExtensionIds {
  audioLevel = 0;
  absSendTime = 0;
  transportCc = 0;
  mid = 0;
  videoOrientation = 0;
  dependencyDescriptor = 0;
  /** By id: 1 when the element survives stripping (spec 4.2). */
  readonly kept = new Uint8Array(256);
  /** The same with the AV1 dependency descriptor, for packets parsed as AV1. */
  readonly keptWithDescriptor = new Uint8Array(256);
  readonly #byMedia = new Map<MediaType, readonly HeaderExtension[]>();

  set(type: MediaType, extensions: readonly HeaderExtension[]): void {
    this.#byMedia.set(type, extensions);
    this.audioLevel = this.#id(ExtensionUri.audioLevel);
    this.absSendTime = this.#id(ExtensionUri.absSendTime);
    this.transportCc = this.#id(ExtensionUri.transportCc);
    this.mid = this.#id(ExtensionUri.mid);
    this.videoOrientation = this.#id(ExtensionUri.videoOrientation);
    this.dependencyDescriptor = this.#id(ExtensionUri.dependencyDescriptor);
    this.kept.fill(0);
    if (this.audioLevel > 0) this.kept[this.audioLevel] = 1;
    if (this.videoOrientation > 0) this.kept[this.videoOrientation] = 1;
    this.keptWithDescriptor.set(this.kept);
    if (this.dependencyDescriptor > 0) this.keptWithDescriptor[this.dependencyDescriptor] = 1;
  }

  #id(uri: string): number {
    for (const list of this.#byMedia.values())
      for (const extension of list)
        if (extension.uri === uri && extension.id > 0 && extension.id < 256) return extension.id;
    return 0;
  }
}
