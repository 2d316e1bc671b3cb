/** The load generator as the bench sees it. */
import { type ChildProcess, spawn } from "node:child_process";
import type { Answer, ArrivalReport, Command, FirstReport } from "./generator-messages.ts";

const script = new URL("./generator.ts", import.meta.url).pathname;

/** A command line pinned to a core, where the machine has more than one and can. */
export function pinned(core: number | undefined, command: readonly string[]): string[] {
  return core === undefined ? [...command] : ["taskset", "-c", `${core}`, ...command];
}

export class Generator {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<
    number,
    { readonly resolve: (result: unknown) => void; readonly reject: (error: Error) => void }
  >();
  #nextId = 0;

  constructor(core: number | undefined) {
    const [command = "", ...args] = pinned(core, [
      process.execPath,
      "--conditions=source",
      "--disable-warning=ExperimentalWarning",
      script,
    ]);
    this.#child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    this.#child.on("message", (message: Answer) => {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (message.error === undefined) waiting?.resolve(message.result);
      else waiting?.reject(new Error(message.error));
    });
    this.#child.on("exit", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error("the generator ended"));
      this.#waiting.clear();
    });
  }

  arrive(command: Omit<Extract<Command, { kind: "arrive" }>, "kind">): Promise<ArrivalReport> {
    return this.#tell({ kind: "arrive", ...command }) as Promise<ArrivalReport>;
  }

  first(command: Omit<Extract<Command, { kind: "first" }>, "kind">): Promise<FirstReport> {
    return this.#tell({ kind: "first", ...command }) as Promise<FirstReport>;
  }

  async bridges(count: number, port: number, authDomain: string): Promise<void> {
    await this.#tell({ kind: "bridges", count, port, authDomain });
  }

  async leave(overMs: number): Promise<void> {
    await this.#tell({ kind: "leave", overMs });
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    // It answers nothing to this: its exit is the answer, and the timer's when it hangs.
    void this.#tell({ kind: "end" }).catch((error: unknown) => {
      if (this.#child.exitCode === null)
        console.error("the load generator was not told to end:", error);
    });
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 5_000);
    await gone;
    clearTimeout(timer);
  }

  #tell(command: Command): Promise<unknown> {
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.set(id, { resolve, reject });
    this.#child.send({ id, command });
    return promise;
  }
}
