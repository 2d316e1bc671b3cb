/**
 * COMPAT(client): the library of March 2022 keeps the media section of a source that went, as
 * inactive but with its `a=msid`, and looks at it twice more than is good:
 *
 * - A source that comes again (two pages talked directly and go back to the bridge) gets a new
 *   section with the same `a=msid`. Browsers of its day took that; newer ones refuse the whole
 *   description ("Duplicate a=msid lines detected"), and the two never see each other again, over
 *   upstream's servers neither.
 * - A shared screen is put on the first transceiver that would receive but has nothing to: once
 *   somebody has left, that is theirs, whose section says inactive, and the screen is never sent.
 *
 * So the name goes where another section has it, and the transceiver stops waiting.
 */
export function retireGoneSources(): void {
  const prototype = RTCPeerConnection.prototype;
  const original = prototype.setRemoteDescription as (
    this: RTCPeerConnection,
    description: RTCSessionDescriptionInit,
  ) => Promise<void>;
  prototype.setRemoteDescription = async function (
    this: RTCPeerConnection,
    { type, sdp = "" }: RTCSessionDescriptionInit,
  ) {
    const sections = sdp.split(/(?=^m=)/m);
    await original.call(this, { type, sdp: unnamed(sections) });
    const gone = sections.filter(isInactive).map((section) => /^a=mid:(.*)$/m.exec(section)?.[1]);
    for (const transceiver of this.getTransceivers()) {
      if (transceiver.direction === "recvonly" && gone.includes(transceiver.mid ?? ""))
        transceiver.direction = "inactive";
    }
  };
}

function isInactive(section: string): boolean {
  return /^a=inactive$/m.test(section);
}

/** The description without the `a=msid` lines of inactive sections that another section has too. */
function unnamed(sections: readonly string[]): string {
  const seen = new Map<string, number>();
  for (const [line] of sections.join("").matchAll(/^a=msid:.*$/gm))
    seen.set(line, (seen.get(line) ?? 0) + 1);
  return sections
    .map((section) =>
      isInactive(section)
        ? section.replace(/^(a=msid:.*)\r?\n/gm, (line, name: string) =>
            (seen.get(name) ?? 0) > 1 ? "" : line,
          )
        : section,
    )
    .join("");
}
