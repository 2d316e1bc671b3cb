/**
 * COMPAT(client): the library of March 2022 signals every video of a person under the name of the
 * first (`ID-v0`), so that a bridge cannot tell a shared screen from the camera; with upstream's
 * servers too the screen then never arrives. It keeps a name that is already in the description,
 * so the second and later videos get theirs here. Newer libraries name them themselves.
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
  let videos = 0;
  return sdp
    .split(/(?=^m=)/m)
    .map((section) => {
      const ssrcs = new Set([...section.matchAll(/^a=ssrc:(\d+) /gm)].map((match) => match[1]));
      if (!section.startsWith("m=video") || ssrcs.size === 0) return section;
      const name = `${id}-v${videos++}`;
      if (videos === 1 || section.includes(" name:")) return section;
      return section + [...ssrcs].map((ssrc) => `a=ssrc:${ssrc} name:${name}\r\n`).join("");
    })
    .join("");
}
