/**
 * Mutated handshakes: each input is a list of datagrams (two bytes of length, then as many bytes)
 * fed to a fresh server and a fresh client, which must live on or fail, never crash.
 */
import type { DtlsOutput, DtlsSession } from "../transport/dtls/dtls-engine.ts";
import { createDtlsEngine } from "./native-dtls.ts";

const engine = createDtlsEngine();
const certificate = engine.createCertificate();

function split(input: Uint8Array): Uint8Array[] {
  const datagrams: Uint8Array[] = [];
  for (let at = 0; at + 2 <= input.length && datagrams.length < 64; ) {
    const length = ((input[at] ?? 0) << 8) | (input[at + 1] ?? 0);
    datagrams.push(input.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return datagrams;
}

function join(datagrams: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(
    datagrams.flatMap((datagram) => [
      Uint8Array.of(datagram.length >> 8, datagram.length & 255),
      datagram,
    ]),
  );
}

function feed(role: "client" | "server", input: Uint8Array): void {
  const session = engine.createSession(certificate, role, 1200);
  session.start(0);
  let now = 0;
  for (const datagram of split(input)) {
    session.handleDatagram(datagram, now);
    now += 100;
    if ((session.pollTimeout() ?? Number.POSITIVE_INFINITY) <= now) session.handleTimeout(now);
  }
  session.send(Uint8Array.of(1));
  session.peerFingerprint("sha-256");
  session.srtpKeys();
  session.close();
}

/** What each side of a good handshake received. */
function record(): { readonly toClient: Uint8Array[]; readonly toServer: Uint8Array[] } {
  const client = engine.createSession(certificate, "client", 500);
  const server = engine.createSession(certificate, "server", 500);
  const toClient: Uint8Array[] = [];
  const toServer: Uint8Array[] = [];
  const pump = (from: DtlsOutput, to: DtlsSession, log: Uint8Array[]): Uint8Array[] =>
    from.datagrams.flatMap((datagram) => {
      log.push(datagram);
      return [...to.handleDatagram(datagram, 0).datagrams];
    });
  let flight = client.start(0).datagrams;
  for (let turn = 0; flight.length > 0 && turn < 8; turn++) {
    flight =
      turn % 2 === 0
        ? pump({ datagrams: flight, data: [] }, server, toServer)
        : pump({ datagrams: flight, data: [] }, client, toClient);
  }
  return { toClient, toServer };
}

const good = record();

export const targets: Record<string, (input: Uint8Array) => void> = {
  "dtls-server": (input) => feed("server", input),
  "dtls-client": (input) => feed("client", input),
};

export const seeds: Record<string, Uint8Array[]> = {
  "dtls-server": [join(good.toServer), join(good.toServer.slice(0, 1))],
  "dtls-client": [join(good.toClient), join(good.toClient.slice(0, 1))],
};

/** One datagram to a connected pair: it must neither crash nor close it. */
targets["dtls-connected"] = (input) => {
  connected.handleDatagram(input, 0);
  if (connected.state !== "connected") throw new Error(`connection is ${connected.state}`);
};

const connected = ((): DtlsSession => {
  const client = engine.createSession(certificate, "client", 1200);
  const server = engine.createSession(certificate, "server", 1200);
  let flight = client.start(0).datagrams;
  for (let turn = 0; flight.length > 0 && turn < 8; turn++) {
    const to = turn % 2 === 0 ? server : client;
    flight = flight.flatMap((datagram) => [...to.handleDatagram(datagram, 0).datagrams]);
  }
  return server;
})();
seeds["dtls-connected"] = [...good.toServer];
