/** RTP header extension elements, one-byte and two-byte form (RFC 8285). */

export const ONE_BYTE_PROFILE = 0xbede;
export const TWO_BYTE_PROFILE = 0x1000;

/** URIs the bridge knows (spec jvb-media 4.1). */
export const ExtensionUri = {
  audioLevel: "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
  absSendTime: "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
  transportCc: "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
  mid: "urn:ietf:params:rtp-hdrext:sdes:mid",
  dependencyDescriptor:
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
  videoLayersAllocation: "http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00",
  videoOrientation: "urn:3gpp:video-orientation",
} as const;

/**
 * Iterates the elements of an extension block without allocating. A length that runs past the
 * block ends the iteration; what came before stays valid.
 */
export class ExtensionIterator {
  /** Of the current element: id 1..255, its first data byte and its length. */
  id = 0;
  dataOffset = 0;
  dataLength = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;
  #twoByte = false;

  /** `profile` as in the packet; profiles of neither form (nor cryptex') yield nothing. */
  start(bytes: Uint8Array, offset: number, length: number, profile: number): void {
    this.#bytes = bytes;
    this.#at = offset;
    this.#twoByte = (profile & 0xfff0) === TWO_BYTE_PROFILE || profile === 0xc2de;
    const known = this.#twoByte || profile === ONE_BYTE_PROFILE || profile === 0xc0de;
    this.#end = known ? Math.min(offset + length, bytes.length) : offset;
  }

  /** Moves to the next element; false at the end. */
  next(): boolean {
    const bytes = this.#bytes;
    const end = this.#end;
    let at = this.#at;
    while (at < end && bytes[at] === 0) at++;
    if (at >= end) return false;
    const first = bytes[at]!;
    if (this.#twoByte) {
      if (at + 2 > end) return false;
      this.id = first;
      this.dataLength = bytes[at + 1]!;
      this.dataOffset = at + 2;
    } else {
      this.id = first >> 4;
      if (this.id === 15) return false;
      this.dataLength = (first & 0x0f) + 1;
      this.dataOffset = at + 1;
      // Id 0 with a length is padding too (RFC 8285 4.2): one byte is skipped.
      if (this.id === 0) {
        this.#at = at + 1;
        return this.next();
      }
    }
    if (this.dataOffset + this.dataLength > end) return false;
    this.#at = this.dataOffset + this.dataLength;
    return true;
  }
}
