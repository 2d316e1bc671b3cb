/**
 * Second opinions from programs that are not ours: Debian's libsrtp2 for SRTP and SRTCP, the
 * `openssl` command for DTLS. Each part says why when it cannot run.
 *
 *   shared/tooling/n24 node_modules/.bin/mocha --config shared/tooling/mocharc.json jvb-ts/native/test/second-opinion.live.ts
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { realRuntime } from "#shared/runtime/real-runtime";
import { type SrtpKeys, SrtpProfile } from "../../src/media/packet-io.ts";
import { createDtlsEngine } from "../../src/net/native-dtls.ts";
import { createNativeSrtp, SRTP_TRAILER } from "../../src/net/srtp-transform.ts";
import type { DtlsOutput, DtlsSession } from "../../src/transport/dtls/dtls-engine.ts";

const folder = mkdtempSync(join(tmpdir(), "jvb-native-"));
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

after(() => rmSync(folder, { recursive: true, force: true }));

describe("SRTP against libsrtp2", () => {
  const program = join(folder, "srtp2-peer");
  const source = new URL("srtp2-peer.c", import.meta.url).pathname;

  before(function () {
    const built = spawnSync("cc", ["-O1", "-o", program, source, "-lsrtp2"], { encoding: "utf8" });
    if (built.status === 0) return;
    console.log("      skipped: libsrtp2-dev is not installed (or no C compiler)");
    this.skip();
  });

  for (const [name, profile, saltLength] of [
    ["AEAD_AES_128_GCM", SrtpProfile.AEAD_AES_128_GCM, 12],
    ["AES128_CM_HMAC_SHA1_80", SrtpProfile.AES128_CM_HMAC_SHA1_80, 14],
  ] as const)
    it(`agrees on ${name}: our packets, its packets, wraps and repeats`, () => {
      const key = Uint8Array.from({ length: 16 }, (_, i) => i * 3 + 1);
      const salt = Uint8Array.from({ length: saltLength }, (_, i) => i * 5 + 2);
      const keys: SrtpKeys = {
        profile,
        localKey: key,
        localSalt: salt,
        remoteKey: key,
        remoteSalt: salt,
      };
      const prefix = `${profile} ${hex(key)} ${hex(salt)}`;
      const lines: string[] = [];
      const expected: string[] = [];
      const sender = createNativeSrtp(keys);
      const seal = (packet: Uint8Array, rtcp: boolean): string => {
        const room = new Uint8Array(packet.length + SRTP_TRAILER);
        room.set(packet);
        const length = rtcp
          ? sender.protectRtcp(room, 0, packet.length)
          : sender.protectRtp(room, 0, packet.length);
        return hex(room.subarray(0, length));
      };
      // Its SRTCP numbers start at 1, ours at 0: leave ours one behind.
      seal(report(), true);
      for (let i = 0; i < 1500; i++) {
        const packet = media(64000 + i * 7, i);
        const sealed = seal(packet, false);
        lines.push(`${prefix} protect ${hex(packet)}`, `${prefix} unprotect ${sealed}`);
        expected.push(sealed, hex(packet));
        if (i % 50 !== 0) continue;
        const sealedReport = seal(report(), true);
        lines.push(`${prefix} protect-rtcp ${hex(report())}`);
        lines.push(`${prefix} unprotect-rtcp ${sealedReport}`);
        expected.push(sealedReport, hex(report()));
        lines.push(`${prefix} unprotect ${sealed}`);
        expected.push("refused");
      }
      const { stdout } = spawnSync(program, {
        input: `${lines.join("\n")}\n`,
        encoding: "utf8",
        maxBuffer: 1 << 26,
      });
      const answers = stdout.trim().split("\n");
      expect(answers.length).to.equal(expected.length);
      answers.forEach((answer, at) => {
        expect(answer, lines[at]).to.equal(expected[at]);
      });
    });
});

function media(seq: number, shape: number): Uint8Array {
  const extension = shape % 3 === 0 ? 8 : 0;
  const csrcs = shape % 4;
  const packet = Buffer.alloc(12 + 4 * csrcs + extension + (shape % 900), shape);
  packet.set([0x80 | csrcs | (extension > 0 ? 0x10 : 0), 96]);
  packet.writeUInt16BE(seq & 0xffff, 2);
  packet.writeUInt32BE(0x1234, 8);
  if (extension > 0) packet.writeUInt32BE(0xbede0001, 12 + 4 * csrcs);
  return packet;
}

function report(): Uint8Array {
  return Uint8Array.of(0x80, 200, 0, 6, 0, 0, 0x12, 0x34, ...new Array<number>(20).fill(3));
}

/** Runs one of our sessions on a UDP socket against `openssl`. */
class Wire {
  readonly socket = createSocket("udp4");
  readonly data: string[] = [];
  readonly #session: DtlsSession;
  #remote: { readonly port: number; readonly address: string } | undefined;

  constructor(session: DtlsSession, remotePort?: number) {
    this.#session = session;
    if (remotePort !== undefined) this.#remote = { port: remotePort, address: "127.0.0.1" };
    this.socket.on("message", (bytes, remote) => {
      this.#remote = remote;
      this.put(session.handleDatagram(bytes, realRuntime.clock.now()));
    });
    this.socket.on("error", () => undefined);
  }

  put(output: DtlsOutput): void {
    for (const bytes of output.data) this.data.push(Buffer.from(bytes).toString());
    for (const datagram of output.datagrams)
      if (this.#remote) this.socket.send(datagram, this.#remote.port, this.#remote.address);
  }

  /** Polls, with retransmissions, until `done` or three seconds. */
  async until(done: () => boolean): Promise<void> {
    for (const end = realRuntime.clock.now() + 3000; !done() && realRuntime.clock.now() < end; ) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      this.put(this.#session.handleTimeout(realRuntime.clock.now()));
    }
  }
}

describe("DTLS against the openssl command", () => {
  const key = join(folder, "key.pem");
  const certificate = join(folder, "certificate.pem");
  const engine = createDtlsEngine();
  let child: ChildProcess | undefined;
  const wires: Wire[] = [];
  const connect = (session: DtlsSession, port?: number): Wire => {
    const wire = new Wire(session, port);
    wires.push(wire);
    return wire;
  };
  let output = "";

  before(function () {
    const made = spawnSync("openssl", [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
      ...["-nodes", "-subj", "/CN=peer", "-keyout", key, "-out", certificate],
    ]);
    if (made.status === 0) return;
    console.log("      skipped: the openssl command is not installed");
    this.skip();
  });

  afterEach(async () => {
    for (const wire of wires.splice(0)) wire.socket.close();
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      child.kill();
      await once(child, "exit");
    }
    child = undefined;
  });

  function openssl(args: readonly string[]): ChildProcess {
    output = "";
    const started = spawn("openssl", args, { stdio: ["pipe", "pipe", "pipe"] });
    const take = (chunk: Buffer) => {
      output += chunk.toString();
    };
    started.stdout.on("data", take);
    started.stderr.on("data", take);
    child = started;
    return started;
  }

  const common = [
    ...["-dtls1_2", "-cert", certificate, "-key", key],
    ...["-use_srtp", "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80"],
    ...["-keymatexport", "EXTRACTOR-dtls_srtp", "-keymatexportlen", "56"],
  ];

  /** A server of ours to which s_client connects. */
  async function visitedBy(args: readonly string[]) {
    const session = engine.createSession(engine.createCertificate(), "server", 1200);
    const wire = connect(session);
    wire.socket.bind(0, "127.0.0.1");
    await once(wire.socket, "listening");
    const address = `127.0.0.1:${wire.socket.address().port}`;
    return { session, wire, started: openssl(["s_client", "-connect", address, ...args]) };
  }

  function expectSameKeys(session: DtlsSession, clientIsUs: boolean): void {
    const keys = session.srtpKeys();
    expect(keys?.profile).to.equal(SrtpProfile.AEAD_AES_128_GCM);
    if (keys === undefined) return;
    const [client, server] = clientIsUs
      ? [keys.localKey, keys.remoteKey]
      : [keys.remoteKey, keys.localKey];
    expect(output.toLowerCase()).to.include(hex(client) + hex(server));
  }

  it("s_client connects to our server", async () => {
    const { session, wire, started } = await visitedBy(common);
    await wire.until(
      () => session.state === "connected" && output.includes("Extended master secret"),
    );
    expect(session.state, `${session.error} ${output}`).to.equal("connected");
    expectSameKeys(session, false);
    expect(output).to.match(/Extended master secret: yes/i);
    const fingerprint = spawnSync("openssl", [
      "x509",
      "-in",
      certificate,
      "-noout",
      "-fingerprint",
      "-sha256",
    ]);
    expect(fingerprint.stdout.toString()).to.include(session.peerFingerprint("sha-256") ?? "none");
    started.stdin?.write("from openssl\n");
    wire.put(session.send(Buffer.from("from us\n")));
    await wire.until(() => wire.data.length > 0 && output.includes("from us"));
    expect(wire.data).to.deep.equal(["from openssl\n"]);
    expect(output).to.include("from us");
    wire.put(session.close());
  });

  it("our client connects to s_server", async () => {
    const probe = createSocket("udp4");
    probe.bind(0, "127.0.0.1");
    await once(probe, "listening");
    const { port } = probe.address();
    probe.close();
    openssl(["s_server", "-accept", `127.0.0.1:${port}`, ...common, "-Verify", "1"]);
    const session = engine.createSession(engine.createCertificate(), "client", 1200);
    const wire = connect(session, port);
    await wire.until(() => output.includes("ACCEPT"));
    wire.put(session.start(realRuntime.clock.now()));
    await wire.until(() => session.state !== "handshaking" && output.includes("Keying material: "));
    expect(session.state, `${session.error} ${output}`).to.equal("connected");
    expectSameKeys(session, true);
    wire.put(session.close());
  });

  it("refuses a client of DTLS 1.0, and one without certificate", async () => {
    for (const args of [
      ["-dtls1", "-cipher", "ALL:@SECLEVEL=0", "-cert", certificate, "-key", key],
      ["-dtls1_2"],
    ]) {
      const { session, wire, started } = await visitedBy(args);
      await wire.until(() => session.state !== "handshaking");
      expect(session.state).to.equal("failed");
      expect(session.error).to.match(
        /unsupported protocol|version|peer did not return a certificate/,
      );
      started.kill();
    }
  });
});
