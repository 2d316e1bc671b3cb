import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import forge from "node-forge";
import { ConfigError } from "#shared/config/config-error";
import { recordingLogger } from "../testing/recording-logger.ts";
import { textReply } from "./message.ts";
import { createHttpServer } from "./server.ts";
import { openSslCipher, readTlsSettings, type TlsKeys } from "./tls-settings.ts";

describe("TLS of the HTTP server", () => {
  let directory: string;
  let pem: string;
  let pkcs12: Buffer;

  before(function () {
    this.timeout(20_000);
    directory = mkdtempSync(join(tmpdir(), "tls-"));
    const pair = forge.pki.rsa.generateKeyPair({ bits: 2048, workers: 0 });
    const certificate = forge.pki.createCertificate();
    certificate.publicKey = pair.publicKey;
    certificate.serialNumber = "01";
    certificate.validity.notBefore = new Date(2020, 0, 1);
    certificate.validity.notAfter = new Date(2120, 0, 1);
    certificate.setSubject([{ name: "commonName", value: "localhost" }]);
    certificate.setIssuer([{ name: "commonName", value: "localhost" }]);
    certificate.sign(pair.privateKey, forge.md.sha256.create());
    pem = forge.pki.certificateToPem(certificate) + forge.pki.privateKeyToPem(pair.privateKey);
    const p12 = forge.pkcs12.toPkcs12Asn1(pair.privateKey, certificate, "secret", {
      algorithm: "aes256",
    });
    pkcs12 = Buffer.from(forge.asn1.toDer(p12).getBytes(), "latin1");
  });
  after(() => rmSync(directory, { recursive: true }));

  const keysFor = (bytes: string | Buffer, password?: string): TlsKeys => {
    const keyStorePath = join(directory, "store");
    writeFileSync(keyStorePath, bytes);
    return {
      keyStoreKey: "videobridge.http-servers.private.key-store-path",
      keyStorePath,
      keyStorePassword: password,
      needClientAuth: false,
      protocols: ["TLSv1.2", "TLSv1.3"],
      cipherSuites: ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"],
    };
  };

  const fetchOver = (port: number, maxVersion: "TLSv1.2" | "TLSv1.3"): Promise<string> =>
    new Promise((resolve, reject) => {
      const options = {
        host: "127.0.0.1",
        port,
        rejectUnauthorized: false,
        maxVersion,
        agent: false,
      };
      const sent = request(options, (reply) => {
        let text = "";
        reply.on("data", (data: Buffer) => {
          text += data.toString();
        });
        reply.on("end", () => resolve(text));
      });
      sent.on("error", reject);
      sent.end();
    });

  for (const form of ["PEM", "PKCS12"] as const) {
    it(`serves with a ${form} store over TLS 1.2 and 1.3`, async () => {
      const keys = form === "PEM" ? keysFor(pem) : keysFor(pkcs12, "secret");
      const server = createHttpServer({
        name: "private",
        host: "127.0.0.1",
        port: 0,
        portKey: "x",
        log: recordingLogger(),
        tls: readTlsSettings(keys),
      });
      server.route("GET", "/", () => textReply("hello"));
      await server.start();
      try {
        expect(await fetchOver(server.port, "TLSv1.2")).to.equal("hello");
        expect(await fetchOver(server.port, "TLSv1.3")).to.equal("hello");
      } finally {
        await server.stop(100);
      }
    });
  }

  const faults: readonly [string, () => TlsKeys, string][] = [
    ["a wrong password", () => keysFor(pkcs12, "wrong"), "check the file and key-store-password"],
    ["Java's own format", () => keysFor(Buffer.from("feedfeed00000002", "hex")), "keytool"],
    ["nonsense", () => keysFor("nonsense"), "check the file"],
    ["a missing file", () => ({ ...keysFor(""), keyStorePath: "/nonexistent" }), "check the path"],
    ["old protocols only", () => ({ ...keysFor(pem), protocols: ["TLSv1"] }), "use TLSv1.2"],
  ];
  for (const [name, keys, remedy] of faults) {
    it(`refuses ${name}, naming key and remedy`, () => {
      expect(() => readTlsSettings(keys()))
        .to.throw(ConfigError)
        .with.property("message")
        .that.matches(/^videobridge.http-servers.private.key-store-path: /)
        .and.contains(remedy);
    });
  }

  it("knows Java's names of ciphers", () => {
    const names = [
      "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
      "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
      "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
      "TLS_AES_128_GCM_SHA256",
    ];
    expect(names.map(openSslCipher)).to.deep.equal([
      "ECDHE-ECDSA-AES256-GCM-SHA384",
      "DHE-RSA-AES128-GCM-SHA256",
      "ECDHE-RSA-CHACHA20-POLY1305",
      "",
    ]);
  });
});
