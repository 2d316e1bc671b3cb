import { expect } from "chai";
import type { Fingerprint } from "#shared/stanza/media";
import { recordingLogger } from "#shared/testing/recording-logger";
import { type DtlsEvent, DtlsTransport, defaultDtlsRules } from "./dtls-transport.ts";
import { fakeDtls } from "./fake-dtls.test.ts";
import { certificateMatches, knownHashes } from "./fingerprints.ts";
import { HandshakeSlots } from "./handshake-slots.ts";

const fingerprint = (
  value: string,
  setup: Fingerprint["setup"] = "active",
  hash = "sha-256",
): Fingerprint => ({ hash, setup, value, cryptex: undefined });

function transport(
  options: { noProfile?: boolean } = {},
  slots?: HandshakeSlots,
  rules = defaultDtlsRules,
): DtlsTransport {
  const engine = fakeDtls({ fingerprint: "AA:BB", ...options });
  return new DtlsTransport({
    engine,
    certificate: engine.createCertificate(),
    log: recordingLogger(),
    rules,
    slots,
  });
}

function drain(dtls: DtlsTransport): DtlsEvent[] {
  const events: DtlsEvent[] = [];
  for (let event = dtls.poll(); event !== undefined; event = dtls.poll()) events.push(event);
  return events;
}
const kinds = (dtls: DtlsTransport) => drain(dtls).map(({ kind }) => kind);
const hello = (certificate: string) => Uint8Array.of(22, ...Buffer.from(certificate));

describe("DTLS transport", () => {
  for (const [setup, role, described] of [
    ["active", "server", "passive"],
    ["passive", "client", "active"],
    ["actpass", "undecided", "actpass"],
    [undefined, "undecided", "actpass"],
  ] as const) {
    it(`B-085 peer's setup ${setup} makes us ${role} (M-006)`, () => {
      const dtls = transport();
      expect(dtls.describe().setup).to.equal("actpass");
      const first = { ...fingerprint("CC"), setup };
      dtls.setRemote([first, fingerprint("DD", "passive")], 0);
      expect(dtls.role).to.equal(role);
      expect(dtls.describe().setup).to.equal(described);
    });
  }

  it("starts as client when ICE is writable, not earlier (M-006)", () => {
    const dtls = transport();
    dtls.setRemote([fingerprint("CC:DD", "passive")], 0);
    expect(kinds(dtls)).to.deep.equal([]);
    dtls.setWritable(10);
    expect(kinds(dtls)).to.deep.equal(["datagram"]);
    expect(dtls.pollTimeout()).to.equal(1010);
    dtls.handleTimeout(1010);
    expect(kinds(dtls)).to.deep.equal(["datagram"]);
    dtls.handleDatagram(hello("CC:DD"), 1100);
    expect(kinds(dtls)).to.deep.equal(["connected"]);
    expect(dtls.pollTimeout()).to.equal(undefined);
  });

  it("keeps a ClientHello that comes before the description, within limits", () => {
    const dtls = transport();
    dtls.setWritable(0);
    for (let i = 0; i < 40; i++) dtls.handleDatagram(hello("cc:dd"), 5);
    expect(dtls.dropped).to.equal(8);
    expect(kinds(dtls)).to.deep.equal([]);
    dtls.setRemote([fingerprint("CC:DD")], 10);
    expect(kinds(dtls)).to.include("connected");
  });

  it("B-086 refuses a certificate that was not signalled, keys stay unused", () => {
    const dtls = transport();
    dtls.setRemote([fingerprint("CC:DD")], 0);
    dtls.setWritable(0);
    dtls.handleDatagram(hello("EE:FF"), 5);
    const events = drain(dtls);
    expect(events.map(({ kind }) => kind)).to.deep.equal(["datagram", "datagram", "failed"]);
    expect(dtls.failed).to.equal(true);
    dtls.handleDatagram(hello("CC:DD"), 6);
    expect(kinds(dtls)).to.deep.equal([]);
    expect(dtls.dropped).to.equal(1);
  });

  for (const [configured, offered, encrypts] of [
    [true, [true], true],
    [true, [true, true], true],
    [true, [true, undefined], false],
    [true, [false], false],
    [false, [true], false],
  ] as const)
    it(`M-018 encrypts header extensions if configured (${configured}) and offered (${offered.join()}): ${encrypts}`, () => {
      const dtls = transport({}, undefined, { ...defaultDtlsRules, cryptex: configured });
      expect(dtls.describe().cryptex).to.equal(configured ? true : undefined);
      const remote = offered.map((cryptex) => ({ ...fingerprint("CC:DD"), cryptex }));
      dtls.setRemote(remote, 0);
      dtls.setWritable(0);
      dtls.handleDatagram(hello("CC:DD"), 5);
      const connected = drain(dtls).find((event) => event.kind === "connected");
      expect(connected?.keys.cryptex).to.equal(encrypts);
    });

  it("fails without a common SRTP profile", () => {
    const dtls = transport({ noProfile: true });
    dtls.setRemote([fingerprint("CC:DD")], 0);
    dtls.setWritable(0);
    dtls.handleDatagram(hello("CC:DD"), 5);
    expect(kinds(dtls).at(-1)).to.equal("failed");
  });

  it("fails 30 s after the start of the handshake", () => {
    const dtls = transport();
    dtls.setRemote([fingerprint("CC:DD")], 0);
    dtls.setWritable(1000);
    dtls.handleTimeout(30_999);
    expect(dtls.failed).to.equal(false);
    expect(dtls.pollTimeout()).to.equal(31_000);
    dtls.handleTimeout(31_000);
    expect(kinds(dtls).at(-1)).to.equal("failed");
  });

  it("E2 lets two thousand be half open, and the next begin when one is done", () => {
    let delayed = 0;
    const slots = new HandshakeSlots(2000, () => delayed++);
    const begin = (setup: "active" | "passive" = "active"): DtlsTransport => {
      const dtls = transport({}, slots);
      dtls.setRemote([fingerprint("CC:DD", setup)], 0);
      dtls.setWritable(0);
      return dtls;
    };
    const open = Array.from({ length: 2000 }, () => begin());
    expect([slots.taken, delayed]).to.deep.equal([2000, 0]);
    const late = begin();
    late.handleDatagram(hello("CC:DD"), 10);
    expect(late.running).to.equal(false);
    expect(late.pollTimeout()).to.equal(50);
    late.handleTimeout(50);
    expect(late.pollTimeout()).to.equal(100);
    expect([slots.taken, delayed, late.failed]).to.deep.equal([2000, 1, false]);
    // One is done; what the one that waits was sent meanwhile counts.
    open[0]?.handleDatagram(hello("CC:DD"), 90);
    expect(slots.taken).to.equal(1999);
    late.handleTimeout(100);
    expect(kinds(late)).to.include("connected");
    expect(slots.taken).to.equal(1999);
    // However a handshake ends, it ends once.
    open[1]?.handleTimeout(30_000);
    open[1]?.close();
    open[2]?.close();
    open[2]?.close();
    open[3]?.handleDatagram(hello("EE:FF"), 100);
    open[0]?.close();
    expect(slots.taken).to.equal(1996);
    const [waits, client] = [begin(), begin("passive")];
    expect(slots.taken).to.equal(1998);
    waits.close();
    client.close();
    expect(slots.taken).to.equal(1996);
  });

  it("E2 forgets one that was closed while it waited", () => {
    const slots = new HandshakeSlots(0, () => {});
    const dtls = transport({}, slots);
    dtls.setRemote([fingerprint("CC:DD")], 0);
    dtls.setWritable(0);
    dtls.close();
    expect(dtls.pollTimeout()).to.equal(undefined);
    dtls.handleTimeout(50);
    expect(slots.taken).to.equal(0);
  });

  it("hands data over only once connected", () => {
    const dtls = transport();
    dtls.setRemote([fingerprint("CC:DD")], 0);
    dtls.setWritable(0);
    dtls.handleDatagram(Uint8Array.of(23, 1, 2), 1);
    expect(kinds(dtls)).to.deep.equal([]);
    dtls.handleDatagram(hello("CC:DD"), 2);
    drain(dtls);
    dtls.handleDatagram(Uint8Array.of(23, 1, 2), 3);
    expect(drain(dtls)).to.deep.equal([{ kind: "data", bytes: Uint8Array.of(1, 2) }]);
  });
});

describe("certificate check (M-007, M-008)", () => {
  const actual: Record<string, string> = { "sha-512": "A5", "sha-256": "A2", "sha-1": "A1" };
  const of = (hash: string) => actual[hash];
  for (const [name, signalled, matches] of [
    ["one match", [fingerprint("A2")], true],
    ["letter case", [fingerprint("a2", "active", "SHA-256")], true],
    ["one of several", [fingerprint("B2"), fingerprint("A2")], true],
    ["wrong", [fingerprint("B2")], false],
    ["none", [], false],
    [
      "right sha-512, wrong sha-256",
      [fingerprint("B2"), fingerprint("A5", "active", "sha-512")],
      true,
    ],
    [
      "wrong sha-512, right sha-256",
      [fingerprint("A2"), fingerprint("B5", "active", "sha-512")],
      false,
    ],
    ["only a refused hash", [fingerprint("A3", "active", "md5")], false],
  ] as const) {
    it(name, () => expect(certificateMatches(signalled, knownHashes, of)).to.equal(matches));
  }

  it("looks only at hashes that the configuration accepts", () => {
    const both = [fingerprint("B2"), fingerprint("A5", "active", "sha-512")];
    expect(certificateMatches(both, ["sha-256"], of)).to.equal(false);
    expect(certificateMatches(both, ["sha-256", "sha-512"], of)).to.equal(true);
    expect(certificateMatches([fingerprint("A1", "active", "sha-1")], ["sha-256"], of)).to.equal(
      false,
    );
  });
});
