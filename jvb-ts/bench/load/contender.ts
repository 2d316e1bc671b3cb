/** A contender of a row of the load: its stand in a network namespace, as the runner drives it. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { upstreamFolder } from "../../../conformance/harness/java.ts";
import type {
  Cell,
  ContenderName,
  RunningContender,
  StartContender,
} from "../../../shared/bench/row.ts";
import type { Measured } from "./generator-messages.ts";
import { type FromStand, SET_UPS, type StandSettings, type ToStand } from "./stand-messages.ts";

/**
 * COMPAT(jvb): upstream's bridge offers no loopback address, so all contenders get a namespace with
 * another one. It goes with its last process.
 */
const NAMESPACE = `ip link set lo up &&
ip link add v0 type veth peer name v1 &&
ip addr add 10.77.0.1/24 dev v0 &&
ip link set v0 up && ip link set v1 up &&
exec "$@"`;
/** Everything but the bridge runs there. */
const OWN_CORE = "1";

/** Everything that a stand tells of one window. */
export interface StandReport {
  readonly cell: Cell;
  readonly measured: Measured;
}

export class Stand {
  readonly #child: ChildProcess;
  #heard: (message: FromStand) => void = () => {};
  /** What runs on it. */
  version = "";

  private constructor(settings: StandSettings) {
    const node = [process.execPath, "--conditions=source", "--disable-warning=ExperimentalWarning"];
    const file = fileURLToPath(new URL("stand.ts", import.meta.url));
    const own = ["taskset", "-c", OWN_CORE, ...node, file, JSON.stringify(settings)];
    // Whoever is not root may be it in a namespace of users.
    const namespaces = process.getuid?.() === 0 ? ["--net"] : ["--map-root-user", "--net"];
    this.#child = spawn("unshare", [...namespaces, "sh", "-c", NAMESPACE, "sh", ...own], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      serialization: "advanced",
      // Ctrl-C is for whoever started us, who ends us in order.
      detached: true,
    });
    this.#child.on("message", (message: FromStand) => this.#heard(message));
    this.#child.on("error", ({ message }) => this.#heard({ kind: "failed", reason: message }));
    this.#child.on("exit", (code, signal) =>
      this.#heard({ kind: "failed", reason: `the stand ended with ${signal ?? code}` }),
    );
  }

  /** @throws Error saying why it cannot start: no namespace may be made, the bridge ended, … */
  static async start(settings: StandSettings): Promise<Stand> {
    const stand = new Stand(settings);
    try {
      stand.version = (await stand.#hear("ready")).version;
    } catch (cause) {
      await stand.stop();
      throw cause;
    }
    return stand;
  }

  #hear<K extends FromStand["kind"]>(kind: K): Promise<FromStand & { kind: K }> {
    return new Promise((resolve, reject) => {
      this.#heard = (message) => {
        if (message.kind === kind) resolve(message as FromStand & { kind: K });
        else
          reject(new Error(message.kind === "failed" ? message.reason : `it says ${message.kind}`));
      };
    });
  }

  #tell(message: ToStand): void {
    this.#child.send(message);
  }

  /** Load for so long, of which nothing is told. */
  async warm(seconds: number): Promise<void> {
    await this.#measure(seconds, false);
  }

  /** A window of so long, once everybody gets what was asked for. */
  measure(seconds: number): Promise<StandReport> {
    return this.#measure(seconds, true);
  }

  #measure(seconds: number, settle: boolean): Promise<StandReport> {
    const done = this.#hear("measured");
    this.#tell({ kind: "measure", seconds, settle });
    return done;
  }

  /** Endpoints set up one after the other for so long. */
  async setUps(seconds: number): Promise<Cell> {
    const done = this.#hear("setUps");
    this.#tell({ kind: "setUps", seconds });
    return (await done).cell;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#heard = () => {};
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    if (this.#child.connected) this.#tell({ kind: "stop" });
    else return;
    await gone;
  }
}

/** The seed of every row: whoever measures again measures the same streams. */
export const SEED = 20_260_821;

type Run = Pick<RunningContender, "warm" | "measure">;

function startOn(
  contender: ContenderName,
  workload: string,
  run: (stand: Stand) => Run,
): StartContender {
  return async () => {
    if (contender === "java") {
      const upstream = upstreamFolder();
      if ("reason" in upstream) return { notMeasured: upstream.reason };
    }
    const stand = await Stand.start({ contender, workload, seed: SEED, profile: "gcm" });
    return { ...run(stand), stop: () => stand.stop(), version: stand.version };
  };
}

/** A call that goes on. */
export const startContender = (contender: ContenderName, workload: string): StartContender =>
  startOn(contender, workload, (stand) => ({
    warm: (seconds) => stand.warm(seconds),
    measure: async (seconds) => (await stand.measure(seconds)).cell,
  }));

/** Endpoints that come one by one; what the very first one took belongs to the first cell that counts. */
export const startSetUps = (contender: Exclude<ContenderName, "limit">): StartContender =>
  startOn(contender, SET_UPS, (stand) => {
    let first: Readonly<Record<string, number>> = {};
    return {
      async warm(seconds) {
        first = firstOf((await stand.setUps(seconds)).figures);
      },
      async measure(seconds) {
        const cell = await stand.setUps(seconds);
        const figures = { ...first, ...cell.figures };
        first = {};
        return { ...cell, figures };
      },
    };
  });

/** The figures that a bridge has once in its life. */
const firstOf = (figures: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(figures).filter(([name]) => name.startsWith("first ")));
