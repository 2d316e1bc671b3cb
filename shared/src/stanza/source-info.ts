/**
 * `<SourceInfo>` in a client's presence (spec xmpp-wire A12, jicofo 3.4): JSON, source name to
 * what is muted and of which kind.
 */
import { err, ok, type Result } from "../runtime/result.ts";
import type { MediaType } from "./media.ts";
import { fault, type StanzaFault } from "./stanza-error.ts";

/** One source as its owner announces it. */
export interface SourceInfo {
  readonly muted: boolean;
  readonly videoType: "camera" | "desktop" | undefined;
  /** From the explicit field, else from the name (`-a0`, `-v0`). */
  readonly mediaType: MediaType | undefined;
}

/** Reads the JSON text. Keep the previous state when it is refused. */
export function parseSourceInfo(
  text: string,
): Result<ReadonlyMap<string, SourceInfo>, StanzaFault> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return err(fault("SourceInfo is not JSON"));
  }
  if (!isRecord(json)) return err(fault("SourceInfo is not an object"));
  const found = new Map<string, SourceInfo>();
  for (const [name, info] of Object.entries(json)) {
    if (!isRecord(info)) return err(fault("SourceInfo of a source is not an object"));
    found.set(name, {
      muted: info["muted"] !== false,
      videoType: parseVideoType(info["videoType"]),
      mediaType: parseMediaType(info["mediaType"], name),
    });
  }
  return ok(found);
}

function parseVideoType(value: unknown): SourceInfo["videoType"] {
  if (typeof value !== "string") return undefined;
  const text = value.toLowerCase();
  return text === "camera" ? "camera" : text.startsWith("desktop") ? "desktop" : undefined;
}

function parseMediaType(value: unknown, name: string): MediaType | undefined {
  const text = typeof value === "string" ? value.toLowerCase() : name.split("-")[1]?.[0];
  if (text === "audio" || text === "a") return "audio";
  return text === "video" || text === "v" ? "video" : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
