/** Datagrams that the kernel dropped because a socket's buffer was full, by local port. */
import { readFileSync } from "node:fs";

/** Of the UDP sockets over IPv4 and IPv6 of this network namespace. */
export function kernelDrops(): ReadonlyMap<number, number> {
  const drops = new Map<number, number>();
  for (const table of ["udp", "udp6"]) {
    for (const [port, count] of dropsIn(readFileSync(`/proc/net/${table}`, "utf8")))
      drops.set(port, (drops.get(port) ?? 0) + count);
  }
  return drops;
}

/** Port and drops of each line of such a table. */
export function dropsIn(table: string): [port: number, drops: number][] {
  return table
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => {
      const fields = line.trim().split(/\s+/);
      const port = Number.parseInt(fields[1]?.split(":")[1] ?? "", 16);
      return [port, Number(fields.at(-1))];
    });
}
