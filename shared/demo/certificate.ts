/** The self-made certificate of `npm start -- --https`, naming every address of the machine. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import forge from "node-forge";

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** The certificate in `folder`, made anew when it does not name all of `names` or ends within a week. */
export function certificateFor(names: readonly string[], folder: string): Certificate {
  const file = join(folder, "https.json");
  const day = 24 * 3600 * 1000;
  if (existsSync(file)) {
    const kept = JSON.parse(readFileSync(file, "utf8")) as Certificate & {
      names: string[];
      until: number;
    };
    if (names.every((name) => kept.names.includes(name)) && kept.until > Date.now() + 7 * day)
      return kept;
  }
  const keys = forge.pki.rsa.generateKeyPair(2048);
  const made = forge.pki.createCertificate();
  const until = Date.now() + 365 * day;
  made.publicKey = keys.publicKey;
  made.serialNumber = `00${forge.util.bytesToHex(forge.random.getBytesSync(15))}`;
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
