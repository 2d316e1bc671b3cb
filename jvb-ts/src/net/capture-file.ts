/** Driver of a capture's file: what the disk does not take in time is left out. */
import { createWriteStream } from "node:fs";
import type { Logger } from "#shared/logging/logger";
import type { CaptureFile } from "../export/captures.ts";

const MAX_WAITING_BYTES = 16 << 20;

export function openCaptureFile(path: string, log: Logger): CaptureFile {
  // Never somebody else's file, and read by nobody else: it holds what people say.
  const stream = createWriteStream(path, { flags: "wx", mode: 0o600 });
  let leftOut = 0;
  let broken = false;
  log.info("Capturing packets", { file: path });
  stream.on("error", (cause) => {
    broken = true;
    log.error("A capture cannot be written", { file: path }, cause);
  });
  return {
    write(bytes) {
      if (broken || stream.writableLength > MAX_WAITING_BYTES) leftOut++;
      else stream.write(bytes);
    },
    close() {
      stream.end();
      log.info("Captured packets", { file: path, leftOut });
    },
  };
}
