/** Two connected transports, and what anybody may do to one of them in any order. */
import { recordingLogger } from "#shared/testing/recording-logger";
import { SeededRandom } from "#shared/testing/virtual-runtime";
import { fakeDtls } from "./dtls/fake-dtls.test.ts";
import { EndpointTransport } from "./endpoint-transport.ts";
import { IceDemux } from "./ice/ice-demux.ts";
import { defaultIceSettings } from "./ice/ice-settings.ts";

const here = { ip: "192.0.2.1", port: 10_000 };
const there = { ip: "198.51.100.2", port: 40_000 };

function make(local: typeof here, bridge: boolean, seed: number): EndpointTransport {
  const dtls = fakeDtls({ fingerprint: bridge ? "AA:01" : "AA:02" });
  return new EndpointTransport({
    settings: defaultIceSettings,
    controlling: bridge,
    privateAddresses: true,
    sctp: bridge ? "server" : "client",
    sockets: [local],
    mappings: [],
    demux: new IceDemux<EndpointTransport>(),
    dtls,
    certificate: dtls.createCertificate(),
    random: new SeededRandom(seed),
    now: 0,
    wallNow: 0,
    log: recordingLogger(),
  });
}

function describe(of: EndpointTransport, setup: "active" | "passive", candidates: boolean) {
  const description = of.describe();
  const fingerprints = description.fingerprints.map((one) => ({ ...one, setup }));
  return { ...description, fingerprints, candidates: candidates ? description.candidates : [] };
}

/** Hands what one puts out to the other. */
function carry(from: EndpointTransport, source: typeof here, to: EndpointTransport, now: number) {
  for (let out = from.poll(); out !== undefined; out = from.poll()) {
    if (out.kind !== "sendDatagram") continue;
    if ((out.bytes[0] ?? 0) < 4) to.handleStun(0, source, out.bytes, now);
    else to.handleDtls(out.bytes, now);
  }
}

function drain(transport: EndpointTransport): void {
  for (let n = 0; transport.poll() !== undefined; n++) {
    if (n > 100_000) throw new Error("never rests");
  }
}

export const targets: Record<string, (input: Uint8Array) => void> = {
  /** Each step is an operation, a length and as many bytes. */
  endpointTransport(input) {
    const bridge = make(here, true, 1);
    const client = make(there, false, 2);
    let now = 0;
    for (let at = 0, steps = 0; at + 1 < input.length && steps < 60; steps++) {
      const operation = input[at] ?? 0;
      const length = input[at + 1] ?? 0;
      const bytes = input.slice(at + 2, at + 2 + length);
      at += 2 + length;
      switch (operation % 8) {
        case 0:
          bridge.setRemote(describe(client, "active", operation > 127), now);
          break;
        case 1:
          client.setRemote(describe(bridge, "passive", true), now);
          break;
        case 2:
        case 3:
          now += 10 * length;
          bridge.handleTimeout(now);
          client.handleTimeout(now);
          carry(client, there, bridge, now);
          carry(bridge, here, client, now);
          carry(client, there, bridge, now);
          break;
        case 4:
          bridge.handleStun(0, { ...there, port: 1 + length }, bytes, now);
          break;
        case 5:
          bridge.handleDtls(bytes, now);
          break;
        case 6:
          bridge.sendChannel(Buffer.from(bytes).toString("latin1"), now);
          break;
        default:
          if (operation > 250) bridge.close(now);
          else bridge.restartIce(now, now);
      }
      const due = bridge.pollTimeout();
      if (due !== undefined && Number.isNaN(due)) throw new Error("no time");
    }
    drain(bridge);
    bridge.close(now);
    drain(bridge);
    if (bridge.pollTimeout() !== undefined) throw new Error("closed, and still waiting");
  },
};

const connect = [0, 0, 1, 0, ...Array.from({ length: 20 }, () => [2, 5]).flat()];
export const seeds: Record<string, Uint8Array[]> = {
  endpointTransport: [
    Uint8Array.from([...connect, 6, 3, 65, 66, 67, 2, 50, 5, 2, 23, 1, 4, 2, 0, 1]),
    Uint8Array.from([...connect, 7, 0, 0, 0, 2, 200, 2, 200, 255, 0]),
  ],
};
