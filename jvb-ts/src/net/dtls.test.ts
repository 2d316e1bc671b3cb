/** The addon's DTLS with both ends in memory, on virtual time. */
import { expect } from "chai";
import { SrtpProfile } from "../media/packet-io.ts";
import type { DtlsOutput, DtlsSession } from "../transport/dtls/dtls-engine.ts";
import { createDtlsEngine, openSslCipherSuite } from "./native-dtls.ts";

const engine = createDtlsEngine();
const certificates = { client: engine.createCertificate(), server: engine.createCertificate() };

/** Two sessions and the datagrams between them; `drop` says which of them get lost. */
class Link {
  readonly client: DtlsSession;
  readonly server: DtlsSession;
  now = 0;
  readonly sizes: number[] = [];
  readonly received: { client: Uint8Array[]; server: Uint8Array[] } = { client: [], server: [] };
  sent = 0;
  readonly #drop: (datagram: number) => boolean;
  readonly #queue: ["client" | "server", Uint8Array][] = [];

  constructor(options: {
    drop?: (datagram: number) => boolean;
    mtu?: number;
    client?: DtlsSession;
    server?: DtlsSession;
  }) {
    const mtu = options.mtu ?? 1200;
    this.client = options.client ?? engine.createSession(certificates.client, "client", mtu);
    this.server = options.server ?? engine.createSession(certificates.server, "server", mtu);
    this.#drop = options.drop ?? (() => false);
  }

  take(from: "client" | "server", output: DtlsOutput): void {
    this.received[from].push(...output.data);
    for (const datagram of output.datagrams) {
      this.sizes.push(datagram.length);
      if (!this.#drop(this.sent++))
        this.#queue.push([from === "client" ? "server" : "client", datagram]);
    }
  }

  deliver(): void {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift())
      this.take(next[0], this[next[0]].handleDatagram(next[1], this.now));
  }

  /** Delivers, then jumps to the next timer, until both are connected or `limit` ms have passed. */
  connect(limit = 60_000): void {
    this.take("client", this.client.start(this.now));
    this.deliver();
    while (this.client.state === "handshaking" || this.server.state === "handshaking") {
      const next = Math.min(
        this.client.pollTimeout() ?? Infinity,
        this.server.pollTimeout() ?? Infinity,
      );
      if (next > limit) return;
      this.now = next;
      for (const side of ["client", "server"] as const)
        if ((this[side].pollTimeout() ?? Infinity) <= this.now)
          this.take(side, this[side].handleTimeout(this.now));
      this.deliver();
    }
  }
}

describe("DTLS", () => {
  it("connects, shows fingerprints and exports mirrored GCM keys", () => {
    const link = new Link({});
    link.connect();
    expect([link.client.state, link.server.state]).to.deep.equal(["connected", "connected"]);
    expect(link.now, "no retransmission").to.equal(0);
    expect(link.client.peerFingerprint("sha-256")).to.equal(certificates.server.fingerprintSha256);
    expect(link.server.peerFingerprint("SHA-256")).to.equal(certificates.client.fingerprintSha256);
    expect(link.server.peerFingerprint("sha-512")).to.match(/^([0-9A-F]{2}:){63}[0-9A-F]{2}$/);
    expect(link.server.peerFingerprint("sha-1")).to.match(/^([0-9A-F]{2}:){19}[0-9A-F]{2}$/);
    expect(link.server.peerFingerprint("md5")).to.equal(undefined);
    const client = link.client.srtpKeys();
    const server = link.server.srtpKeys();
    expect(client?.profile).to.equal(SrtpProfile.AEAD_AES_128_GCM);
    expect(client?.localKey).to.deep.equal(server?.remoteKey);
    expect(client?.remoteKey).to.deep.equal(server?.localKey);
    expect(client?.localSalt).to.deep.equal(server?.remoteSalt);
    expect(client?.localKey).to.not.deep.equal(client?.remoteKey);
    expect([client?.localKey.length, client?.localSalt.length]).to.deep.equal([16, 12]);
    expect(link.client.pollTimeout()).to.equal(undefined);
    expect(link.server.pollTimeout()).to.equal(undefined);
  });

  it("answers a ClientHello directly, with a P-256 certificate and a request for one (M-004)", () => {
    const client = engine.createSession(certificates.client, "client", 1200);
    const server = engine.createSession(certificates.server, "server", 1200);
    const [hello] = client.start(0).datagrams;
    const flight = Buffer.concat(server.handleDatagram(hello!, 0).datagrams);
    // Handshake types of RFC 5246 7.4, by their records (the first byte of a new message).
    const types: number[] = [];
    for (let at = 0; at < flight.length; at += 13 + flight.readUInt16BE(at + 11)) {
      expect(flight[at]).to.equal(22);
      const isFirstFragment = flight.readUIntBE(at + 13 + 6, 3) === 0;
      if (isFirstFragment) types.push(flight[at + 13]!);
    }
    const HELLO = 2;
    const CERTIFICATE = 11;
    const KEY_EXCHANGE = 12;
    const CERTIFICATE_REQUEST = 13;
    const DONE = 14;
    expect(types).to.deep.equal([HELLO, CERTIFICATE, KEY_EXCHANGE, CERTIFICATE_REQUEST, DONE]);
    // The object identifier of prime256v1.
    expect(flight.includes(Buffer.from("06082a8648ce3d030107", "hex"))).to.equal(true);
  });

  it("takes the first profile of the server's list that the client offers (M-005)", () => {
    const offered = createDtlsEngine({
      srtpProfiles: [SrtpProfile.AES128_CM_HMAC_SHA1_80, SrtpProfile.AEAD_AES_128_GCM],
    });
    const client = offered.createSession(offered.createCertificate(), "client", 1200);
    const both = new Link({ client });
    both.connect();
    expect(both.server.srtpKeys()?.profile).to.equal(SrtpProfile.AEAD_AES_128_GCM);

    const old = createDtlsEngine({ srtpProfiles: [SrtpProfile.AES128_CM_HMAC_SHA1_80] });
    const oldClient = old.createSession(old.createCertificate(), "client", 1200);
    const link = new Link({ client: oldClient });
    link.connect();
    const keys = link.server.srtpKeys();
    expect(keys?.profile).to.equal(SrtpProfile.AES128_CM_HMAC_SHA1_80);
    expect(keys?.localSalt.length).to.equal(14);
    expect(oldClient.srtpKeys()?.remoteSalt).to.deep.equal(keys?.localSalt);
  });

  for (let lost = 0; lost < 6; lost++)
    it(`recovers from the loss of datagram ${lost}`, () => {
      const link = new Link({ drop: (datagram) => datagram === lost, mtu: 600 });
      link.connect();
      expect([link.client.state, link.server.state]).to.deep.equal(["connected", "connected"]);
      expect(link.now).to.be.at.most(1000);
    });

  it("connects at 30 % loss with any seed", () => {
    for (let seed = 1; seed <= 30; seed++) {
      let state = seed;
      const link = new Link({
        mtu: 400,
        drop: () => {
          state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
          return state < 0.3 * 2 ** 32;
        },
      });
      link.connect();
      expect(`${seed} ${link.client.state} ${link.server.state}`).to.equal(
        `${seed} connected connected`,
      );
    }
  });

  it("keeps handshake datagrams within the MTU", () => {
    for (const mtu of [300, 600, 1200]) {
      const link = new Link({ mtu });
      link.connect();
      expect(link.server.state).to.equal("connected");
      expect(Math.max(...link.sizes)).to.be.at.most(mtu);
    }
  });

  it("doubles the retransmission timer from 250 ms to 4 s and knows only the time it is given", () => {
    const client = engine.createSession(certificates.client, "client", 1200);
    let now = 1e6 + 0.25;
    expect(client.start(now).datagrams.length).to.equal(1);
    const waits: number[] = [];
    for (let i = 0; i < 7; i++) {
      const next = client.pollTimeout() ?? 0;
      expect(client.handleTimeout(next - 20).datagrams.length, "too early").to.equal(0);
      waits.push(Math.round(next - now));
      now = next;
      expect(client.handleTimeout(now).datagrams.length).to.equal(1);
    }
    expect(waits).to.deep.equal([250, 500, 1000, 2000, 4000, 4000, 4000]);
  });

  it("does not put off the retransmission because of junk", () => {
    const client = engine.createSession(certificates.client, "client", 1200);
    client.start(0);
    for (let now = 10; now < 240; now += 10) client.handleDatagram(Uint8Array.of(22, 1, 2), now);
    expect(client.pollTimeout()).to.be.within(240, 250);
  });

  it("carries application data both ways and in order", () => {
    const link = new Link({});
    link.connect();
    for (let i = 0; i < 50; i++) {
      link.take("client", link.client.send(Uint8Array.of(i, 1)));
      link.take("server", link.server.send(new Uint8Array(1200).fill(i)));
    }
    link.deliver();
    expect(link.received.server.map((data) => data[0])).to.deep.equal([...Array(50).keys()]);
    expect(link.received.client.map((data) => data.length)).to.deep.equal(Array(50).fill(1200));
  });

  it("ignores replayed and damaged records", () => {
    const link = new Link({});
    link.connect();
    const [datagram] = link.client.send(Uint8Array.of(7)).datagrams;
    const damaged = Uint8Array.from(datagram!);
    damaged[damaged.length - 1]! ^= 1;
    expect(link.server.handleDatagram(damaged, 0)).to.deep.equal({ datagrams: [], data: [] });
    expect(link.server.handleDatagram(datagram!, 0).data.length).to.equal(1);
    expect(link.server.handleDatagram(datagram!, 0).data.length).to.equal(0);
    expect(link.server.state).to.equal("connected");
  });

  it("repeats its last flight when the peer repeats its Finished", () => {
    let lastFlight = 0;
    const link = new Link({ drop: (datagram) => datagram === 3 && lastFlight++ === 0 });
    link.connect();
    expect(link.client.state).to.equal("connected");
    expect(lastFlight).to.equal(1);
  });

  it("says goodbye with close_notify and is silent afterwards", () => {
    const link = new Link({});
    link.connect();
    const goodbye = link.client.close();
    expect(goodbye.datagrams.length).to.equal(1);
    link.server.handleDatagram(goodbye.datagrams[0]!, 0);
    expect(link.server.state).to.equal("closed");
    expect(link.client.state).to.equal("closed");
    expect(link.client.send(Uint8Array.of(1)).datagrams).to.deep.equal([]);
    expect(link.client.handleDatagram(goodbye.datagrams[0]!, 0).datagrams).to.deep.equal([]);
    expect(link.client.close().datagrams).to.deep.equal([]);
  });

  it("drops handshake messages that claim more than a certificate needs", () => {
    const server = engine.createSession(certificates.server, "server", 1200);
    const record = new Uint8Array(13 + 12 + 100);
    record.set([22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1, 0, 112]);
    record.set([1, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 100], 13);
    for (let seq = 0; seq < 1000; seq++) {
      record[18] = seq & 15;
      expect(server.handleDatagram(record, 0)).to.deep.equal({ datagrams: [], data: [] });
    }
    expect(server.state).to.equal("handshaking");
  });

  it("accepts upstream's names of cipher suites and refuses others (M-009)", () => {
    expect(openSslCipherSuite("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256")).to.equal(
      "ECDHE-ECDSA-AES128-GCM-SHA256",
    );
    expect(openSslCipherSuite("DHE_RSA_AES_128_GCM_SHA256")).to.equal("DHE-RSA-AES128-GCM-SHA256");
    expect(openSslCipherSuite("RSA_RC4")).to.equal(undefined);
    expect(() => createDtlsEngine({ cipherSuites: ["RSA_RC4"] })).to.throw("RSA_RC4");
    expect(() => createDtlsEngine({ cipherSuites: [] })).to.throw("no cipher suite");
  });
});
