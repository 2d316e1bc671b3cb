/**
 * Time from `exec` to an answering HTTP server, and memory and CPU of the idle process, for focus
 * and bridge, ours and upstream's, on the same configuration files and the same Prosody.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { javaBridge, javaFocus, upstreamFolder } from "../../conformance/harness/java.ts";
import type { Program } from "../../shared/demo/program.ts";
import { createStack } from "../../shared/demo/stack.ts";
import type { BenchRow, Figures } from "./bench-row.ts";

/** CPU time of a process in ms; the kernel counts in hundredths of a second. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function residentMb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}

async function measure(program: Program): Promise<Record<string, number>> {
  const readyMs = await program.start();
  try {
    await sleep(10_000);
    const pid = program.pid;
    if (pid === undefined) throw new Error(`${program.name} ended; see ${program.logFile}`);
    const before = cpuMs(pid);
    await sleep(10_000);
    return {
      "ready ms": readyMs,
      "idle MB": residentMb(pid),
      "idle CPU %": (cpuMs(pid) - before) / 100,
    };
  } finally {
    await program.stop();
  }
}

export const startUpRow: BenchRow = {
  name: "start-up",
  about: "ms until HTTP answers, resident MB after 10 s, CPU % of a core over the next 10 s",
  async open() {
    const folder = mkdtempSync(join(tmpdir(), "jitsi-ts-bench-"));
    const stack = await createStack({
      folder,
      bridges: 1,
      mediaAddresses: ["127.0.0.1"],
      channelOrigin: { host: "127.0.0.1:1", tls: false },
      // Upstream's program beside the checkout has no SCTP library.
      sctp: false,
      usualPorts: false,
    });
    await stack.prosody.start();
    const [bridge] = stack.bridges;
    if (bridge === undefined) throw new Error("the stack has no bridge");
    const contenders = new Map([
      ["focus, ours", stack.focus],
      ["bridge, ours", bridge.program],
    ]);
    const upstream = upstreamFolder();
    if ("reason" in upstream) console.log(`  ${upstream.reason}: ours alone`);
    else {
      contenders.set(
        "focus, Java",
        javaFocus(upstream.path, {
          logFile: join(folder, "focus-java.log"),
          config: stack.focusFile,
          httpPort: stack.focusPort,
        }),
      );
      contenders.set(
        "bridge, Java",
        javaBridge(upstream.path, {
          logFile: join(folder, "bridge-java.log"),
          config: bridge.file,
          httpPort: bridge.privatePort,
        }),
      );
    }
    return {
      async round() {
        const figures: Figures = {};
        for (const [name, program] of contenders) figures[name] = await measure(program);
        return figures;
      },
      async close() {
        await stack.stop();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  },
};
