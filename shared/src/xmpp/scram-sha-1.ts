/**
 * SCRAM-SHA-1 (RFC 5802) for the stream library, whose own derives the key by ten thousand
 * asynchronous calls: 0.2 s of work and garbage, and seconds on a busy machine. This is one call.
 */
import { createHash, createHmac, pbkdf2 } from "node:crypto";
import { promisify } from "node:util";

const deriveKey = promisify(pbkdf2);

/** Servers use 4096 to 100,000; more is an attack on our time. */
const maxIterations = 1_000_000;

/** What the library gives to each step. */
export interface ScramCredentials {
  readonly username: string | null;
  readonly password: string | null;
}

/** One login; the library makes one for each attempt and calls `response`, `challenge`, `response`. */
export class ScramSha1 {
  readonly name = "SCRAM-SHA-1";
  readonly clientFirst = true;
  readonly #nonce: string;
  #firstBare = "";
  #challenge: string | undefined = undefined;

  /** `nonce`: unpredictable, printable ASCII without a comma. */
  constructor(nonce: string) {
    this.#nonce = nonce;
  }

  /** Takes the server's first message. Its last one needs no answer. */
  challenge(text: string): void {
    this.#challenge = text;
  }

  /** Our next message; rejects when the server's cannot be answered. */
  async response({ username, password }: ScramCredentials): Promise<string> {
    if (this.#challenge === undefined) {
      this.#firstBare = `n=${escapeName(username ?? "")},r=${this.#nonce}`;
      return `n,,${this.#firstBare}`;
    }
    const challenge = this.#challenge;
    const parsed = parseScramChallenge(challenge, this.#nonce);
    // The library reports it as a failed login.
    if (parsed === undefined) throw new Error("the server's SCRAM challenge cannot be answered");
    const { nonce, salt, iterations } = parsed;
    const salted = await deriveKey(password ?? "", salt, iterations, 20, "sha1");
    const clientKey = hmac(salted, "Client Key");
    const storedKey = createHash("sha1").update(clientKey).digest();
    // `biws` is `n,,` in base64: no channel binding.
    const final = `c=biws,r=${nonce}`;
    const signature = hmac(storedKey, `${this.#firstBare},${challenge},${final}`);
    const proof = Buffer.from(clientKey.map((byte, at) => byte ^ (signature[at] ?? 0)));
    return `${final},p=${proof.toString("base64")}`;
  }
}

/** The server's first message. */
export interface ScramChallenge {
  readonly nonce: string;
  readonly salt: Uint8Array;
  readonly iterations: number;
}

/** Reads `r=…,s=…,i=…`; `undefined` where it cannot be answered. */
export function parseScramChallenge(text: string, ourNonce: string): ScramChallenge | undefined {
  const fields = new Map(text.split(",").map((part) => [part.slice(0, 2), part.slice(2)]));
  const nonce = fields.get("r=") ?? "";
  const iterations = Number(fields.get("i="));
  const whole = Number.isInteger(iterations) && iterations > 0 && iterations <= maxIterations;
  if (!nonce.startsWith(ourNonce) || nonce === ourNonce || !fields.has("s=") || !whole) {
    return undefined;
  }
  return { nonce, salt: Buffer.from(fields.get("s=") ?? "", "base64"), iterations };
}

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac("sha1", key).update(text).digest();
}

/** RFC 5802 §5.1. */
function escapeName(name: string): string {
  return name.replaceAll("=", "=3D").replaceAll(",", "=2C");
}
