/** The real program, on the XMPP server of a test. Whoever stops it hears what it left (spec G.0). */
import { freePort } from "#shared/testing/free-port";
import { type OutputRules, outputFaults } from "#shared/testing/output-faults";
import type { Prosody } from "#shared/testing/prosody";
import { StartedProgram } from "#shared/testing/started-program";
import { until } from "#shared/testing/until";

/** I4 and I5 give it a minute; hooks have less. */
const REST_MS = 25_000;
/** A connection to a component or a second server may come after the brewery. */
const MORE_FILES = 2;
const MORE_MEMORY_SHARE = 0.1;
const MORE_MEMORY_KB = 20 * 1024;

const main = new URL("../../src/main.ts", import.meta.url).pathname;

export class LiveFocus {
  readonly httpPort: number;
  readonly program: StartedProgram;
  readonly #rules: OutputRules;
  /** Of its present life, when it came into the brewery. */
  #before = { files: 0, memoryKb: 0 };

  private constructor(httpPort: number, config: string, rules: OutputRules) {
    this.httpPort = httpPort;
    this.#rules = rules;
    this.program = new StartedProgram({ main, config });
  }

  /**
   * `more`: further lines of the configuration; `expected`: errors that the test provokes. Resolves
   * when it is in the brewery.
   */
  static async start(prosody: Prosody, more = "", expected?: RegExp): Promise<LiveFocus> {
    const httpPort = await freePort();
    const focus = new LiveFocus(
      httpPort,
      `jicofo {
  xmpp.client {
    hostname = 127.0.0.1, port = ${prosody.c2sPort}, domain = ${prosody.authDomain}
    xmpp-domain = ${prosody.domain}, username = focus, password = focus
  }
  bridge.brewery-jid = "jvbbrewery@internal.${prosody.authDomain}"
  rest.port = ${httpPort}
}
${more}
`,
      { forbidden: [prosody.componentSecret], ...(expected && { expected }) },
    );
    await focus.#isInBrewery(0);
    return focus;
  }

  /** Starts the program again with the same configuration. */
  async again(): Promise<void> {
    const from = this.output.length;
    this.program.again();
    await this.#isInBrewery(from);
  }

  /** `from`: length of the output before this life. */
  async #isInBrewery(from: number): Promise<void> {
    await until(() => /jvbbrewery@[^\n]*Joined the room/.test(this.output.slice(from)));
    this.#before = { files: this.program.openFiles, memoryKb: this.program.memoryKb };
  }

  /** What it printed, over all its lives. */
  get output(): string {
    return this.program.output;
  }

  get pid(): number {
    return this.program.pid;
  }

  async get(path: string): Promise<Record<string, unknown>> {
    const response = await fetch(`http://127.0.0.1:${this.httpPort}${path}`, {
      headers: { connection: "close" },
    });
    return (await response.json()) as Record<string, unknown>;
  }

  /** Names of the bridges that it knows. */
  async bridges(): Promise<string[]> {
    const selector = (await this.get("/debug"))["bridge_selector"] as { bridge?: object };
    return Object.keys(selector.bridge ?? {}).map((jid) => jid.slice(jid.indexOf("/") + 1));
  }

  /** Ends it; resolves with its exit status, or the signal that ended it. */
  async kill(signal: "SIGTERM" | "SIGKILL" = "SIGKILL"): Promise<number | string | null> {
    this.program.kill(signal);
    return this.program.ended;
  }

  /**
   * Ends it and removes its files. Throws for what broke an invariant: errors, secrets and floods in
   * its log (I7, I9), and, where it still ran, files, memory or people that it kept (I4, I5, I8).
   */
  async stop(): Promise<void> {
    const faults = this.program.isRunning ? [...(await this.kept())] : [];
    await this.program.stop();
    faults.push(...outputFaults(this.output, this.#rules));
    if (faults.length > 0) throw new Error(`invariants broken:\n${faults.join("\n")}`);
  }

  /** What it has too much of once everybody has gone, in words (I4, I5, I8). */
  async kept(): Promise<readonly string[]> {
    const end = performance.now() + REST_MS;
    for (;;) {
      const faults = await this.#tooMuch();
      if (faults.length === 0 || performance.now() > end) return faults;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async #tooMuch(): Promise<string[]> {
    const { participants } = await this.get("/stats");
    const { openFiles, memoryKb } = this.program;
    const { files, memoryKb: beforeKb } = this.#before;
    const mostKb = beforeKb * (1 + MORE_MEMORY_SHARE) + MORE_MEMORY_KB;
    const faults: string[] = [];
    if (participants !== 0) faults.push(`${String(participants)} participants counted`);
    if (openFiles > files + MORE_FILES) faults.push(`${openFiles} files open, ${files} before`);
    if (memoryKb > mostKb) faults.push(`${memoryKb} kB of memory, ${beforeKb} before`);
    return faults;
  }
}
