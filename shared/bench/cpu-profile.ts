/**
 * Reads what V8's CPU profiler wrote (`--cpu-prof`, one file a thread), cut to the time that was
 * measured and with positions in bundles led back to their sources.
 */
import { existsSync, readFileSync } from "node:fs";
import { SourceMap, type SourceMapPayload } from "node:module";
import { dirname, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** As in a `.cpuprofile` file. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  /** Microseconds of the monotonic clock. */
  readonly startTime: number;
  readonly samples: readonly number[];
  /** Microseconds since the sample before, or since the start. */
  readonly timeDeltas: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    /** From 0; -1 of what has no source. */
    readonly lineNumber: number;
    readonly columnNumber: number;
  };
  readonly children?: readonly number[];
}

export type FrameKind = "thread" | "ours" | "package" | "node" | "native" | "garbage";

/** A function where it was called from, or a thread, with what is below it. Times in microseconds. */
export interface Frame {
  readonly name: string;
  /** Source file and line, in the checkout where it is ours. */
  readonly where: string;
  readonly kind: FrameKind;
  self: number;
  total: number;
  readonly children: Map<string, Frame>;
}

export const newFrame = (name: string, where = "", kind: FrameKind = "native"): Frame => ({
  name,
  where,
  kind,
  self: 0,
  total: 0,
  children: new Map(),
});

/** Finds the source of a position in a file of ours, through the map beside a bundle. */
export type Locate = (
  url: string,
  line: number,
  column: number,
) => { readonly file: string; readonly line: number };

export function createLocate(root: string): Locate {
  const maps = new Map<string, SourceMap | undefined>();
  const mapOf = (file: string) => {
    if (maps.has(file)) return maps.get(file);
    const beside = `${file}.map`;
    const map = existsSync(beside)
      ? new SourceMap(JSON.parse(readFileSync(beside, "utf8")) as SourceMapPayload)
      : undefined;
    maps.set(file, map);
    return map;
  };
  return (url, line, column) => {
    if (!url.startsWith("file:")) return { file: url, line: line + 1 };
    const file = fileURLToPath(url);
    const entry = mapOf(file)?.findEntry(line, column);
    if (entry !== undefined && "originalSource" in entry && entry.originalSource !== undefined) {
      const source = resolve(dirname(file), entry.originalSource);
      return { file: relative(root, source), line: entry.originalLine + 1 };
    }
    return { file: relative(root, file), line: line + 1 };
  };
}

function frameOf({ callFrame }: ProfileNode, locate: Locate): Frame {
  const { functionName, url, lineNumber, columnNumber } = callFrame;
  const name = functionName === "" ? "(anonymous)" : functionName;
  if (name === "(garbage collector)") return newFrame(name, "", "garbage");
  if (url === "") return newFrame(name, "", "native");
  if (url.startsWith("node:")) return newFrame(name, `${url}:${lineNumber + 1}`, "node");
  const { file, line } = locate(url, lineNumber, columnNumber);
  const kind = /(^|\/)node_modules\//.test(file) ? "package" : "ours";
  return newFrame(name, `${file}:${line}`, kind);
}

/**
 * Adds a thread's samples between two moments of the monotonic clock (microseconds) below `root`.
 * Time in which the thread waited is left out.
 */
export function addProfile(
  root: Frame,
  profile: CpuProfile,
  from: number,
  to: number,
  locate: Locate,
): void {
  const parents = new Map<number, number>();
  const nodes = new Map<number, ProfileNode>();
  for (const node of profile.nodes) {
    nodes.set(node.id, node);
    for (const child of node.children ?? []) parents.set(child, node.id);
  }
  const frames = new Map<number, Frame>();
  /** The frame of a node, made below that of its parent. */
  const place = (id: number): Frame => {
    const known = frames.get(id);
    if (known !== undefined) return known;
    const node = nodes.get(id);
    const parent = parents.get(id);
    if (node === undefined || parent === undefined) {
      frames.set(id, root);
      return root;
    }
    const above = place(parent);
    const fresh = frameOf(node, locate);
    const key = `${fresh.name} ${fresh.where}`;
    const frame = above.children.get(key) ?? fresh;
    above.children.set(key, frame);
    frames.set(id, frame);
    return frame;
  };
  let now = profile.startTime;
  profile.samples.forEach((id, i) => {
    const delta = profile.timeDeltas[i] ?? 0;
    now += delta;
    if (now < from || now > to || delta <= 0) return;
    if (nodes.get(id)?.callFrame.functionName === "(idle)") return;
    const frame = place(id);
    frame.self += delta;
    frame.total += delta;
    for (let above = parents.get(id); above !== undefined; above = parents.get(above))
      place(above).total += delta;
  });
}

/** Largest first. */
export const childrenOf = (frame: Frame): Frame[] =>
  [...frame.children.values()].sort((a, b) => b.total - a.total);

export interface FunctionTime {
  readonly name: string;
  readonly where: string;
  readonly self: number;
  readonly total: number;
}

/** Every function by its own time, wherever it was called from. */
export function byOwnTime(root: Frame): FunctionTime[] {
  const sums = new Map<string, { name: string; where: string; self: number; total: number }>();
  const walk = (frame: Frame, above: ReadonlySet<string>): void => {
    const key = `${frame.name} ${frame.where}`;
    const sum = sums.get(key) ?? { name: frame.name, where: frame.where, self: 0, total: 0 };
    sum.self += frame.self;
    // Not twice where it calls itself.
    if (!above.has(key)) sum.total += frame.total;
    sums.set(key, sum);
    const within = new Set(above).add(key);
    for (const child of frame.children.values()) walk(child, within);
  };
  for (const thread of root.children.values())
    for (const frame of thread.children.values()) walk(frame, new Set());
  return [...sums.values()].sort((a, b) => b.self - a.self);
}
