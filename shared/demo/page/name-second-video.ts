/**
 * COMPAT(client): the library of March 2022 signals every video of a person under the name of the
 * first (`ID-v0`), so that a bridge cannot tell a shared screen from the camera; with upstream's
 * servers too the screen then never arrives. It keeps a name that is already in the description,
 * so the second and later videos get theirs here. Newer libraries name them themselves.
 *
 * It also takes a video for sent as long as its description has an SSRC, which today's browsers
 * leave there after the last track: nobody would learn that the screen is no longer shared.
 */
export function nameSecondVideo(endpoint: () => string | undefined): void {
  const property = Object.getOwnPropertyDescriptor(RTCPeerConnection.prototype, "localDescription");
  const original = property?.get;
  if (property === undefined || original === undefined) return;
  Object.defineProperty(RTCPeerConnection.prototype, "localDescription", {
    ...property,
    get(this: RTCPeerConnection) {
      const description = original.call(this) as RTCSessionDescription | null;
      const id = endpoint();
      if (description === null || id === undefined) return description;
      return new RTCSessionDescription({ type: description.type, sdp: named(description.sdp, id) });
    },
  });
}

/** Adds `a=ssrc:N name:ID-vI` to each sending video section but the first. */
function named(sdp: string, id: string): string {
  let sections = 0;
  let videos = 0;
  return sdp
    .split(/(?=^m=)/m)
    .map((section) => {
      if (
        section.startsWith("m=video") &&
        sections++ > 0 &&
        /^a=(inactive|recvonly)$/m.test(section)
      )
        return section.replace(/^a=ssrc(-group)?:.*\r?\n/gm, "");
      const ssrcs = new Set([...section.matchAll(/^a=ssrc:(\d+) /gm)].map((match) => match[1]));
      if (!section.startsWith("m=video") || ssrcs.size === 0) return section;
      const name = `${id}-v${videos++}`;
      if (videos === 1) return section;
      // Without a stream of its own an SSRC is refused; browsers name it for the section alone.
      const msid = /^a=msid:(.*)$/m.exec(section)?.[1] ?? `- ${name}`;
      const more = [
        ...(section.includes(" name:") ? [] : [`name:${name}`]),
        ...(/^a=ssrc:\d+ msid:/m.test(section) ? [] : [`msid:${msid}`]),
      ];
      const lines = [...ssrcs].flatMap((ssrc) => more.map((what) => `a=ssrc:${ssrc} ${what}\r\n`));
      return section + lines.join("");
    })
    .join("");
}
