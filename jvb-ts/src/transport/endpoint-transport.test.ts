import { expect } from "chai";
import { redactPii } from "#shared/logging/pii";
import type { Millis } from "#shared/runtime/runtime";
import type { IceTransport as IceDescription } from "#shared/stanza/media";
import { recordingLogger } from "#shared/testing/recording-logger";
import type { SocketAddress } from "../media/packet-io.ts";
import { fakeDtls } from "./dtls/fake-dtls.test.ts";
import { EndpointTransport } from "./endpoint-transport.ts";
import { IceDemux } from "./ice/ice-demux.ts";
import { defaultIceSettings, type IceSettings } from "./ice/ice-settings.ts";
import { type NetPeer, VirtualNet } from "./ice/virtual-net.test.ts";
import type { TransportOutput } from "./transport-output.ts";

const BRIDGE = { ip: "10.0.0.1", port: 10_000 };
const CLIENT = { ip: "10.0.0.2", port: 40_000 };
type Output = Exclude<TransportOutput, { kind: "sendDatagram" }>;

/** Several transports behind one set of sockets, as in a media worker: table of bound addresses. */
class Worker implements NetPeer {
  readonly net: VirtualNet;
  readonly sockets: SocketAddress[];
  readonly demux = new IceDemux<EndpointTransport>();
  readonly transports: EndpointTransport[] = [];
  readonly outputs = new Map<EndpointTransport, Output[]>();
  readonly table = new Map<string, EndpointTransport>();
  readonly log = recordingLogger();
  readonly #name: string;

  constructor(net: VirtualNet, name: string, sockets: SocketAddress[]) {
    this.net = net;
    this.#name = name;
    this.sockets = sockets;
    net.add(this, sockets);
  }
  open(
    options: {
      controlling?: boolean;
      sctp?: "server" | "client" | "off";
      settings?: Partial<IceSettings>;
      fingerprint?: string;
    } = {},
  ): EndpointTransport {
    const dtls = fakeDtls({ fingerprint: options.fingerprint ?? this.#name });
    const transport = new EndpointTransport({
      settings: { ...defaultIceSettings, ...options.settings },
      controlling: options.controlling ?? true,
      privateAddresses: true,
      sctp: options.sctp ?? "server",
      sockets: this.sockets,
      mappings: [],
      demux: this.demux,
      dtls,
      certificate: dtls.createCertificate(),
      random: this.net.runtime.random,
      now: this.net.now,
      wallNow: 1_790_000_000_000 + this.net.now,
      log: this.log,
    });
    this.transports.push(transport);
    this.outputs.set(transport, []);
    return transport;
  }
  receive(socket: number, remote: SocketAddress, bytes: Uint8Array, now: Millis): void {
    const first = bytes[0] ?? 0;
    if (first < 2) {
      this.demux.route(bytes, 0, bytes.length)?.handleStun(socket, remote, bytes, now);
    } else {
      this.table.get(`${socket} ${remote.ip} ${remote.port}`)?.handleDtls(bytes, now);
    }
  }
  handleTimeout(now: Millis): void {
    for (const transport of this.transports) {
      const due = transport.pollTimeout();
      if (due !== undefined && due <= now) transport.handleTimeout(now);
    }
  }
  pollTimeout(): Millis | undefined {
    const due = this.transports.flatMap((transport) => transport.pollTimeout() ?? []);
    return due.length === 0 ? undefined : Math.min(...due);
  }
  drain() {
    const sends: Extract<TransportOutput, { kind: "sendDatagram" }>[] = [];
    for (const transport of this.transports) {
      for (let output = transport.poll(); output !== undefined; output = transport.poll()) {
        if (output.kind === "sendDatagram") {
          sends.push(output);
          continue;
        }
        if (output.kind === "bindAddress") {
          this.table.set(`${output.socket} ${output.remote.ip} ${output.remote.port}`, transport);
        } else if (output.kind === "unbindAddress") {
          this.table.delete(`${output.socket} ${output.remote.ip} ${output.remote.port}`);
        }
        this.outputs.get(transport)?.push(output);
      }
    }
    return sends;
  }
  kinds(transport: EndpointTransport): string[] {
    return (this.outputs.get(transport) ?? []).map(({ kind }) => kind);
  }
}

/** What the client answers to the bridge's description. */
function answer(client: EndpointTransport, tag?: number): IceDescription {
  const description = tag === undefined ? client.describe() : client.describeRestart();
  if (description === undefined) throw new Error("no description");
  const fingerprints = description.fingerprints.map((fingerprint) => ({
    ...fingerprint,
    setup: "active" as const,
  }));
  // As lib-jitsi-meet does: no candidates.
  return { ...description, fingerprints, candidates: [], iceGeneration: tag };
}

function offer(bridge: EndpointTransport): IceDescription {
  const description = bridge.describe();
  const fingerprints = description.fingerprints.map((fingerprint) => ({
    ...fingerprint,
    setup: "passive" as const,
  }));
  return { ...description, fingerprints };
}

function connected(net: VirtualNet, settings: Partial<IceSettings> = {}) {
  const bridgeWorker = new Worker(net, "BRIDGE", [BRIDGE]);
  const clientWorker = new Worker(net, "CLIENT", [CLIENT]);
  const bridge = bridgeWorker.open({ settings });
  const client = clientWorker.open({ controlling: false, sctp: "client", settings });
  bridge.setRemote(answer(client), net.now);
  client.setRemote(offer(bridge), net.now);
  const ready = () => bridge.channelReady && client.channelReady;
  net.run(20_000, ready);
  if (!ready()) throw new Error("did not connect");
  return { bridge, client, bridgeWorker, clientWorker };
}

describe("endpoint transport", () => {
  it("B-068 describes itself as upstream does", () => {
    const net = new VirtualNet();
    const bridge = new Worker(net, "BRIDGE", [BRIDGE]).open();
    const { ufrag, pwd, candidates, iceGeneration, rtcpMux, fingerprints } = bridge.describe();
    expect(ufrag).to.match(/^[0-9a-v]{10,14}$/);
    expect(pwd).to.match(/^[0-9a-v]{26}$/);
    expect(iceGeneration).to.equal(undefined);
    expect(rtcpMux).to.equal(true);
    expect(fingerprints).to.deep.equal([
      { hash: "sha-256", setup: "actpass", value: "BRIDGE", cryptex: undefined },
    ]);
    expect(candidates.map(({ id, ...rest }) => ({ ...rest, id: id.length }))).to.deep.equal([
      {
        component: 1,
        foundation: "1",
        generation: 0,
        network: 0,
        priority: 2_130_706_431,
        protocol: "udp",
        type: "host",
        ip: "10.0.0.1",
        port: 10_000,
        relAddr: undefined,
        relPort: undefined,
        tcpType: undefined,
        id: 24,
      },
    ]);
  });

  it("B-086 connects ICE, DTLS and the channel, in that order", () => {
    const net = new VirtualNet();
    const { bridge, client, bridgeWorker, clientWorker } = connected(net);
    expect(net.now).to.be.below(300);
    const kinds = bridgeWorker.kinds(bridge);
    expect(kinds.slice(0, 2)).to.deep.equal(["bindAddress", "selectAddress"]);
    expect(kinds).to.include.members(["iceConnected", "setKeys", "dtlsConnected", "channelOpen"]);
    expect(kinds.indexOf("setKeys")).to.equal(kinds.indexOf("dtlsConnected") - 1);
    const said = bridgeWorker.log.lines.find(({ message }) => message === "ICE connected");
    expect(said?.context).to.deep.equal({
      pair: "host-prflx udp",
      local: "10.0.0.1:10000",
      remote: "10.0.0.2:40000",
    });
    redactPii(true);
    const { bridgeWorker: discreet } = connected(new VirtualNet());
    redactPii(false);
    const hidden = discreet.log.lines.find(({ message }) => message === "ICE connected")?.context;
    expect(hidden).to.deep.include({ pair: "host-prflx udp", local: "10.0.0.1:10000" });
    expect(hidden?.["remote"]).to.match(/^<[0-9a-f]{8}>$/);
    expect(bridge.describe().fingerprints[0]?.setup).to.equal("passive");
    client.sendChannel('{"colibriClass":"ClientHello"}', net.now);
    net.run(net.now + 100);
    expect(bridgeWorker.outputs.get(bridge)?.at(-1)).to.deep.equal({
      kind: "channelMessage",
      text: '{"colibriClass":"ClientHello"}',
    });
    bridge.close(net.now);
    net.run(net.now + 100);
    expect(clientWorker.kinds(client)).to.include("channelClosed");
    expect(bridgeWorker.table.size).to.equal(0);
    expect(bridge.pollTimeout()).to.equal(undefined);
  });

  for (let seed = 1; seed <= 8; seed++) {
    it(`connects through 20 % loss, seed ${seed}`, () => {
      connected(new VirtualNet({ seed, lossRate: 0.2, delayMs: 30, jitterMs: 20 }));
    });
  }

  it("B-071 separates two endpoints on one port by ufrag, also when the second takes the first's address", () => {
    const net = new VirtualNet();
    const { bridge, client, bridgeWorker, clientWorker } = connected(net);
    // The page reloads: same address, new credentials, the old endpoint still there.
    clientWorker.transports.length = 0;
    const again = bridgeWorker.open();
    const reloaded = clientWorker.open({ controlling: false, sctp: "client" });
    again.setRemote(answer(reloaded), net.now);
    reloaded.setRemote(offer(again), net.now);
    net.run(net.now + 3000, () => again.channelReady);
    expect(again.channelReady).to.equal(true);
    expect(bridgeWorker.table.get("0 10.0.0.2 40000")).to.equal(again);
    // The old page is heard again: the last one to prove itself has the address.
    clientWorker.transports.push(client);
    net.run(net.now + 8000);
    const bindings = bridgeWorker.outputs.get(bridge)?.filter(({ kind }) => kind === "bindAddress");
    expect(bindings).to.have.length.above(1);
    clientWorker.transports.pop();
    net.run(net.now + 8000);
    bridge.close(net.now);
    bridgeWorker.drain();
    expect(bridgeWorker.table.get("0 10.0.0.2 40000")).to.equal(again);
    expect(client.channelReady).to.equal(true);
  });

  it("B-086 fails DTLS on a wrong fingerprint and says so once", () => {
    const net = new VirtualNet();
    const bridgeWorker = new Worker(net, "BRIDGE", [BRIDGE]);
    const clientWorker = new Worker(net, "CLIENT", [CLIENT]);
    const bridge = bridgeWorker.open();
    const client = clientWorker.open({ controlling: false, sctp: "client" });
    const remote = answer(client);
    const fingerprints = remote.fingerprints.map((each) => ({ ...each, value: "OTHER" }));
    bridge.setRemote({ ...remote, fingerprints }, 0);
    client.setRemote(offer(bridge), 0);
    net.run(40_000);
    expect(bridgeWorker.kinds(bridge).filter((kind) => kind === "dtlsFailed")).to.have.length(1);
    expect(bridgeWorker.kinds(bridge)).to.not.include("setKeys");
  });

  it("keeps old credentials when a candidate-only update comes", () => {
    const net = new VirtualNet();
    const bridgeWorker = new Worker(net, "BRIDGE", [BRIDGE]);
    const clientWorker = new Worker(net, "CLIENT", [CLIENT]);
    const bridge = bridgeWorker.open();
    const client = clientWorker.open({ controlling: false, sctp: "client" });
    bridge.setRemote(answer(client), 0);
    bridge.setRemote({ ...answer(client), ufrag: undefined, pwd: undefined, fingerprints: [] }, 1);
    client.setRemote(offer(bridge), 2);
    net.run(3000, () => bridge.channelReady);
    expect(bridge.channelReady).to.equal(true);
  });
});

describe("ICE restart", () => {
  it("B-077 keeps what there is until ICE is established (M-019)", () => {
    const net = new VirtualNet();
    const bridge = new Worker(net, "BRIDGE", [BRIDGE]).open();
    expect(bridge.restartIce(0, 0)).to.equal("keepExisting");
    expect(bridge.describeRestart()).to.equal(undefined);
  });

  for (const settings of [{ restartEnabled: false }, { restartTimeoutMs: 0 }]) {
    it(`B-083 is unavailable with ${JSON.stringify(settings)}`, () => {
      const net = new VirtualNet();
      const { bridge } = connected(net, settings);
      expect(bridge.restartIce(net.now, 0)).to.equal("unavailable");
    });
  }

  it("B-078 B-079 B-080 B-081 makes before it breaks (M-020, M-021, M-023)", () => {
    const net = new VirtualNet();
    const { bridge, client, bridgeWorker } = connected(net);
    const first = bridge.describe().ufrag;
    expect(bridge.restartIce(net.now, net.now)).to.equal("started");
    expect(client.restartIce(net.now, net.now)).to.equal("started");
    const pending = bridge.describeRestart();
    expect(pending?.iceGeneration).to.equal(1);
    expect(pending?.ufrag).to.not.equal(first);
    expect(bridge.describe().ufrag).to.equal(first);
    // Wrong and missing generations are not applied to the pending agent.
    bridge.setRemote(answer(client, 7), net.now);
    bridge.setRemote({ ...answer(client, 1), iceGeneration: undefined }, net.now);
    expect(bridge.state.pendingChecksStarted).to.equal(false);
    expect(bridge.restartIce(net.now, net.now)).to.equal("started");
    expect(bridge.describeRestart()?.ufrag).to.equal(pending?.ufrag);

    bridge.setRemote(answer(client, 1), net.now);
    if (pending !== undefined) client.setRemote(pending, net.now);
    const at = net.now;
    net.run(at + 1000, () => !bridge.state.restartPending && !client.state.restartPending);
    expect(bridge.describe().ufrag).to.equal(pending?.ufrag);
    expect(bridge.describeRestart()).to.equal(undefined);
    expect(bridgeWorker.outputs.get(bridge)?.at(-1)).to.deep.equal({
      kind: "iceRestart",
      outcome: "succeeded",
    });
    expect(bridgeWorker.demux.hasUfrag(first ?? "")).to.equal(true);
    net.run(net.now + 3100);
    expect(bridgeWorker.demux.hasUfrag(first ?? "")).to.equal(false);
    // The address is shared by both agents and stays bound.
    expect(bridgeWorker.table.size).to.equal(1);
    client.sendChannel("still here", net.now);
    net.run(net.now + 100);
    expect(bridgeWorker.outputs.get(bridge)?.at(-1)).to.deep.equal({
      kind: "channelMessage",
      text: "still here",
    });
    expect(bridge.restartIce(net.now, net.now)).to.equal("started");
    expect(bridge.describeRestart()?.iceGeneration).to.equal(2);
  });

  it("B-079 replaces a pending agent whose checks have begun", () => {
    const net = new VirtualNet();
    const { bridge, client, bridgeWorker } = connected(net);
    bridge.restartIce(net.now, net.now);
    client.restartIce(net.now, net.now);
    const before = bridge.describeRestart();
    bridge.setRemote(answer(client, 1), net.now);
    expect(bridge.restartIce(net.now, net.now)).to.equal("started");
    expect(bridge.describeRestart()?.iceGeneration).to.equal(2);
    expect(bridge.describeRestart()?.ufrag).to.not.equal(before?.ufrag);
    bridgeWorker.drain();
    const last = bridgeWorker.outputs.get(bridge)?.filter(({ kind }) => kind === "iceRestart");
    expect(last).to.deep.equal([{ kind: "iceRestart", outcome: "superseded" }]);
  });

  it("B-082 gives up after 20 s and keeps the established agent (M-022)", () => {
    const net = new VirtualNet();
    const { bridge, bridgeWorker } = connected(net);
    const before = bridge.describe().ufrag;
    bridge.restartIce(net.now, net.now);
    net.run(net.now + 19_900);
    expect(bridge.state.restartPending).to.equal(true);
    net.run(net.now + 200);
    expect(bridge.state.restartPending).to.equal(false);
    expect(bridge.describe().ufrag).to.equal(before);
    expect(bridge.iceFailed).to.equal(false);
    const outcomes = bridgeWorker.outputs.get(bridge)?.filter(({ kind }) => kind === "iceRestart");
    expect(outcomes).to.deep.equal([{ kind: "iceRestart", outcome: "failed" }]);
    expect(bridge.channelReady).to.equal(true);
  });

  it("survives any order of inputs, and always rests", () => {
    for (let seed = 1; seed <= 25; seed++) {
      const net = new VirtualNet({ seed, lossRate: 0.1, jitterMs: 20 });
      const { bridge, client } = connected(net);
      const { random } = net.runtime;
      for (let step = 0; step < 60; step++) {
        const transport = random.int(2) === 0 ? bridge : client;
        switch (random.int(7)) {
          case 0:
            transport.restartIce(net.now, 1e12 + net.now);
            break;
          case 1:
            transport.setRemote(answer(transport === bridge ? client : bridge), net.now);
            break;
          case 2: {
            const other = transport === bridge ? client : bridge;
            const pending = other.describeRestart();
            if (pending !== undefined) transport.setRemote(pending, net.now);
            break;
          }
          case 3:
            transport.sendChannel(`step ${step}`, net.now);
            break;
          case 4:
            transport.handleDtls(random.bytes(random.int(60)), net.now);
            break;
          case 5:
            transport.handleStun(0, CLIENT, random.bytes(20 + random.int(40)), net.now);
            break;
          default:
            net.run(net.now + random.int(4000));
        }
      }
      net.run(net.now + 120_000);
      expect(bridge.iceFailed).to.equal(false);
      expect(bridge.state.restartPending).to.equal(false);
      expect(bridge.dtlsConnected).to.equal(true);
    }
  });
});
