// A browser's ICE, DTLS and data channel against an endpoint transport on loopback.
// Run: mocha … jvb-ts/test/transport-browser.live.ts (needs Chromium and the built addon).
import { expect } from "chai";
import { type Browser, chromium, type Page } from "playwright-core";
import { realRuntime } from "#shared/runtime/real-runtime";
import { until } from "#shared/testing/until";
import type { EndpointTransport } from "../src/transport/endpoint-transport.ts";
import { LiveBridge } from "./live-bridge.ts";
import { offerSdp, remoteOf } from "./transport-sdp.ts";

/** Runs in the page: one connection, its channel and what it received. */
const pageScript = `
globalThis.peer = {
  pc: undefined,
  channel: undefined,
  got: [],
  async answer(offer) {
    if (!this.pc) {
      this.pc = new RTCPeerConnection();
      this.channel = this.pc.createDataChannel("JVB data channel", {
        protocol: "http://jitsi.org/protocols/colibri",
      });
      this.channel.onmessage = (event) => this.got.push(String(event.data));
      this.channel.onopen = () => this.got.push("(open)");
      this.channel.onclose = () => this.got.push("(closed)");
    }
    await this.pc.setRemoteDescription({ type: "offer", sdp: offer });
    await this.pc.setLocalDescription(await this.pc.createAnswer());
    return this.pc.localDescription.sdp;
  },
};`;

async function answerIn(page: Page, sdp: string): Promise<string> {
  return page.evaluate<string>(`peer.answer(${JSON.stringify(sdp)})`);
}

describe("a browser on an endpoint transport", function () {
  this.timeout(40_000);
  let browser: Browser;
  let bridge: LiveBridge;
  before(async () => {
    browser = await chromium.launch({
      executablePath: "/usr/bin/chromium",
      args: ["--no-sandbox", "--allow-loopback-in-peer-connection"],
    });
    bridge = new LiveBridge();
  });
  after(async () => {
    bridge.close();
    await browser.close();
  });

  async function join(controlling: boolean): Promise<{ page: Page; transport: EndpointTransport }> {
    const page = await browser.newPage();
    await page.goto("about:blank");
    await page.evaluate(pageScript);
    const transport = bridge.open(controlling);
    const answer = await answerIn(page, offerSdp(transport.describe()));
    transport.setRemote(remoteOf(answer), realRuntime.clock.now());
    bridge.flush(transport);
    return { page, transport };
  }
  const got = (page: Page) => page.evaluate<string[]>("peer.got");

  it("connects, carries texts of all sizes both ways, closes", async () => {
    const { page, transport } = await join(true);
    await until("channel", () => transport.channelReady);
    const kinds = bridge.events(transport).map(({ kind }) => kind);
    expect(kinds).to.include.members(["iceConnected", "setKeys", "dtlsConnected", "channelOpen"]);
    const long = "ü".repeat(60_000);
    transport.sendChannel(long, realRuntime.clock.now());
    bridge.flush(transport);
    await until("texts in the page", async () => (await got(page)).includes(long));
    for (const text of ["", "hello", long]) {
      await page.evaluate(`peer.channel.send(${JSON.stringify(text)})`);
    }
    const texts = () =>
      bridge.events(transport).flatMap((e) => (e.kind === "channelMessage" ? [e.text] : []));
    await until("texts at the bridge", () => texts().length === 3);
    expect(texts()).to.deep.equal(["", "hello", long]);
    await page.evaluate("peer.channel.close()");
    await until("closing seen", () => !transport.channelReady);
    await until("closing confirmed", async () => (await got(page)).includes("(closed)"));
    await page.close();
  });

  it("connects as controlled side too", async () => {
    const { page, transport } = await join(false);
    await until("channel", () => transport.channelReady);
    expect(transport.state.iceConnected).to.equal(true);
    await page.close();
  });

  it("restarts ICE in place without losing the channel", async () => {
    const { page, transport } = await join(true);
    await until("channel", () => transport.channelReady && transport.iceConnected);
    const now = realRuntime.clock.now();
    expect(transport.restartIce(now, realRuntime.clock.wallNow())).to.equal("started");
    bridge.flush(transport);
    const pending = transport.describeRestart();
    if (pending === undefined) throw new Error("nothing pending");
    const answer = await answerIn(page, offerSdp(pending));
    transport.setRemote(remoteOf(answer, pending.iceGeneration), realRuntime.clock.now());
    bridge.flush(transport);
    await until("cut over", () => !transport.state.restartPending);
    expect(bridge.events(transport)).to.deep.include({ kind: "iceRestart", outcome: "succeeded" });
    transport.sendChannel("after", realRuntime.clock.now());
    bridge.flush(transport);
    await until("text after the restart", async () => (await got(page)).includes("after"));
    await page.close();
  });

  it("tells the browser when the endpoint goes", async () => {
    const { page, transport } = await join(true);
    await until("channel", () => transport.channelReady);
    transport.close(realRuntime.clock.now());
    bridge.flush(transport);
    await until("closed in the page", async () => (await got(page)).includes("(closed)"));
    await page.close();
  });
});
