import { runInNewContext } from "node:vm";
import { expect } from "chai";
import { probeScript, type Seen } from "./pages.ts";

interface Row {
  id: string;
  packetsReceived: number;
  totalAudioEnergy: number;
}

type Heard = ((event: { readonly data: unknown }) => void) | null;

/** The probe in a page of nothing: one person's audio, a clock and timers moved by hand. */
class Page {
  now = 1000;
  /** Moves a packet into the page's worker, which hands it on at once. */
  packet: (connection?: number) => Promise<unknown> = async () => undefined;
  /** Inbound rows by connection. */
  readonly rows: Row[] = [];
  /** What the page sends on its first connection: audio packets, frames of two layers. */
  readonly sends = { audio: 0, low: 0, high: 0 };
  readonly closed = new Set<number>();
  /** Whether the client has said whose track that is. */
  readonly client = { knows: true };
  #timer: (() => void) | undefined;
  readonly #window: {
    probe?: { mark(): void; snapshot(): Promise<Seen> };
    RTCPeerConnection?: new () => unknown;
    call: unknown;
  };

  constructor() {
    const page = this;
    let made = 0;
    const performance = { timeOrigin: 5_000_000, now: () => page.now };
    const writers: WritableStreamDefaultWriter<unknown>[] = [];

    /** Runs the real script of the worker. */
    class FakeWorker {
      onmessage: Heard = null;
      readonly scope: {
        onmessage: Heard;
        onrtctransform: ((event: { readonly transformer: unknown }) => void) | null;
        postMessage(data: unknown): void;
      } = {
        onmessage: null,
        onrtctransform: null,
        postMessage: (data) => setImmediate(() => this.onmessage?.({ data })),
      };
      constructor(script: string) {
        runInNewContext(script, { self: this.scope, performance, TransformStream, Map });
      }
      postMessage(data: unknown): void {
        this.scope.onmessage?.({ data });
      }
    }
    class FakeTransform {
      constructor(worker: FakeWorker, options: unknown) {
        const before = new TransformStream<unknown, unknown>();
        const after = new TransformStream<unknown, unknown>();
        const { readable } = before;
        const { writable } = after;
        worker.scope.onrtctransform?.({ transformer: { readable, writable, options } });
        const [writer, reader] = [before.writable.getWriter(), after.readable.getReader()];
        writers.push(writer);
        page.packet = async (connection = writers.length - 1) => {
          const packet = {};
          void writers[connection]?.write(packet);
          if (connection === writers.length - 1)
            expect((await reader.read()).value).to.equal(packet);
        };
      }
    }
    class Connection {
      readonly at = made++;
      addEventListener(_track: string, heard: (event: unknown) => void): void {
        heard({ receiver: { track: { id: "track", kind: "audio" } } });
      }
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
      call: { conference: { getParticipants: () => (this.client.knows ? [person] : []) } },
      RTCPeerConnection: Connection,
    };
    runInNewContext(probeScript, {
      window: this.#window,
      location: { search: "?n=1" },
      navigator: { mediaDevices: {} },
      performance,
      Worker: FakeWorker,
      RTCRtpScriptTransform: FakeTransform,
      // The worker's address is its script.
      Blob: class {
        readonly script: string;
        constructor([script = ""]: readonly string[]) {
          this.script = script;
        }
      },
      URL: { createObjectURL: ({ script }: { readonly script: string }) => script },
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
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Lets time pass, and then a packet come; nobody looks. */
  async hear(ms: number, connection?: number): Promise<void> {
    this.now += ms;
    await this.packet(connection);
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
    for (let packet = 0; packet < 5; packet++) await page.hear(20);
    row.packetsReceived += 5;
    row.totalAudioEnergy += 0.009;
    await page.pass(0);
  }
  page.mark();
  return { page, row };
}

describe("the probe in pages", () => {
  it("takes no burst for media that was spread over the time", async () => {
    const { page, row } = await hearing();
    await page.pass(1000);
    for (let packet = 0; packet < 45; packet++) await page.hear(0);
    row.packetsReceived += 45;
    await page.pass();
    expect((await page.audio())?.gapMs).to.equal(1000);
  });

  it("times what came while it stood still itself, and forgives nothing", async () => {
    const { page, row } = await hearing();
    await page.pass();
    await page.hear(700);
    for (let packet = 0; packet < 50; packet++) await page.hear(20);
    row.packetsReceived += 51;
    await page.pass(50);
    expect(await page.audio()).to.include({ gapMs: 800, quietMs: 50, count: 51 });
  });

  it("takes its own standstill for no gap", async () => {
    const { page } = await hearing();
    for (let packet = 0; packet < 100; packet++) await page.hear(20);
    await page.pass(0);
    expect((await page.audio())?.gapMs).to.equal(20);
  });

  it("takes nothing off a gap for what a new session has received at once", async () => {
    const { page } = await hearing();
    await page.pass(3000);
    page.closed.add(0);
    page.connect().packetsReceived = 200;
    for (let packet = 0; packet < 200; packet++) await page.hear(0);
    await page.pass();
    expect((await page.audio())?.gapMs).to.equal(3000);
  });

  it("keeps what came before the client knew whose it is", async () => {
    const { page } = await hearing();
    page.client.knows = false;
    await page.hear(700);
    await page.hear(300);
    await page.pass();
    page.client.knows = true;
    await page.hear(100);
    await page.pass(0);
    expect((await page.audio())?.gapMs).to.equal(700);
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
