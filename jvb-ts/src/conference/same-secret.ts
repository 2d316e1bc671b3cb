/** Compares a secret with a guess in a time that says nothing about how much of it is right. */
import { timingSafeEqual } from "node:crypto";

/** Compared with where there is no secret, so that to ask for nobody takes about as long. */
const nobody = "xxxxxxxxxxxxxxxxxxxxxxxx";

/**
 * Whether `guess` is `secret`; never when there is none. Only the length of a secret may show:
 * whatever is asked, `compare` (replaced in tests) looks once at as many bytes as a secret has.
 */
export function sameSecret(
  secret: string | undefined,
  guess: string,
  compare: (one: Buffer, other: Buffer) => boolean = timingSafeEqual,
): boolean {
  const expected = Buffer.from(secret ?? nobody, "utf8");
  const given = Buffer.from(guess, "utf8");
  const comparable = given.length === expected.length ? given : Buffer.alloc(expected.length);
  const same = compare(expected, comparable);
  return same && given.length === expected.length && secret !== undefined;
}
