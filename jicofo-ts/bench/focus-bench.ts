/**
 * One focus under load: conferences of three that arrive by a timetable, over a real Prosody or the
 * benchmark's own server, with simulated clients and bridges (spec benchmarks-and-faults F3).
 *
 * The focus has core 0 for itself; server and load generator share core 1. Every contender has a
 * server and a generator of its own, which are idle while another is measured.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { Prosody } from "#shared/testing/prosody";
import { ProcessTree } from "../../shared/bench/process-tree.ts";
import { type FocusName, type FocusPlace, RunningFocus } from "./contender.ts";
import { CountingLink, type Traffic } from "./counting-link.ts";
import type { ArrivalReport, Arrivals } from "./generator-messages.ts";
import { Generator } from "./generator-process.ts";
import { type BenchServer, startLeanServer } from "./lean-process.ts";
import { Inspector, javaHeap, nodeHeap } from "./live-heap.ts";
import type { ClientPlace } from "./simulated-client.ts";

export const conferenceSize = 3;
const bridgeCount = 3;
/** Machines with one core run everything on it, and say so in the figures by being slow. */
const [focusCore, loadCore] = availableParallelism() > 1 ? [0, 1] : [undefined, undefined];

/** What one batch of arrivals cost and how it went. */
export interface Batch extends ArrivalReport {
  /** Participants that this process had set up before. */
  readonly before: number;
  /** ms of CPU per participant set up: the focus' process tree, and the XMPP server. */
  readonly cpuMs: number;
  readonly serverCpuMs: number;
  /** With everybody there, as it is. */
  readonly rssMb: number;
}

/** KiB per participant held: live heap, and resident memory, both after garbage was collected. */
export interface Held {
  readonly heapKib: number | undefined;
  readonly rssKib: number;
}

/** Over which XMPP server: a real one, or the benchmark's own that costs next to nothing. */
export type ServerKind = "prosody" | "lean";

function pinnedServer(prosody: Prosody): Prosody {
  if (loadCore !== undefined)
    spawnSync("taskset", ["-a", "-c", "-p", `${loadCore}`, `${prosody.pid}`]);
  return prosody;
}

/** Stanzas and bytes of one join, counted at the focus' own stream. */
export interface TrafficReport {
  readonly participants: number;
  readonly sent: Traffic;
  readonly received: Traffic;
}

export class FocusBench {
  readonly #name: FocusName;
  readonly #server: BenchServer;
  readonly #generator: Generator;
  readonly #place: FocusPlace;
  readonly #clients: ClientPlace;
  #focus: RunningFocus | undefined;
  #tree: ProcessTree | undefined;
  #inspector: Inspector | undefined;
  readonly #serverTree: ProcessTree;
  #before = 0;

  private constructor(name: FocusName, server: BenchServer, generator: Generator) {
    this.#name = name;
    this.#server = server;
    this.#generator = generator;
    const { c2sPort: port, domain, authDomain, mucDomain } = server;
    this.#place = { port, domain, authDomain, mucDomain };
    this.#clients = { port, domain, mucDomain, focus: `focus@${authDomain}/focus` };
    this.#serverTree = new ProcessTree(server.pid);
  }

  /** Starts server, bridges and generator, and no focus yet. */
  static async open(name: FocusName, kind: ServerKind): Promise<FocusBench> {
    const server =
      kind === "lean"
        ? await startLeanServer(loadCore)
        : // Else an invitation waits for up to 40 ms until the client's system has acknowledged what
          // the server sent it just before, whoever the focus is.
          pinnedServer(await Prosody.start({ noDelay: true }));
    const generator = new Generator(loadCore);
    const bench = new FocusBench(name, server, generator);
    await generator.bridges(bridgeCount, server.c2sPort, server.authDomain);
    return bench;
  }

  get focus(): RunningFocus {
    if (this.#focus === undefined) throw new Error("no focus was started");
    return this.#focus;
  }

  /** Starts the focus; a reason when it cannot run here. `through`: another port than Prosody's. */
  async start(through?: number): Promise<string | undefined> {
    const place = through === undefined ? this.#place : { ...this.#place, port: through };
    const focus = await RunningFocus.start(this.#name, place, bridgeCount, focusCore);
    if ("notMeasured" in focus) return focus.notMeasured;
    this.#focus = focus;
    this.#tree = new ProcessTree(focus.pid);
    this.#before = 0;
    return undefined;
  }

  async stopFocus(): Promise<void> {
    this.#inspector?.close();
    this.#inspector = undefined;
    this.#tree?.close();
    await this.#focus?.stop();
    this.#focus = undefined;
  }

  /** ms from request to last invitation of the first conference of a focus that just started. */
  async first(): Promise<number | undefined> {
    if ((await this.start()) !== undefined) return undefined;
    try {
      return (await this.#generator.first({ place: this.#clients, size: conferenceSize })).ms;
    } finally {
      await this.#generator.leave(100);
      await this.stopFocus();
    }
  }

  /** Counts stanzas and bytes by a link between focus and server, in a life of its own. */
  async traffic(conferences: number): Promise<TrafficReport | undefined> {
    const link = await CountingLink.to(this.#server.c2sPort);
    try {
      if ((await this.start(link.port)) !== undefined) return undefined;
      // The first conference also asks what a client can do.
      await this.#arrive({ conferences: 1, rate: 10, size: conferenceSize });
      await this.#generator.leave(100);
      link.reset();
      const arrivals = { conferences, rate: 10, size: conferenceSize };
      const { participants } = await this.#arrive(arrivals);
      const { sent, received } = link;
      link.reset();
      await this.#generator.leave(1_000);
      return { participants, sent, received };
    } finally {
      await this.stopFocus();
      await link.close();
    }
  }

  /** Conferences come, are measured, and leave. `profile`: where a CPU profile of ours goes. */
  async batch(arrivals: Arrivals, profile?: string): Promise<Batch> {
    const tree = this.#tree;
    if (tree === undefined) throw new Error("no focus was started");
    const inspector = profile === undefined ? undefined : await this.#inspect();
    await inspector?.ask("Profiler.enable");
    await inspector?.ask("Profiler.setSamplingInterval", { interval: 200 });
    await inspector?.ask("Profiler.start");
    const cpuBefore = tree.cpu();
    const serverBefore = this.#serverTree.cpu();
    const report = await this.#arrive(arrivals);
    const cpuAfter = tree.cpu();
    const serverAfter = this.#serverTree.cpu();
    if (inspector !== undefined && profile !== undefined) {
      const { profile: taken } = await inspector.ask("Profiler.stop");
      writeFileSync(profile, JSON.stringify(taken));
    }
    const { rssMb } = tree.memory();
    await this.#leave(arrivals);
    const { participants } = report;
    const before = this.#before;
    this.#before += participants;
    const ms = (from: typeof cpuBefore, to: typeof cpuBefore): number =>
      (1_000 * (to.user + to.system - from.user - from.system)) / participants;
    return {
      ...report,
      before,
      cpuMs: ms(cpuBefore, cpuAfter),
      serverCpuMs: ms(serverBefore, serverAfter),
      rssMb,
    };
  }

  /**
   * What so many participants hold, in a focus that has seen as many come and go before. Apart from
   * the batches that are timed: a heap just collected by force is small and grows at a price.
   */
  async held(arrivals: Arrivals): Promise<Held> {
    await this.batch(arrivals);
    const before = await this.#settled();
    const { participants } = await this.#arrive(arrivals);
    const after = await this.#settled();
    this.#before += participants;
    await this.#leave(arrivals);
    const heap =
      before.heap === undefined || after.heap === undefined ? undefined : after.heap - before.heap;
    return {
      heapKib: heap === undefined ? undefined : heap / 1_024 / participants,
      rssKib: (1_024 * (after.rssMb - before.rssMb)) / participants,
    };
  }

  async close(): Promise<void> {
    await this.stopFocus();
    this.#serverTree.close();
    await this.#generator.stop();
    await this.#server.stop();
  }

  #arrive(arrivals: Arrivals): Promise<ArrivalReport> {
    return this.#generator.arrive({ place: this.#clients, arrivals });
  }

  async #leave({ conferences, rate }: Arrivals): Promise<void> {
    await this.#generator.leave((500 * conferences) / rate);
    await sleep(500);
  }

  async #inspect(): Promise<Inspector> {
    const { pid, inspectPort } = this.focus;
    this.#inspector ??= await Inspector.of(pid, inspectPort);
    return this.#inspector;
  }

  async #settled(): Promise<{ readonly heap: number | undefined; readonly rssMb: number }> {
    const { pid } = this.focus;
    const heap =
      this.#name === "java" ? await javaHeap(pid) : await nodeHeap(await this.#inspect());
    // Memory goes back to the system in the background.
    await sleep(1_000);
    return { heap, rssMb: this.#tree?.memory().rssMb ?? 0 };
  }
}
