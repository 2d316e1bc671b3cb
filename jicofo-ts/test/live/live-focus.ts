/** The real program, on the XMPP server of a test. */
import { freePort } from "#shared/testing/free-port";
import type { Prosody } from "#shared/testing/prosody";
import { StartedProgram } from "#shared/testing/started-program";
import { until } from "#shared/testing/until";

const main = new URL("../../src/main.ts", import.meta.url).pathname;

export class LiveFocus {
  readonly httpPort: number;
  readonly program: StartedProgram;

  private constructor(httpPort: number, config: string) {
    this.httpPort = httpPort;
    this.program = new StartedProgram({ main, config });
  }

  /** `more`: further lines of the configuration; resolves when it is in the brewery. */
  static async start(prosody: Prosody, more = ""): Promise<LiveFocus> {
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
  }

  /** What it printed, over all its lives. */
  get output(): string {
    return this.program.output;
  }

  get pid(): number {
    return this.program.pid;
  }

  async get(path: string): Promise<Record<string, unknown>> {
    const response = await fetch(`http://127.0.0.1:${this.httpPort}${path}`);
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

  /** Ends it and removes its files. */
  async stop(): Promise<void> {
    await this.program.stop();
  }
}
