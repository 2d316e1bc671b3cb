import { expect } from "chai";
import type { Millis } from "#shared/runtime/runtime";
import type { Candidate } from "#shared/stanza/media";
import { recordingLogger } from "#shared/testing/recording-logger";
import { VirtualRuntime } from "#shared/testing/virtual-runtime";
import type { SocketAddress } from "../../media/packet-io.ts";
import { parseStun, StunWriter } from "../stun/stun-message.ts";
import { IceAgent, type IceOutput } from "./ice-agent.ts";
import { defaultIceSettings, type IceSettings } from "./ice-settings.ts";
import { type NetPeer, VirtualNet } from "./virtual-net.test.ts";

/** An agent on the virtual network, remembering what it put out. */
class Peer implements NetPeer {
  readonly agent: IceAgent;
  readonly sockets: SocketAddress[];
  readonly events: Exclude<IceOutput, { kind: "send" }>[] = [];
  sent = 0;

  constructor(
    net: VirtualNet,
    sockets: SocketAddress[],
    controlling: boolean,
    name: string,
    settings: Partial<IceSettings> = {},
  ) {
    this.sockets = sockets;
    this.agent = new IceAgent({
      settings: { ...defaultIceSettings, ...settings },
      controlling,
      credentials: { ufrag: name, pwd: `${name}-password-of-enough-length` },
      tag: name.length,
      sockets,
      random: net.runtime.random,
      log: recordingLogger(),
    });
    net.add(this, sockets);
  }
  receive(socket: number, remote: SocketAddress, bytes: Uint8Array, now: Millis): void {
    const message = parseStun(bytes);
    if (message !== undefined) this.agent.handleStun(socket, remote, message, now);
  }
  handleTimeout(now: Millis): void {
    this.agent.handleTimeout(now);
  }
  pollTimeout(): Millis | undefined {
    return this.agent.pollTimeout();
  }
  drain() {
    const sends: { socket: number; remote: SocketAddress; bytes: Uint8Array }[] = [];
    for (let output = this.agent.poll(); output !== undefined; output = this.agent.poll()) {
      if (output.kind === "send") sends.push(output);
      else this.events.push(output);
    }
    this.sent += sends.length;
    return sends;
  }
  get kinds(): string[] {
    return this.events.map(({ kind }) => kind);
  }
  get connected(): boolean {
    return this.kinds.includes("completed");
  }
  knows(other: Peer, now: Millis, candidates: Candidate[] = []): void {
    this.agent.setRemoteCredentials(other.agent.credentials, now);
    this.agent.addRemoteCandidates(candidates, now);
  }
}

const candidate = (address: SocketAddress, type: Candidate["type"] = "host"): Candidate => ({
  component: 1,
  foundation: "1",
  generation: 0,
  id: "x",
  network: 0,
  ip: address.ip,
  port: address.port,
  priority: type === "relay" ? 1000 : 2_130_706_431,
  protocol: "udp",
  type,
  relAddr: undefined,
  relPort: undefined,
  tcpType: undefined,
});
const A = { ip: "10.0.0.1", port: 10_000 };
const B = { ip: "10.0.0.2", port: 40_000 };
const A6 = { ip: "2001:db8::1", port: 10_000 };
const B6 = { ip: "2001:db8::2", port: 40_000 };

/** A bridge that knows only the client's credentials, and a client that knows its candidates. */
function call(net: VirtualNet, bridgeControls = true, settings: Partial<IceSettings> = {}) {
  const bridge = new Peer(net, [A], bridgeControls, "bridge", settings);
  const client = new Peer(net, [B], !bridgeControls, "client!", settings);
  bridge.knows(client, 0);
  client.knows(bridge, 0, [candidate(A)]);
  return { bridge, client };
}

describe("ICE agent", () => {
  for (const bridgeControls of [true, false]) {
    it(`B-074 connects to a client it has no candidates of, controlling ${bridgeControls}`, () => {
      const net = new VirtualNet();
      const { bridge, client } = call(net, bridgeControls);
      net.run(1000, () => bridge.connected && client.connected);
      expect(net.now).to.be.below(150);
      expect(bridge.events[0]).to.deep.equal({ kind: "bind", socket: 0, remote: B });
      expect(bridge.kinds).to.deep.equal(["bind", "path", "completed"]);
      expect(bridge.agent.path?.remote).to.deep.equal(B);
    });

    for (let seed = 1; seed <= 20; seed++) {
      it(`connects through 30 % loss, controlling ${bridgeControls}, seed ${seed}`, () => {
        const net = new VirtualNet({ seed, lossRate: 0.3, delayMs: 40, jitterMs: 30 });
        const { bridge, client } = call(net, bridgeControls);
        net.run(30_000, () => bridge.connected && client.connected);
        expect(bridge.connected && client.connected).to.equal(true);
        net.run(60_000);
        expect(bridge.agent.state).to.equal("terminated");
        expect(bridge.agent.lastConsent).to.be.above(45_000);
      });
    }
  }

  for (const controlling of [true, false]) {
    it(`B-073 resolves a role conflict, both controlling ${controlling}`, () => {
      for (let seed = 1; seed <= 10; seed++) {
        const net = new VirtualNet({ seed });
        const a = new Peer(net, [A], controlling, "a");
        const b = new Peer(net, [B], controlling, "bb");
        a.knows(b, 0, [candidate(B)]);
        b.knows(a, 0, [candidate(A)]);
        net.run(3000, () => a.connected && b.connected);
        expect(a.connected && b.connected).to.equal(true);
        expect(a.agent.controlling).to.not.equal(b.agent.controlling);
      }
    });
  }

  it("uses whatever addresses and families work", () => {
    const net = new VirtualNet();
    net.outward = (from) => (from.ip.includes(":") ? from : undefined);
    const bridge = new Peer(net, [A, A6], true, "bridge");
    const client = new Peer(net, [B, B6], false, "client!");
    bridge.knows(client, 0);
    client.knows(bridge, 0, [candidate(A), candidate(A6)]);
    net.run(3000, () => bridge.connected && client.connected);
    expect(bridge.agent.selected?.remote).to.deep.equal(B6);
    expect(bridge.agent.selected?.socket).to.equal(1);
  });

  it("answers and binds before it knows the peer, and checks as soon as it does", () => {
    const net = new VirtualNet();
    const bridge = new Peer(net, [A], true, "bridge");
    const client = new Peer(net, [B], false, "client!");
    client.knows(bridge, 0, [candidate(A)]);
    net.run(300);
    expect(bridge.kinds).to.deep.equal(["bind"]);
    expect(client.kinds).to.include("path");
    bridge.knows(client, net.now);
    net.run(400);
    expect(bridge.connected).to.equal(true);
  });

  it("drops unsigned and badly signed requests without an answer or a binding", () => {
    const net = new VirtualNet();
    const bridge = new Peer(net, [A], true, "bridge");
    const client = new Peer(net, [B], false, "client!");
    client.agent.setRemoteCredentials({ ufrag: "bridge", pwd: "wrong" }, 0);
    client.agent.addRemoteCandidates([candidate(A)], 0);
    net.run(2000);
    const unsigned = new StunWriter("request", 1, new Uint8Array(12)).string(6, "bridge:x");
    bridge.receive(0, B, unsigned.finish(undefined), net.now);
    expect(bridge.kinds).to.deep.equal([]);
    expect(bridge.sent).to.equal(0);
    expect(bridge.agent.dropped).to.be.above(3);
  });

  it("answers 420 to attributes it would have to understand", () => {
    const runtime = new VirtualRuntime();
    const net = new VirtualNet();
    const bridge = new Peer(net, [A], true, "bridge");
    const request = new StunWriter("request", 1, runtime.random.bytes(12))
      .string(6, "bridge:x")
      .uint32(0x0031, 1)
      .finish("bridge-password-of-enough-length");
    bridge.receive(0, B, request, 0);
    const [answer] = bridge.drain();
    expect(answer && parseStun(answer.bytes)?.errorCode).to.equal(420);
  });

  it("waits 800 ms for something better than a relayed pair", () => {
    const net = new VirtualNet();
    const bridge = new Peer(net, [A], true, "bridge");
    const client = new Peer(net, [B], false, "client!");
    bridge.knows(client, 0, [candidate(B, "relay")]);
    client.agent.setRemoteCredentials(bridge.agent.credentials, 0);
    net.run(3000, () => bridge.connected);
    expect(net.now).to.be.within(800, 900);
    expect(bridge.events.at(-1)).to.deep.equal({ kind: "completed", relayed: true });
  });

  it("fails 5 s after the last check failed", () => {
    const net = new VirtualNet({ lossRate: 1 });
    const bridge = new Peer(net, [A], true, "bridge");
    bridge.agent.setRemoteCredentials({ ufrag: "x", pwd: "y" }, 0);
    bridge.agent.addRemoteCandidates([candidate(B)], 0);
    net.run(20_000, () => bridge.kinds.includes("failed"));
    expect(bridge.kinds).to.deep.equal(["failed"]);
    // 0 + 100 + 200 + 400 + 800 + 1600 + 1600 + 1600 of waiting, then the grace.
    expect(net.now).to.be.within(11_200, 11_400);
    expect(bridge.sent).to.equal(7);
    expect(bridge.pollTimeout()).to.equal(undefined);
  });

  it("B-075 passes over candidates that are names, TCP, of another component or generation", () => {
    const net = new VirtualNet();
    const bridge = new Peer(net, [A], true, "bridge");
    bridge.agent.setRemoteCredentials({ ufrag: "x", pwd: "y" }, 0);
    const useless = [
      { ip: "2f3c6a52-10b7-4b13-8d0a-0f6b5a3f5f55.local" },
      { ip: "peer.example" },
      { protocol: "tcp" },
      { component: 2 },
      { generation: 1 },
      { port: 0 },
    ];
    for (const over of useless) {
      expect(bridge.agent.addRemoteCandidates([{ ...candidate(B), ...over }], 0)).to.equal(0);
    }
    expect(bridge.agent.addRemoteCandidates([candidate(B)], 0)).to.equal(1);
  });

  it("does not fail without any pair", () => {
    const net = new VirtualNet();
    const bridge = new Peer(net, [A], true, "bridge");
    bridge.agent.setRemoteCredentials({ ufrag: "x", pwd: "y" }, 0);
    net.run(60_000);
    expect(bridge.kinds).to.deep.equal([]);
  });

  it("B-084 asks for consent each 4 to 6 s and notices its loss without failing", () => {
    const net = new VirtualNet();
    const { bridge } = call(net);
    net.run(5000);
    const before = bridge.sent;
    net.run(65_000);
    expect(bridge.agent.lastConsent).to.be.above(58_000);
    // Own requests and answers to the client's.
    expect(bridge.sent - before).to.be.within(2 * 10, 2 * 16);
    net.outward = () => undefined;
    net.run(80_000);
    expect(bridge.agent.consentLost).to.equal(true);
    expect(bridge.kinds).to.not.include("failed");
    net.outward = (from) => from;
    net.run(95_000);
    expect(bridge.agent.consentLost).to.equal(false);
  });

  for (const bridgeControls of [true, false]) {
    it(`follows a client whose NAT mapping changes, controlling ${bridgeControls}`, () => {
      const net = new VirtualNet();
      const first = { ip: "198.51.100.1", port: 5000 };
      const second = { ip: "198.51.100.1", port: 6000 };
      let mapping = first;
      net.outward = (from) => (from.ip === B.ip ? mapping : from);
      net.inward = (to) => {
        if (to.ip !== mapping.ip) return to;
        return to.port === mapping.port ? B : undefined;
      };
      const { bridge } = call(net, bridgeControls);
      net.run(20_000);
      expect(bridge.agent.path?.remote).to.deep.equal(first);
      mapping = second;
      net.run(40_000, () => bridge.agent.path?.remote === second);
      net.run(net.now + 10_000);
      expect(bridge.agent.path?.remote).to.deep.equal(second);
      expect(bridge.agent.consentLost).to.equal(false);
    });
  }

  it("keeps the selected pair while it is alive, whatever else works", () => {
    const net = new VirtualNet();
    const C = { ip: "10.0.0.3", port: 41_000 };
    const bridge = new Peer(net, [A], true, "bridge");
    const client = new Peer(net, [B, C], false, "client!", { keepAliveStrategy: "all_succeeded" });
    bridge.knows(client, 0);
    client.knows(bridge, 0, [candidate(A)]);
    net.run(60_000);
    expect(bridge.kinds.filter((kind) => kind === "completed")).to.have.length(1);
    const paths = bridge.events.filter(({ kind }) => kind === "path");
    expect(paths).to.have.length(1);
  });

  it("keeps a bounded list under a flood of signed requests from many ports", () => {
    const net = new VirtualNet();
    const { bridge } = call(net);
    net.run(1000);
    for (let port = 1; port <= 2000; port++) {
      const request = new StunWriter("request", 1, net.runtime.random.bytes(12))
        .string(6, "bridge:client!")
        .uint32(0x24, port)
        .finish("bridge-password-of-enough-length");
      bridge.receive(0, { ip: "10.9.9.9", port }, request, net.now);
      bridge.drain();
    }
    const count = (kind: string) => bridge.kinds.filter((each) => each === kind).length;
    expect(count("bind") - count("unbind")).to.be.at.most(100);
    expect(bridge.agent.path?.remote).to.deep.equal(B);
    net.run(20_000);
    expect(bridge.agent.path?.remote).to.deep.equal(B);
    expect(bridge.agent.consentLost).to.equal(false);
  });

  it("survives random messages, times and signalling in any order", () => {
    for (let seed = 1; seed <= 60; seed++) {
      const net = new VirtualNet({ seed, lossRate: 0.1 });
      const random = net.runtime.random;
      const { bridge, client } = call(net, seed % 2 === 0);
      const wire: Uint8Array[] = [];
      for (let step = 0; step < 150; step++) {
        const port = 40_000 + random.int(3);
        switch (random.int(6)) {
          case 0:
            net.run(net.now + random.int(3000));
            break;
          case 1:
            bridge.knows(client, net.now, [candidate({ ip: B.ip, port })]);
            break;
          case 2: {
            bridge.handleTimeout(net.now);
            wire.push(...bridge.drain().map(({ bytes }) => bytes));
            break;
          }
          case 3: {
            client.handleTimeout(net.now);
            wire.push(...client.drain().map(({ bytes }) => bytes));
            break;
          }
          default: {
            const bytes = wire[random.int(wire.length)];
            if (bytes === undefined) break;
            (random.int(2) === 0 ? bridge : client).receive(0, { ip: B.ip, port }, bytes, net.now);
          }
        }
        const { path, selected } = bridge.agent;
        if (selected !== undefined) expect(path).to.equal(selected);
        const due = bridge.pollTimeout();
        if (due !== undefined) expect(Number.isNaN(due)).to.equal(false);
      }
    }
  });
});
