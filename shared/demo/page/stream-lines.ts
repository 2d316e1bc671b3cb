/** One stream of a track as the details show it. */
export interface StreamLine {
  /** Of the MediaStreamTrack. */
  readonly track: string;
  /** Of the picture; undefined for sound, or before the first picture. */
  readonly height: number | undefined;
  readonly text: string;
}

/** The lines of each track, the highest layer first: the browser lists them in any order. */
export function linesByTrack(streams: readonly StreamLine[]): Map<string, string> {
  const lines = new Map<string, string>();
  for (const { track, text } of [...streams].sort((a, b) => (b.height ?? 0) - (a.height ?? 0))) {
    const before = lines.get(track);
    lines.set(track, before === undefined ? text : `${before}\n${text}`);
  }
  return lines;
}
