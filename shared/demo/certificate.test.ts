import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import forge from "node-forge";
import { certificateFor } from "./certificate.ts";

describe("the certificate of npm start -- --https", () => {
  let folder = "";
  const { getBytesSync } = forge.random;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "certificate-"));
  });
  afterEach(() => {
    forge.random.getBytesSync = getBytesSync;
    rmSync(folder, { recursive: true });
  });

  for (const first of [0, 1, 0x7f, 0x80, 0xff])
    it(`has a serial number that can be read, drawn as ${first}, ${first}, …`, () => {
      forge.random.getBytesSync = (count) =>
        count === 15 ? String.fromCharCode(first).repeat(count) : getBytesSync(count);
      const { cert } = certificateFor(["127.0.0.1", "demo"], folder);
      const read = new X509Certificate(cert);
      expect(read.serialNumber).to.match(/^40/);
      expect(read.subjectAltName).to.equal("IP Address:127.0.0.1, DNS:demo");
    });

  it("is kept while it names all, and made anew where it cannot be read", () => {
    const made = certificateFor(["127.0.0.1", "demo"], folder);
    expect(certificateFor(["demo"], folder).cert).to.equal(made.cert);
    expect(certificateFor(["other"], folder).cert).not.to.equal(made.cert);
    const file = join(folder, "https.json");
    const kept = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
    for (const text of [JSON.stringify({ ...kept, cert: "none" }), "{"]) {
      writeFileSync(file, text);
      const { cert } = certificateFor(["other"], folder);
      expect(new X509Certificate(cert).subject).to.equal("CN=jitsi-ts demo");
    }
  });
});
