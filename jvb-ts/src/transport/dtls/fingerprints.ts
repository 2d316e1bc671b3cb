/** Checking the peer's certificate against signalled fingerprints (spec jvb-control 3.8). */
import type { Fingerprint } from "#shared/stanza/media";

/** Hash functions that fingerprints are checked with, strongest first. */
export const knownHashes = ["sha-512", "sha-384", "sha-256", "sha-1"] as const;

/**
 * Whether the certificate matches: the strongest hash that was signalled and is `accepted` (lower case)
 * counts, and any of the fingerprints with that hash may match (letter case does not). `fingerprintOf`
 * gives the certificate's own one for a hash.
 */
export function certificateMatches(
  signalled: readonly Fingerprint[],
  accepted: readonly string[],
  fingerprintOf: (hash: string) => string | undefined,
): boolean {
  for (const hash of knownHashes) {
    if (!accepted.includes(hash)) continue;
    const declared = signalled.filter((fingerprint) => fingerprint.hash.toLowerCase() === hash);
    if (declared.length === 0) continue;
    const actual = fingerprintOf(hash)?.toUpperCase();
    if (actual === undefined) return false;
    return declared.some(({ value }) => value.trim().toUpperCase() === actual);
  }
  return false;
}
