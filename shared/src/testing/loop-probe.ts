/**
 * Loaded into every thread of a program before the program itself (`StartedProgram`, `probe`):
 * appends how late each event loop was, as 32-bit floats, to `LOOP_PROBE` and the thread's number.
 */
import { createWriteStream } from "node:fs";
import { threadId } from "node:worker_threads";
import { LoopLag } from "./loop-lag.ts";

const PERIOD_MS = 10;
const WRITE_MS = 50;

const file = process.env["LOOP_PROBE"];
if (file !== undefined) {
  const lag = new LoopLag(PERIOD_MS);
  // A disk that others keep busy must not hold the loop up.
  const lags = createWriteStream(`${file}.${threadId}`, { flags: "a" });
  const write = setInterval(() => {
    lags.write(new Uint8Array(Float32Array.from(lag.take()).buffer));
  }, WRITE_MS);
  write.unref();
}
