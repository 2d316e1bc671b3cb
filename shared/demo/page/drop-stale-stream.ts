/**
 * COMPAT(client): when a source goes and comes again, the library of March 2022 leaves the media
 * section of its first time inactive but with its `a=msid`, and puts the source with the same
 * `a=msid` into a new section. Browsers of its day took that; newer ones refuse the whole
 * description ("Duplicate a=msid lines detected"), so that two pages that talked directly never see
 * each other again over the bridge, with upstream's servers too. What an inactive section was once
 * called matters to nobody, so the name goes where another section has it.
 */
export function dropStaleStreams(): void {
  const prototype = RTCPeerConnection.prototype;
  const original = prototype.setRemoteDescription as (
    this: RTCPeerConnection,
    description: RTCSessionDescriptionInit,
  ) => Promise<void>;
  prototype.setRemoteDescription = function (
    this: RTCPeerConnection,
    { type, sdp }: RTCSessionDescriptionInit,
  ) {
    return original.call(this, sdp === undefined ? { type } : { type, sdp: unique(sdp) });
  };
}

/** The description without those `a=msid` lines of inactive sections that are not unique in it. */
function unique(sdp: string): string {
  const seen = new Map<string, number>();
  for (const [line] of sdp.matchAll(/^a=msid:.*$/gm)) seen.set(line, (seen.get(line) ?? 0) + 1);
  return sdp
    .split(/(?=^m=)/m)
    .map((section) =>
      /^a=inactive\r?$/m.test(section)
        ? section.replace(/^(a=msid:.*)\r?\n/gm, (line, name: string) =>
            (seen.get(name) ?? 0) > 1 ? "" : line,
          )
        : section,
    )
    .join("");
}
