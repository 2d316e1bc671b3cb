/** ufrag and password of one local ICE agent, in upstream's shape (spec jvb-control 3.2). */
import type { Millis, Random } from "#shared/runtime/runtime";

export interface IceCredentials {
  readonly ufrag: string;
  readonly pwd: string;
}

/**
 * ufrag: prefix, 24 random bits and the epoch in ms, pwd: 128 random bits; numbers in base 32
 * (RFC 8445 5.3 asks for at least 4 and 22 characters).
 */
export function newCredentials(random: Random, wallNow: Millis, prefix: string): IceCredentials {
  const salt = random.int(2 ** 24).toString(32);
  const ufrag = `${prefix}${salt}${Math.floor(wallNow).toString(32)}`.padEnd(4, "0");
  const key = Buffer.from(random.bytes(16)).toString("hex");
  return { ufrag, pwd: BigInt(`0x${key}`).toString(32).padStart(26, "0") };
}
