/**
 * Names and addresses of people in logs.
 *
 * Upstream prints them and operators search for them, so they are printed by default;
 * `JITSI_TS_REDACT=1` (or `redactPii(true)`) replaces each by a short tag that is the same for the
 * same text within one run of the program, so that lines can still be matched with each other.
 */
import { createHmac, randomBytes } from "node:crypto";

let redact = false;
let key: Uint8Array | undefined;

/** Switches redaction; `main.ts` calls it once. */
export function redactPii(on: boolean): void {
  redact = on;
  key ??= on ? new Uint8Array(randomBytes(16)) : undefined;
}

/** The text itself, or its tag `<a1b2c3d4>` when redaction is on. */
export function pii(text: string): string {
  if (!redact || key === undefined) return text;
  return `<${createHmac("sha256", key).update(text).digest("hex").slice(0, 8)}>`;
}
