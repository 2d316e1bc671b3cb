/** The self-made certificate of `npm start -- --https`, naming every address of the machine. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import forge from "node-forge";

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

interface KeptCertificate extends Certificate {
  readonly names: readonly string[];
  /** When it ends, epoch ms. */
  readonly until: number;
}

function keptIn(file: string): KeptCertificate | undefined {
  if (!existsSync(file)) return undefined;
  try {
    const kept = JSON.parse(readFileSync(file, "utf8")) as KeptCertificate;
    createSecureContext(kept);
    return kept;
  } catch {
    return undefined;
  }
}

/**
 * The certificate in `folder`, made anew when it does not name all of `names`, ends within a week or cannot be
 * read.
 */
export function certificateFor(names: readonly string[], folder: string): Certificate {
  const file = join(folder, "https.json");
  const day = 24 * 3600 * 1000;
  const kept = keptIn(file);
  if (kept !== undefined && names.every((name) => kept.names.includes(name)))
    if (kept.until > Date.now() + 7 * day) return kept;
  const keys = forge.pki.rsa.generateKeyPair(2048);
  const made = forge.pki.createCertificate();
  const until = Date.now() + 365 * day;
  made.publicKey = keys.publicKey;
  // Positive and of the least length whatever is drawn: leading zeros would be no DER.
  made.serialNumber = `40${forge.util.bytesToHex(forge.random.getBytesSync(15))}`;
  made.validity.notBefore = new Date(Date.now() - day);
  made.validity.notAfter = new Date(until);
  const subject = [{ name: "commonName", value: "jitsi-ts demo" }];
  made.setSubject(subject);
  made.setIssuer(subject);
  made.setExtensions([
    { name: "basicConstraints", cA: false },
    { name: "keyUsage", digitalSignature: true, keyEncipherment: true },
    { name: "extKeyUsage", serverAuth: true },
    {
      name: "subjectAltName",
      altNames: names.map((name) =>
        isIP(name) === 0 ? { type: 2, value: name } : { type: 7, ip: name },
      ),
    },
  ]);
  made.sign(keys.privateKey, forge.md.sha256.create());
  const certificate = {
    key: forge.pki.privateKeyToPem(keys.privateKey),
    cert: forge.pki.certificateToPem(made),
  };
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, JSON.stringify({ ...certificate, names, until }), { mode: 0o600 });
  return certificate;
}
