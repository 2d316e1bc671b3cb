/** Test kit: the program itself on free loopback ports, with COLIBRI2 over HTTP. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { freePort } from "#shared/testing/free-port";
import { expectMemoryReturned } from "#shared/testing/memory-expectations";
import { StartedProgram } from "#shared/testing/started-program";

/** I5: until no more files are open than before. */
const REST_MS = 60_000;
const SPARE_FILES = 3;

/** What a program holds. */
export interface Held {
  readonly openFiles: number;
  readonly memoryKb: number;
}

const main = new URL("../src/main.ts", import.meta.url).pathname;

/** What of an ICE-UDP transport as JSON the tests need. */
export interface IceJson {
  readonly ufrag: string;
  readonly pwd: string;
  readonly candidates: readonly { readonly ip: string; readonly port: string }[];
  readonly fingerprints: readonly { readonly fingerprint: string; readonly hash: string }[];
  readonly "web-sockets"?: readonly string[];
}

/** An answer of `/colibri/v2/conferences`. */
export interface ModifiedJson {
  readonly endpoints?: readonly {
    readonly id: string;
    readonly transport?: { readonly transport: IceJson };
  }[];
}

export class RunningBridge {
  readonly base: string;
  readonly program: StartedProgram;
  #atStart: Held = { openFiles: 0, memoryKb: 0 };

  private constructor(privatePort: number, config: string, probe: boolean) {
    this.base = `http://127.0.0.1:${privatePort}`;
    this.program = new StartedProgram({ main, config, probe });
  }

  /**
   * Starts one with `more` HOCON behind the usual, and waits until it can carry media. `probe`: its
   * event loops are measured, which takes about 1 % of a core.
   */
  static async start(more = "", probe = false): Promise<RunningBridge> {
    const privatePort = await freePort();
    const bridge = new RunningBridge(
      privatePort,
      `videobridge {
        http-servers.private.port = ${privatePort}
        apis.rest.enabled = true
        rest.shutdown.enabled = true
        health.require-valid-address = false
        ice.udp.port = 0
      }
      ice4j.harvest.allowed-addresses = [ "127.0.0.1" ]
      ${more}`,
      probe,
    );
    await bridge.until(() => bridge.output.includes("Media worker ready"));
    bridge.#atStart = bridge.held;
    return bridge;
  }

  get held(): Held {
    const { openFiles, memoryKb } = this.program;
    return { openFiles, memoryKb };
  }

  /**
   * To be called last, when nobody is served any more: within a minute it holds no more files and
   * memory than `before` (at its start, when not given; I4, I5), and nothing broke (I7).
   */
  async expectAtRest(before: Held = this.#atStart): Promise<void> {
    const most = before.openFiles + SPARE_FILES;
    const end = performance.now() + REST_MS;
    while (this.program.openFiles > most && performance.now() < end) await sleep(100);
    expect(this.program.openFiles, "open files").to.be.at.most(most);
    await expectMemoryReturned(this.program, before.memoryKb);
    expect(this.output).not.to.match(/SEVERE|Bug/);
  }

  /** What it printed. */
  get output(): string {
    return this.program.output;
  }

  /** Waits for something to hold, 15 s at most; says what the program printed when it does not. */
  async until(holds: () => boolean | Promise<boolean>, timeoutMs?: number): Promise<void> {
    await this.program.until(holds, timeoutMs);
  }

  /** Ends it, if it has not ended, and removes its files. */
  async stop(): Promise<void> {
    await this.program.stop();
  }

  async colibri(meeting: string, body: object, method = "PATCH"): Promise<ModifiedJson> {
    const path = method === "POST" ? "" : `/${meeting}`;
    const reply = await fetch(`${this.base}/colibri/v2/conferences${path}`, {
      method,
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ "meeting-id": meeting, ...body }),
    });
    if (reply.status !== 200) throw new Error(`${reply.status} ${await reply.text()}`);
    return (await reply.json()) as ModifiedJson;
  }

  async stats(): Promise<Readonly<Record<string, number | boolean | string>>> {
    const reply = await fetch(`${this.base}/colibri/stats`);
    return (await reply.json()) as Record<string, number | boolean | string>;
  }
}
