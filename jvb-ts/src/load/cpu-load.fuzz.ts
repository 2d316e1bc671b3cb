import { CpuMeter } from "./cpu-load.ts";

export const targets: Record<string, (input: Uint8Array) => void> = {
  procStat(input) {
    const meter = new CpuMeter();
    meter.handleReading("cpu 1 2 3 4 5 6 7 8 9 10\n");
    const { busy, steal } = meter.handleReading(Buffer.from(input).toString("utf8"));
    if (!(busy >= 0 && busy <= 1 && steal >= 0 && steal <= 1)) throw new Error("no fraction");
  },
};
export const seeds: Record<string, Uint8Array[]> = {
  procStat: [Buffer.from("cpu  10 20 30 40 50 60 70 80 90 100\ncpu0 1 2 3 4 5 6 7 8 9 10\n")],
};
