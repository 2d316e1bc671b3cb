/** TLS of an HTTP server from the keys of spec jvb-control 8.3. */
import { readFileSync } from "node:fs";
import { createSecureContext, type SecureVersion } from "node:tls";
import { ConfigError } from "#shared/config/config-error";

/** What `node:https` needs. */
export interface TlsSettings {
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly pfx?: Buffer;
  readonly passphrase?: string;
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
  readonly minVersion: SecureVersion;
  readonly maxVersion: SecureVersion;
  readonly ciphers?: string;
  readonly honorCipherOrder: true;
}

/** Values of `http-servers.<public|private>`. */
export interface TlsKeys {
  /** Full path of the key store's key, for messages. */
  readonly keyStoreKey: string;
  readonly keyStorePath: string;
  readonly keyStorePassword: string | undefined;
  readonly needClientAuth: boolean;
  /** `TLSv1.2`, `TLSv1.3`. */
  readonly protocols: readonly string[];
  /** Names as Java writes them; empty for Node's own choice. */
  readonly cipherSuites: readonly string[];
}

/**
 * Reads the key store: PKCS12, or PEM with certificate chain and key in one file. Throws
 * `ConfigError` for a Java key store, a wrong password and anything else that holds no key.
 */
export function readTlsSettings(keys: TlsKeys): TlsSettings {
  const bytes = readStore(keys);
  const passphrase =
    keys.keyStorePassword === undefined ? {} : { passphrase: keys.keyStorePassword };
  const pem = bytes.includes("-----BEGIN");
  const store = pem ? { cert: bytes, key: bytes } : { pfx: bytes };
  try {
    createSecureContext({ ...store, ...passphrase });
  } catch (cause) {
    throw fault(keys, "cannot be opened", "check the file and key-store-password", cause);
  }
  const versions = keys.protocols.filter((name) => name === "TLSv1.2" || name === "TLSv1.3").sort();
  if (versions.length === 0)
    throw fault(keys, "has no usable tls-protocols", "use TLSv1.2 and TLSv1.3");
  const ciphers = keys.cipherSuites.map(openSslCipher).filter((name) => name !== "");
  return {
    ...store,
    ...passphrase,
    requestCert: keys.needClientAuth,
    rejectUnauthorized: keys.needClientAuth,
    minVersion: versions[0] as SecureVersion,
    maxVersion: versions.at(-1) as SecureVersion,
    ...(ciphers.length === 0 ? {} : { ciphers: [...TLS13_CIPHERS, ...ciphers].join(":") }),
    honorCipherOrder: true,
  };
}

/** Always offered: Java's list names the suites of TLS 1.2 only. */
const TLS13_CIPHERS = [
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "TLS_AES_128_GCM_SHA256",
] as const;

function readStore(keys: TlsKeys): Buffer {
  let bytes: Buffer;
  try {
    bytes = readFileSync(keys.keyStorePath);
  } catch (cause) {
    throw fault(keys, "cannot be read", "check the path and its permissions", cause);
  }
  if (bytes.length >= 4 && bytes.readUInt32BE(0) === 0xfeed_feed) {
    const remedy =
      "convert it: keytool -importkeystore -srckeystore OLD -destkeystore NEW.p12 -deststoretype pkcs12";
    throw fault(keys, "is in Java's own format", remedy);
  }
  return bytes;
}

function fault(keys: TlsKeys, message: string, remedy: string, cause?: unknown): ConfigError {
  return new ConfigError(
    { key: keys.keyStoreKey, message: `${keys.keyStorePath} ${message}`, remedy },
    cause,
  );
}

/** `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256` is `ECDHE-RSA-AES128-GCM-SHA256`; "" for TLS 1.3 suites. */
export function openSslCipher(name: string): string {
  const parts = /^TLS_(\w+)_WITH_(\w+)$/.exec(name);
  if (parts === null) return name.startsWith("TLS_") ? "" : name;
  const cipher = (parts[2] as string)
    .replace(/AES_(128|256)/, "AES$1")
    .replace(/^CHACHA20_POLY1305_SHA256$/, "CHACHA20_POLY1305");
  return `${parts[1]}_${cipher}`.replaceAll("_", "-");
}
