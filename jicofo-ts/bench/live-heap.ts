/** Bytes of heap that a running focus holds after its garbage was collected, asked from outside. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { WebSocket } from "ws";

const run = promisify(execFile);

/** One conversation with the inspector of a Node process that was started with `--inspect-port`. */
export class Inspector {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (result: Record<string, unknown>) => void>();
  #nextId = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data: Buffer) => {
      const message = JSON.parse(data.toString()) as {
        id?: number;
        result?: Record<string, unknown>;
      };
      const waiting = message.id === undefined ? undefined : this.#waiting.get(message.id);
      if (message.id !== undefined) this.#waiting.delete(message.id);
      waiting?.(message.result ?? {});
    });
  }

  /** Wakes the inspector by SIGUSR1. */
  static async of(pid: number, port: number): Promise<Inspector> {
    process.kill(pid, "SIGUSR1");
    for (let tries = 0; ; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      try {
        const response = await fetch(`http://127.0.0.1:${port}/json/list`);
        const [target] = (await response.json()) as { webSocketDebuggerUrl: string }[];
        const socket = new WebSocket(target?.webSocketDebuggerUrl ?? "");
        await new Promise((resolve, reject) => {
          socket.once("open", resolve);
          socket.once("error", reject);
        });
        return new Inspector(socket);
      } catch (cause) {
        if (tries > 60) throw new Error("no inspector", { cause });
      }
    }
  }

  ask(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = this.#nextId++;
    const { promise, resolve } = Promise.withResolvers<Record<string, unknown>>();
    this.#waiting.set(id, resolve);
    this.#socket.send(JSON.stringify({ id, method, params }));
    return promise;
  }

  close(): void {
    this.#socket.close();
  }
}

/** Of Node. Collected twice: the first time finds what finalisers and weak references free. */
export async function nodeHeap(inspector: Inspector): Promise<number> {
  for (let time = 0; time < 2; time++) await inspector.ask("HeapProfiler.collectGarbage");
  const usage = await inspector.ask("Runtime.getHeapUsage");
  return Number(usage["usedSize"]) + Number(usage["backingStorageSize"] ?? 0);
}

/** Of Java, by the JDK's `jcmd`; `undefined` where there is none. */
export async function javaHeap(pid: number): Promise<number | undefined> {
  try {
    for (let time = 0; time < 2; time++) await run("jcmd", [`${pid}`, "GC.run"]);
    const { stdout } = await run("jcmd", [`${pid}`, "GC.heap_info"]);
    // Generations and regions each tell `used`; metaspace is not heap.
    const heap = stdout.split(/Metaspace/)[0] ?? "";
    const used = [...heap.matchAll(/(?:total|garbage-first heap +total) \d+K, used (\d+)K/g)];
    return used.reduce((sum, [, kib]) => sum + 1_024 * Number(kib), 0);
  } catch {
    return undefined;
  }
}
