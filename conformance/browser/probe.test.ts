import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { runInNewContext } from "node:vm";
import { expect } from "chai";
import type { Seen } from "./pages.ts";

const script = stripTypeScriptTypes(
  readFileSync(new URL("in-page/probe.ts", import.meta.url), "utf8"),
);

interface Row {
  id: string;
  packetsReceived: number;
  totalAudioEnergy: number;
}

/** The probe in a page of nothing: one person's audio, a clock and timers moved by hand. */
class Page {
  now = 1000;
  /** Inbound rows by connection. */
  readonly rows: Row[] = [];
  /** What the page sends on its first connection: audio packets, frames of two layers. */
  readonly sends = { audio: 0, low: 0, high: 0 };
  readonly closed = new Set<number>();
  #timer: (() => void) | undefined;
  readonly #window: {
    probe?: { mark(): void; snapshot(): Promise<Seen> };
    RTCPeerConnection?: new () => unknown;
    call: unknown;
  };

  constructor() {
    const page = this;
    let made = 0;
    class Connection {
      readonly at = made++;
      get connectionState(): string {
        return page.closed.has(this.at) ? "closed" : "connected";
      }
      async getStats(): Promise<Map<string, object>> {
        const row = page.rows[this.at];
        if (row === undefined) return new Map();
        const audio = { type: "inbound-rtp", kind: "audio", trackIdentifier: "track" };
        const out = { type: "outbound-rtp", kind: "video", active: true };
        const { audio: packetsSent, low, high } = page.sends;
        return new Map<string, object>([
          [row.id, { ...audio, ...row }],
          ["sound", { ...out, kind: "audio", ssrc: 1, packetsSent }],
          ["low", { ...out, ssrc: 2, framesEncoded: low }],
          ["high", { ...out, ssrc: 3, framesEncoded: high }],
        ]);
      }
    }
    const track = { getType: () => "audio", getTrack: () => ({ id: "track" }) };
    const person = { getDisplayName: () => "p2", getTracks: () => [track] };
    this.#window = {
      call: { conference: { getParticipants: () => [person] } },
      RTCPeerConnection: Connection,
    };
    runInNewContext(script, {
      window: this.#window,
      location: { search: "?n=1" },
      navigator: { mediaDevices: {} },
      performance: { now: () => page.now },
      setTimeout: (then: () => void) => {
        page.#timer = then;
      },
      URLSearchParams,
      console,
    });
  }

  connect(): Row {
    const { RTCPeerConnection: Made } = this.#window;
    if (Made !== undefined) new Made();
    const row = { id: "audio", packetsReceived: 0, totalAudioEnergy: 0 };
    this.rows.push(row);
    return row;
  }

  /** Lets time pass, and then the probe look. */
  async pass(ms = 100): Promise<void> {
    this.now += ms;
    this.#timer?.();
    await new Promise((resolve) => setImmediate(resolve));
  }

  mark(): void {
    this.#window.probe?.mark();
  }

  async sentNothingMs(): Promise<Seen["sentNothingMs"] | undefined> {
    return (await this.#window.probe?.snapshot())?.sentNothingMs;
  }

  async audio(): Promise<Seen["sources"][string] | undefined> {
    return (await this.#window.probe?.snapshot())?.sources["p2/audio"];
  }
}

/** A page that has heard the other for a second, and a mark. */
async function hearing(): Promise<{ readonly page: Page; readonly row: Row }> {
  const page = new Page();
  const row = page.connect();
  for (let look = 0; look < 10; look++) {
    row.packetsReceived += 5;
    row.totalAudioEnergy += 0.009;
    await page.pass();
  }
  page.mark();
  return { page, row };
}

describe("the probe in pages", () => {
  it("takes no burst for media that was spread over the time", async () => {
    const { page, row } = await hearing();
    for (let look = 0; look < 9; look++) await page.pass();
    row.packetsReceived += 45;
    await page.pass();
    expect((await page.audio())?.gapMs).to.equal(1000);
  });

  it("forgives what it could not see because it came late itself, and no more", async () => {
    const { page, row } = await hearing();
    for (let look = 0; look < 3; look++) await page.pass();
    row.packetsReceived += 5;
    await page.pass(500);
    expect((await page.audio())?.gapMs).to.equal(400);
  });

  it("takes nothing off a gap for what a new session has received at once", async () => {
    const { page } = await hearing();
    for (let look = 0; look < 30; look++) await page.pass();
    page.closed.add(0);
    page.connect().packetsReceived = 200;
    await page.pass();
    expect((await page.audio())?.gapMs).to.equal(3100);
  });

  it("takes an old session beside the new one for no progress", async () => {
    const { page } = await hearing();
    page.connect();
    for (let look = 0; look < 10; look++) await page.pass();
    expect(await page.audio()).to.include({ gapMs: 1000, count: 0 });
  });

  it("counts packets and energy from the mark on", async () => {
    const { page, row } = await hearing();
    row.packetsReceived += 5;
    await page.pass();
    expect(await page.audio()).to.include({ count: 5, energy: 0 });
  });

  it("counts a gap that is open at the mark in full, but for a source that was away", async () => {
    const { page } = await hearing();
    for (let look = 0; look < 3; look++) await page.pass();
    page.mark();
    await page.pass();
    expect((await page.audio())?.gapMs).to.equal(400);
    for (let look = 0; look < 5; look++) await page.pass();
    page.mark();
    await page.pass();
    expect((await page.audio())?.gapMs).to.equal(100);
  });

  it("says how long the page itself sent nothing at all of a kind", async () => {
    const { page } = await hearing();
    for (let look = 0; look < 8; look++) {
      page.sends.audio++;
      page.sends[look % 2 === 0 ? "low" : "high"]++;
      await page.pass();
    }
    page.mark();
    for (let look = 0; look < 6; look++) await page.pass();
    page.sends.audio++;
    page.sends.high++;
    await page.pass();
    expect({ ...(await page.sentNothingMs()) }).to.deep.equal({ audio: 700, video: 700 });
  });

  it("does not take layers in turns for a hole", async () => {
    const { page } = await hearing();
    for (let look = 0; look < 12; look++) {
      page.sends[look < 6 ? "low" : "high"]++;
      await page.pass();
    }
    expect((await page.sentNothingMs())?.["video"]).to.equal(100);
  });

  it("takes a page's own standstill for a hole in its pictures, not in its sound", async () => {
    const { page } = await hearing();
    for (const ms of [100, 100, 500]) {
      page.sends.audio++;
      page.sends.low++;
      await page.pass(ms);
    }
    page.sends.audio++;
    page.sends.low++;
    await page.pass();
    expect({ ...(await page.sentNothingMs()) }).to.deep.equal({ audio: 100, video: 500 });
  });
});
