/** Real Chromium pages in a call, and what they see of each other. */
import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import { type Browser, chromium, type Page } from "playwright-core";

/** What one page saw of one source since the last `mark`. */
export interface SourceSeen {
  /** Packets of audio, decoded frames of video. */
  readonly count: number;
  /** Of the sound that was played; 1 is a second at full scale. */
  readonly energy: number;
  /** Longest time between two, in ms, timed where they come and not when somebody looks. */
  readonly gapMs: number;
  /** Time since the last one, in ms. */
  readonly quietMs: number;
}

export interface Seen {
  /** By `NAME/audio`, `NAME/video`, `NAME/screen`. */
  readonly sources: Readonly<Record<string, SourceSeen>>;
  readonly heights: Readonly<Record<string, number>>;
  /** Remote ends of the selected candidate pairs. */
  readonly pairs: readonly {
    readonly ip: string;
    readonly port: number;
    readonly type: string;
    readonly bytes: number;
  }[];
  /** Longest time since the last mark that the page itself got no processor, in ms. */
  readonly stallMs: number;
  /** Longest time in which the page itself sent nothing of `audio`, of `video`, in ms: to explain, as it is seen from looks. */
  readonly sentNothingMs: Readonly<Record<string, number>>;
  /** Holes in what the page itself sends, by layer. */
  readonly sent: readonly {
    readonly layer: string;
    readonly limit: string;
    readonly gapMs: number;
  }[];
}

interface Probe {
  mark(): void;
  snapshot(): Promise<Seen>;
  numbers(): Record<string, number>;
  forget(prefix: string): void;
}

/** The page's own `window.call`, as far as tests use it. */
interface CallPageWindow {
  readonly probe: Probe;
  readonly call: {
    readonly conference: { myUserId(): string; isModerator(): boolean } | undefined;
  };
}

/** What runs in each page before its own scripts. */
export const probeScript = ["arrivals.ts", "camera.ts", "probe.ts"]
  .map((file) => readFileSync(new URL(`in-page/${file}`, import.meta.url), "utf8"))
  .map((source) => stripTypeScriptTypes(source))
  .join("\n");

export async function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: "/usr/bin/chromium",
    headless: true,
    args: [
      ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
      "--allow-loopback-in-peer-connection",
      "--use-fake-device-for-media-stream",
      "--use-fake-ui-for-media-stream",
      "--autoplay-policy=no-user-gesture-required",
      "--disable-background-timer-throttling",
      "--disable-renderer-backgrounding",
      "--disable-backgrounding-occluded-windows",
      "--disable-features=WebRtcHideLocalIpsWithMdns",
    ],
  });
}

/** Names and values of an address; a list is the name repeated. */
export type Query = Readonly<Record<string, string | readonly string[]>>;

export interface PageOptions {
  /** Address of the call page. */
  readonly url: string;
  readonly room: string;
  /** 1 to 99; drawn into the picture, `pN` is the display name. */
  readonly number: number;
  /** More of the page's query: `channel`, `http`, `p2p`. */
  readonly query?: Query;
  /** What the page then says of itself; `in the room` unless given. */
  readonly state?: string;
  /** False: it is loaded, and enters with `join`. */
  readonly joins?: boolean;
}

export class CallPage {
  readonly page: Page;
  readonly number: number;
  readonly console: string[] = [];
  readonly #address: string;

  private constructor(page: Page, number: number, address: string) {
    this.page = page;
    this.number = number;
    this.#address = address;
    page.on("console", (message) => this.console.push(`${message.type()} ${message.text()}`));
    page.on("pageerror", (error) => this.console.push(`error ${error.message}`));
  }

  get name(): string {
    return `p${this.number}`;
  }

  /** Opens the page and waits until it is in the room, where it joins at once. */
  static async open(browser: Browser, options: PageOptions): Promise<CallPage> {
    const context = await browser.newContext({
      viewport: { width: 800, height: 600 },
      ignoreHTTPSErrors: true,
    });
    await context.addInitScript({ content: probeScript });
    const url = new URL(options.url);
    const query = {
      room: options.room,
      name: `p${options.number}`,
      n: String(options.number),
      ...options.query,
    };
    for (const [key, values] of Object.entries(query))
      for (const value of [values].flat()) url.searchParams.append(key, value);
    if (options.joins === false) url.searchParams.delete("name");
    const opened = new CallPage(await context.newPage(), options.number, url.href);
    if (options.joins === false) await opened.page.goto(url.href, { waitUntil: "load" });
    else await opened.load(options.state);
    return opened;
  }

  /** Opens its address, anew when it was open before, and waits until it is in the room. */
  async load(state?: string): Promise<void> {
    await this.page.goto(this.#address);
    await this.reach(state);
  }

  /** Enters the room, as a person does who presses the button. */
  async join(): Promise<void> {
    await this.page.fill("#name", this.name);
    await this.page.click("#join button");
    await this.reach();
  }

  /** Waits until the page says that of itself. */
  async reach(state = "in the room"): Promise<void> {
    try {
      await this.page.waitForSelector(`body[data-state="${state}"]`, { timeout: 20_000 });
    } catch (error) {
      throw new Error(`${this.name} did not get ${state}\n${this.report()}`, { cause: error });
    }
  }

  evaluate<T>(inPage: (window: CallPageWindow) => T | Promise<T>): Promise<T> {
    return this.page.evaluate(`(${inPage.toString()})(window)`) as Promise<T>;
  }

  seen(): Promise<Seen> {
    return this.evaluate((window) => window.probe.snapshot());
  }

  numbers(): Promise<Record<string, number>> {
    return this.evaluate((window) => window.probe.numbers());
  }

  mark(): Promise<void> {
    return this.evaluate((window) => window.probe.mark());
  }

  forget(other: CallPage): Promise<void> {
    return this.page.evaluate(`probe.forget(${JSON.stringify(`${other.name}/`)})`) as Promise<void>;
  }

  id(): Promise<string> {
    return this.evaluate((window) => window.call.conference?.myUserId() ?? "");
  }

  click(button: "mute" | "camera" | "share" | "leave"): Promise<void> {
    return this.page.click(`#${button}`);
  }

  /** The end of its console, for a test that failed. */
  report(): string {
    const lines = this.console.slice(-12).map((line) => `    ${line.slice(0, 300)}`);
    return [`  ${this.name}, last of ${this.console.length} lines of its console:`, ...lines].join(
      "\n",
    );
  }

  /** Takes back what an earlier try of a test left switched on. */
  async switchOff(button: "mute" | "camera" | "share"): Promise<void> {
    if ((await this.page.locator(`#${button}.on`).count()) > 0) await this.click(button);
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}

/** Has `page` ask the bridge for at most `height` lines of every source. */
export function askForHeight(page: CallPage, height: number): Promise<unknown> {
  const constraints = {
    lastN: -1,
    onStageSources: [],
    selectedSources: [],
    defaultConstraints: { maxHeight: height },
    constraints: {},
  };
  return page.page.evaluate(
    `call.conference.setReceiverConstraints(${JSON.stringify(constraints)})`,
  );
}

/** What a test must know of a bridge to see that it carries the media. */
export interface Carrier {
  /** UDP port at which pages reach it. */
  readonly mediaPort: number;
  /** TCP port of its `/colibri/stats`. */
  readonly privatePort: number;
  /** COMPAT(jvb): Java's totals leave out who is still there; its rates, made each 5 s, do not. */
  readonly totalsAtExpiry?: boolean;
}

/** Energy of sound in a second that is no silence; the probe's tone has 0.09. */
const audible = 0.01;

/** Packets or pictures of every source rise in every so many ms. */
const longestGapMs = 500;

export interface FlowOptions {
  /** Sources each page sends, by page name; `["audio", "video"]` when not named. */
  readonly sources?: Readonly<Record<string, readonly string[]>>;
  /** Longest time to wait until everything flows. */
  readonly withinMs?: number;
  /**
   * The selected candidate pairs must end at the media port of one of these, and the counters of
   * each that is used must rise; undefined: not checked (direct calls).
   */
  readonly bridges?: readonly Carrier[] | undefined;
  /** How long it must then go on. */
  readonly forMs?: number;
}

/** Problems of one look at all pages; empty when all media flowed for the `forMs` since the last mark. */
async function problems(
  pages: readonly CallPage[],
  options: FlowOptions,
  forMs: number,
): Promise<string[]> {
  const found: string[] = [];
  const looks = await Promise.all(
    pages.map(async (page) => [page, await page.seen(), await page.numbers()] as const),
  );
  for (const [receiver, seen, numbers] of looks) {
    for (const sender of pages) {
      if (sender === receiver) continue;
      for (const kind of options.sources?.[sender.name] ?? ["audio", "video"]) {
        const name = `${sender.name}/${kind}`;
        const source = seen.sources[name];
        if (source === undefined) found.push(`${receiver.name} has no ${name}`);
        else if (source.count === 0) found.push(`${receiver.name} got nothing of ${name}`);
        else if (source.gapMs > longestGapMs)
          found.push(`${receiver.name} had a gap of ${Math.round(source.gapMs)} ms in ${name}`);
        else if (kind === "audio" && source.energy < (audible * forMs) / 1000)
          found.push(`${receiver.name} hears silence from ${name} (energy ${source.energy})`);
        const number = kind === "screen" ? sender.number + 100 : sender.number;
        if (kind !== "audio" && numbers[name] !== number)
          found.push(`${receiver.name} sees ${numbers[name]} as ${name} instead of ${number}`);
      }
    }
    if (options.bridges !== undefined) {
      const ports = seen.pairs.map((pair) => pair.port);
      if (!options.bridges.some(({ mediaPort }) => ports.includes(mediaPort)))
        found.push(`${receiver.name} has its media from port ${ports.join()}, not from the bridge`);
    }
  }
  if (found.length === 0) return found;
  const own = looks.map(([{ name }, { stallMs, sentNothingMs, sent }]) => {
    const holes = sent.map(
      ({ layer, gapMs, limit }) =>
        `${layer} ${Math.round(gapMs)} ms${limit === "none" ? "" : ` (${limit})`}`,
    );
    const kinds = Object.entries(sentNothingMs).map(([kind, ms]) => `${kind} ${Math.round(ms)} ms`);
    return `(${name} itself stood still for ${Math.round(stallMs)} ms, sent no ${kinds.join(", no ")}; by layer: ${holes.join(", ")})`;
  });
  return [...found, ...own];
}

function none(what: string, found: readonly string[]): void {
  if (found.length > 0) throw new Error([`${what}:`, ...found].join("\n  "));
}

/** Packets that each bridge used by `pages` has received and sent up to now, or does in a second. */
async function counters(
  pages: readonly CallPage[],
  bridges: readonly Carrier[],
): Promise<Map<string, number>> {
  const looks = await Promise.all(pages.map((page) => page.seen()));
  const ports = new Set(looks.flatMap(({ pairs }) => pairs.map(({ port }) => port)));
  const found = new Map<string, number>();
  for (const { mediaPort, privatePort, totalsAtExpiry } of bridges) {
    if (!ports.has(mediaPort)) continue;
    const keys = totalsAtExpiry
      ? ["packet_rate_download", "packet_rate_upload"]
      : ["total_packets_received", "total_packets_sent"];
    const response = await fetch(`http://127.0.0.1:${privatePort}/colibri/stats`);
    const stats = (await response.json()) as Record<string, unknown>;
    for (const key of keys)
      found.set(`${key} of the bridge at port ${mediaPort}`, Number(stats[key]));
  }
  return found;
}

/** How often upstream's bridge brings its statistics up to date, and a little. */
const statisticsMs = 6000;

/** The counters that have not risen since `before`; they are given the time that they need. */
async function countersAtRest(
  pages: readonly CallPage[],
  bridges: readonly Carrier[],
  before: ReadonlyMap<string, number>,
): Promise<string[]> {
  const end = performance.now() + statisticsMs;
  for (;;) {
    const after = await counters(pages, bridges);
    const resting = [...before].filter(
      ([name, count]) => !((after.get(name) ?? 0) > (name.includes("_rate_") ? 0 : count)),
    );
    if (resting.length === 0 || performance.now() > end)
      return resting.map(([name, count]) => `${name}: ${count} before, ${after.get(name)} after`);
    await sleep(500);
  }
}

/**
 * Waits until all media flows between all pages, then checks that it goes on without a gap: for
 * every ordered pair of pages and every source, packets (audio) or decoded frames (video) rise in
 * every 500 ms, audio is not silence, the picture is that sender's, and the bridge counts what it
 * carries. Returns the milliseconds it took to begin.
 */
export async function expectMedia(
  pages: readonly CallPage[],
  options: FlowOptions = {},
): Promise<number> {
  const began = performance.now();
  let last: string[] = ["nothing looked at"];
  for (;;) {
    await Promise.all(pages.map((page) => page.mark()));
    await sleep(600);
    last = await problems(pages, options, 600);
    if (last.length === 0) break;
    if (performance.now() - began > (options.withinMs ?? 20_000)) break;
  }
  const took = performance.now() - began;
  none("media that does not flow", last);
  const { bridges = [], forMs = 2500 } = options;
  const before = await counters(pages, bridges);
  await Promise.all(pages.map((page) => page.mark()));
  await sleep(forMs);
  const found = await problems(pages, options, forMs);
  found.push(...(await countersAtRest(pages, bridges, before)));
  none("media that stopped", found);
  return took;
}

/**
 * Waits until nothing more comes of a source at any of `receivers`, and checks that it stays so:
 * no picture is decoded, no sound is heard. (Packets of silence may come.)
 */
export async function expectSilence(
  receivers: readonly CallPage[],
  name: string,
  withinMs = 5000,
): Promise<void> {
  const quiet = async (forMs: number): Promise<string[]> => {
    await Promise.all(receivers.map((page) => page.mark()));
    await sleep(forMs);
    const looks = await Promise.all(
      receivers.map(async (page) => [page.name, (await page.seen()).sources[name]] as const),
    );
    return looks.flatMap(([receiver, source]) => {
      if (source === undefined) return [];
      const stopped = name.endsWith("/audio") ? source.energy < 1e-4 : source.count === 0;
      const { count, energy } = source;
      return stopped ? [] : [`${receiver} still gets ${name}: ${count}, energy ${energy}`];
    });
  };
  const end = performance.now() + withinMs;
  while ((await quiet(500)).length > 0 && performance.now() < end);
  none(`${name} should have stopped`, await quiet(1500));
}

/** Time since the last sign of the source that is quiet longest, in ms; infinite where one never came. */
async function quietest(pages: readonly CallPage[], kinds: readonly string[]): Promise<number> {
  let most = 0;
  for (const page of pages) {
    const { sources } = await page.seen();
    for (const other of pages) {
      if (other === page) continue;
      for (const kind of kinds)
        most = Math.max(
          most,
          sources[`${other.name}/${kind}`]?.quietMs ?? Number.POSITIVE_INFINITY,
        );
    }
  }
  return most;
}

/**
 * Waits until audio and video between all pages flow and returns the milliseconds that took;
 * forgets no gap and finds no fault with what does not flow after `withinMs`.
 */
export async function untilMedia(pages: readonly CallPage[], withinMs = 20_000): Promise<number> {
  const began = performance.now();
  for (;;) {
    const quiet = await quietest(pages, ["audio", "video"]);
    const took = performance.now() - began;
    if (quiet < 400 || took > withinMs) return took;
    await sleep(50);
  }
}

/** Longest gap each page saw in any of the given sources since its last mark, in ms. */
export async function longestGaps(
  pages: readonly CallPage[],
  kinds: readonly string[] = ["audio", "video"],
): Promise<Map<string, number>> {
  const gaps = new Map<string, number>();
  for (const page of pages) {
    const seen = await page.seen();
    const own = Object.entries(seen.sources).filter(
      ([name]) =>
        kinds.includes(name.split("/")[1] ?? "") &&
        pages.some((other) => other !== page && name.startsWith(`${other.name}/`)),
    );
    gaps.set(page.name, Math.max(0, ...own.map(([, source]) => source.gapMs)));
  }
  return gaps;
}
