/** Builds, starts and asks the limit program (`limit.c` says what it does). */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { buildProgram } from "../../../shared/bench/c-program.ts";
import { type SocketAddress, type SrtpKeys, SrtpProfile } from "../../src/media/packet-io.ts";

/** One whom the program sends to and hears from. */
export interface LimitPeer {
  /** Where it receives; IPv4. */
  readonly address: SocketAddress;
  /** As the program sees them: `local` is what it sends with. All peers have the same profile. */
  readonly keys: SrtpKeys;
}

/** What comes in under one SSRC, and who gets it. */
export interface LimitStream {
  /** Who sends it: place in the list of peers. */
  readonly from: number;
  readonly ssrc: number;
  /** Without any the packets are unprotected and dropped. */
  readonly receivers: readonly { readonly peer: number; readonly ssrc: number }[];
}

export interface LimitOptions {
  readonly peers: readonly LimitPeer[];
  readonly streams: readonly LimitStream[];
  /** Without SRTP on either side. Default: false. */
  readonly plain?: boolean;
}

/** Totals since the start; `limit.c` says what each counts. */
export interface LimitCounters {
  readonly received: number;
  readonly receivedBytes: number;
  readonly unprotectFailures: number;
  readonly unknown: number;
  readonly malformed: number;
  readonly sent: number;
  readonly sentBytes: number;
  readonly sendFailures: number;
  readonly wakeups: number;
  readonly cpuMicroseconds: number;
}

export interface RunningLimit {
  /** Where it receives, on 127.0.0.1. */
  readonly port: number;
  readonly pid: number;
  counters(): Promise<LimitCounters>;
  /** Ends it; the last counters. */
  stop(): Promise<LimitCounters>;
}

/** SHA-1 states are copied, as in the addon. */
const program = {
  source: new URL("limit.c", import.meta.url),
  name: "limit",
  flags: ["-DOPENSSL_SUPPRESS_DEPRECATED"],
  libraries: ["libcrypto.a"],
};

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** The lines of the set-up, `go` included. */
export function limitSetup({ peers, streams, plain = false }: LimitOptions): string {
  const lines: string[] = [];
  const cm = peers[0]?.keys.profile === SrtpProfile.AES128_CM_HMAC_SHA1_80;
  lines.push(`profile ${cm ? "cm" : "gcm"}`);
  for (const { address, keys } of peers) {
    const { localKey, localSalt, remoteKey, remoteSalt } = keys;
    const secrets = plain ? [] : [localKey, localSalt, remoteKey, remoteSalt].map(hex);
    lines.push(["peer", address.ip, address.port, ...secrets].join(" "));
  }
  for (const { from, ssrc, receivers } of streams)
    lines.push(
      ["stream", from, ssrc >>> 0, ...receivers.map((to) => `${to.peer}:${to.ssrc >>> 0}`)].join(
        " ",
      ),
    );
  return `${[...lines, "go"].join("\n")}\n`;
}

/** Starts the program with these lines and waits for its first line, or says how it ended. */
async function launch(
  plain: boolean,
  setup: string,
): Promise<{
  child: ChildProcessWithoutNullStreams;
  next: () => Promise<string>;
}> {
  const child = spawn(buildProgram(program), plain ? ["--plain"] : []);
  const waiting: ((line: string | undefined) => void)[] = [];
  let stderr = "";
  let ended = false;
  child.stderr.on("data", (data: Buffer) => {
    stderr += data.toString();
  });
  createInterface(child.stdout).on("line", (line) => waiting.shift()?.(line));
  child.on("close", () => {
    ended = true;
    for (const each of waiting.splice(0)) each(undefined);
  });
  // It may refuse a line before it has read them all.
  child.stdin.on("error", () => {});
  child.stdin.end(setup);
  const next = async (): Promise<string> => {
    const line = ended
      ? undefined
      : await new Promise<string | undefined>((resolve) => waiting.push(resolve));
    if (line === undefined) throw new Error(stderr.trim() || "limit: ended");
    return line;
  };
  return { child, next };
}

/**
 * Starts the limit program; it ends with this process at the latest.
 *
 * @throws Error with its own words when it takes the set-up not, or the compiler's.
 */
export async function startLimit(options: LimitOptions): Promise<RunningLimit> {
  return startLimitWith(limitSetup(options), options.plain ?? false);
}

/** `startLimit` with the lines of the set-up. */
export async function startLimitWith(setup: string, plain: boolean): Promise<RunningLimit> {
  const { child, next } = await launch(plain, setup);
  const port = Number((await next()).replace("port ", ""));
  const ask = async (signal: "SIGUSR1" | "SIGTERM"): Promise<LimitCounters> => {
    const answer = next();
    child.kill(signal);
    return JSON.parse(await answer) as LimitCounters;
  };
  return {
    port,
    pid: child.pid ?? 0,
    counters: () => ask("SIGUSR1"),
    stop: async () => {
      const closed = once(child, "close");
      const last = await ask("SIGTERM");
      await closed;
      return last;
    },
  };
}
