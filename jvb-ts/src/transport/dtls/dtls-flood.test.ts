import { expect } from "chai";
import type { Fingerprint } from "#shared/stanza/media";
import { recordingLogger } from "#shared/testing/recording-logger";
import type { DtlsEngine } from "./dtls-engine.ts";
import { DtlsTransport } from "./dtls-transport.ts";
import { fakeDtls } from "./fake-dtls.test.ts";

const client: Fingerprint = {
  hash: "sha-256",
  setup: "active",
  value: "CC:DD",
  cryptex: undefined,
};

/** A transport that counts the handshakes it began. */
function counted() {
  const inner = fakeDtls({ fingerprint: "AA:BB" });
  let sessions = 0;
  const engine: DtlsEngine = {
    createCertificate: () => inner.createCertificate(),
    createSession: (...options) => {
      sessions++;
      return inner.createSession(...options);
    },
  };
  const log = recordingLogger();
  const transport = new DtlsTransport({ engine, certificate: engine.createCertificate(), log });
  return { transport, log, sessions: () => sessions };
}

/** No ClientHello: the handshake stays half open. */
const junk = Uint8Array.of(20, 1, 2, 3);

describe("E2 floods of handshakes", () => {
  it("E2 no handshake before ICE has validated an address, and 32 datagrams kept", () => {
    const { transport, sessions } = counted();
    transport.setRemote([client], 0);
    for (let n = 0; n < 10_000; n++) transport.handleDatagram(junk, n);
    expect(sessions()).to.equal(0);
    expect(transport.dropped).to.equal(10_000 - 32);
    expect(transport.pollTimeout()).to.equal(undefined);
  });

  it("E2 one half-open handshake for an endpoint, which ends after 30 s for good", () => {
    const { transport, log, sessions } = counted();
    transport.setRemote([client], 0);
    transport.setWritable(0);
    for (let n = 0; n < 10_000; n++) transport.handleDatagram(junk, n);
    expect(sessions()).to.equal(1);
    transport.handleTimeout(30_000);
    expect(transport.failed).to.equal(true);
    for (let n = 0; n < 10_000; n++) transport.handleDatagram(junk, 30_001 + n);
    expect(sessions()).to.equal(1);
    expect(transport.pollTimeout()).to.equal(undefined);
    expect(log.messages("warn")).to.deep.equal(["dtls failed"]);
  });
});
