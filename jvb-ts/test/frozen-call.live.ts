// A real bridge is stopped in the middle of a call of real transports. Needs the native addon.
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { realRuntime } from "#shared/runtime/real-runtime";
import type { IceTransport } from "#shared/stanza/media";
import type { EndpointTransport } from "../src/transport/endpoint-transport.ts";
import { LiveBridge } from "./live-bridge.ts";
import { opusPacket } from "./live-participant.ts";
import { type IceJson, RunningBridge } from "./running-bridge.ts";

/** Audio packets a second, as of ten talkers. */
const RATE = 500;
const SSRC = 1001;
/** The longest in `npm run test:full`. */
const lengths = process.env["ABUSE_SCALE"] === undefined ? [1, 5] : [1, 5, 15];

/** The bridge's description as the client's transport takes it: the bridge is the DTLS server. */
function read(ice: IceJson): IceTransport {
  return {
    ufrag: ice.ufrag,
    pwd: ice.pwd,
    iceGeneration: undefined,
    rtcpMux: true,
    webSockets: [],
    fingerprints: ice.fingerprints.map(({ fingerprint, hash }) => ({
      hash,
      value: fingerprint,
      setup: "passive" as const,
      cryptex: undefined,
    })),
    candidates: ice.candidates.map(({ ip, port }, at) => ({
      component: 1,
      foundation: "1",
      generation: 0,
      id: String(at),
      network: 0,
      ip,
      port: Number(port),
      priority: 1000 - at,
      protocol: "udp",
      type: "host" as const,
      relAddr: undefined,
      relPort: undefined,
      tcpType: undefined,
    })),
  };
}

describe("R3: a real bridge that is stopped in a call", function () {
  this.timeout(60_000);
  let bridge: RunningBridge;
  /** One socket each: the talker's and the listener's. */
  const peers: LiveBridge[] = [];
  const arrivals: number[] = [];
  /** When this process came round, to tell its own pauses from the bridge's. */
  const rounds: number[] = [];
  let talk: NodeJS.Timeout;

  async function join(id: string, isFirst: boolean, ssrc?: number): Promise<EndpointTransport> {
    const peer = new LiveBridge();
    peers.push(peer);
    const transport = peer.open(false);
    const sources =
      ssrc === undefined
        ? []
        : [{ type: "audio", id: `${id}-a0`, sources: [ssrc], "ssrc-groups": [] }];
    const created = await bridge.colibri(
      "m",
      {
        create: isFirst,
        endpoints: [
          {
            id,
            create: true,
            capabilities: ["source-names"],
            transport: { "ice-controlling": true },
            medias: [
              {
                type: "audio",
                "payload-types": [{ id: "111", name: "opus", clockrate: "48000", channels: "2" }],
              },
            ],
            sources,
          },
        ],
      },
      isFirst ? "POST" : "PATCH",
    );
    const ice = created.endpoints?.[0]?.transport?.transport;
    if (ice === undefined) throw new Error("no transport");
    const own = transport.describe();
    const [fingerprint] = own.fingerprints;
    await bridge.colibri("m", {
      endpoints: [
        {
          id,
          transport: {
            transport: {
              xmlns: "urn:xmpp:jingle:transports:ice-udp:1",
              ufrag: own.ufrag,
              pwd: own.pwd,
              "rtcp-mux": true,
              fingerprints: [
                { fingerprint: fingerprint?.value, hash: fingerprint?.hash, setup: "active" },
              ],
            },
          },
        },
      ],
    });
    transport.setRemote(read(ice), realRuntime.clock.now());
    peer.flush(transport);
    await bridge.until(() => transport.dtlsConnected);
    return transport;
  }

  before(async () => {
    bridge = await RunningBridge.start();
    const talker = await join("aaaa1111", true, SSRC);
    await join("bbbb2222", false);
    const [mouth, ear] = peers;
    if (ear !== undefined) ear.onRtp = () => arrivals.push(performance.now());
    let seq = 0;
    const from = performance.now();
    talk = setInterval(() => {
      rounds.push(performance.now());
      for (; seq < ((performance.now() - from) / 1000) * RATE; seq++) {
        mouth?.sendRtp(talker, opusPacket(SSRC, seq));
      }
    }, 5);
    await bridge.until(() => arrivals.length > RATE);
  });
  after(async function () {
    // I4 and I5 give it a minute each.
    this.timeout(150_000);
    clearInterval(talk);
    for (const peer of peers) peer.close();
    try {
      await bridge.colibri("m", { expire: true });
      await bridge.expectAtRest();
    } finally {
      await bridge.stop();
    }
  });

  /** Packets that arrived in a span. */
  const within = (from: number, to: number): number =>
    arrivals.filter((at) => at >= from && at < to).length;

  /** The longest span in which this process neither sent nor heard: said beside the figure, for what arrived in it counts later. */
  const longestPause = (from: number, to: number): number => {
    const some = rounds.filter((at) => at >= from && at < to);
    return some.reduce((most, at, index) => Math.max(most, at - (some[index - 1] ?? at)), 0);
  };

  for (const seconds of lengths) {
    it(`R3: for ${seconds} s: nobody is lost, and no second brings more than twice the usual`, async () => {
      await sleep(2500);
      const stopped = performance.now();
      bridge.program.kill("SIGSTOP");
      await sleep(seconds * 1000);
      bridge.program.kill("SIGCONT");
      const woken = performance.now();
      await sleep(4000);
      let most = 0;
      for (let from = woken; from < woken + 3000; from += 50) {
        most = Math.max(most, within(from, from + 1000));
      }
      const gap = (arrivals.find((at) => at > woken) ?? Number.POSITIVE_INFINITY) - woken;
      const pause = longestPause(woken, woken + 4000);
      console.log(
        `      first packet ${gap.toFixed(0)} ms after waking, ${(most / RATE).toFixed(2)} of the usual at most; the test's own longest pause ${pause.toFixed(0)} ms`,
      );
      expect(within(stopped + 200, woken)).to.equal(0);
      expect(gap).to.be.below(500);
      expect(most / RATE).to.be.within(0.9, 2);
      // Then as before.
      expect(within(woken + 2500, woken + 3500) / RATE).to.be.within(0.85, 1.15);
      expect(await bridge.stats()).to.include({
        endpoints: 2,
        endpoints_disconnected: 0,
        endpoints_ice_failed: 0,
        healthy: true,
      });
      expect(bridge.output).to.not.match(/became inactive|consent lost|SEVERE/);
    });
  }
});
