import { type Element, elementsOf } from "./xml.ts";

/** Condition of a stream error (RFC 6120 §4.9): `host-unknown`, `not-authorized`, … */
export function streamErrorCondition(error: Element): string {
  return elementsOf(error).find((child) => child.name !== "text")?.name ?? "unknown";
}
