/** Entry of a media worker thread: opens the sockets and hands messages to a `MediaWorker`. */
import { parentPort, workerData } from "node:worker_threads";
import { createRootLogger } from "#shared/logging/log";
import type { Logger } from "#shared/logging/logger";
import { redactPii } from "#shared/logging/pii";
import { Bug } from "#shared/runtime/bug";
import { realRuntime } from "#shared/runtime/real-runtime";
import { openCaptureFile } from "./net/capture-file.ts";
import { openExportWebSocket } from "./net/export-web-socket.ts";
import { NativeAddonError } from "./net/native-addon.ts";
import { createDtlsEngine } from "./net/native-dtls.ts";
import { openNativePacketIo } from "./net/native-packet-io.ts";
import type { OpenedPacketIo, PacketIoOptions } from "./net/packet-io-options.ts";
import { MediaWorker } from "./worker/media-worker.ts";
import { noPacketIo } from "./worker/no-packet-io.ts";
import type { FromWorker, ToWorker, WorkerStart } from "./worker-messages.ts";

/** The first thread is the main thread. */
const FIRST_WORKER_THREAD = 2;

if (parentPort === null) throw new Bug("worker.ts must be started by main.ts");
const port = parentPort;
const start = workerData as WorkerStart;
const post = (message: FromWorker): void => port.postMessage(message);

/** As with the HTTP servers' ports: a former process that is still closing has it for up to 5 s. */
const TAKEN_PAUSE_MS = 250;
const TAKEN_TRIES = 20;

/** Opens the sockets; where all are taken it waits for them. Nothing else runs on this thread yet. */
function openOnceFree(log: Logger, options: PacketIoOptions): OpenedPacketIo {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let tries = 0; ; tries++) {
    const opened = openNativePacketIo(options);
    const { io, failures } = opened;
    const taken = failures.length > 0 && failures.every(({ code }) => code === "EADDRINUSE");
    if (io !== undefined || !taken || tries >= TAKEN_TRIES) return opened;
    if (tries === 0) {
      const places = failures.map(({ address: { ip, port } }) => `${ip}:${port}`).join(", ");
      log.warn(`UDP ${places} is taken, trying again for 5 s`);
    }
    Atomics.wait(pause, 0, 0, TAKEN_PAUSE_MS);
  }
}

function run(): void {
  const { settings, index, workers } = start;
  const { sockets, dtls } = settings;
  const { redact, ...logging } = start.logging;
  // Participants appear here only by their addresses.
  redactPii(redact || settings.redactRemoteAddresses);
  const log = createRootLogger({
    clock: realRuntime.clock,
    program: "JVB",
    component: "Worker",
    thread: FIRST_WORKER_THREAD + index,
    ...logging,
  });
  const opened = openOnceFree(log, {
    addresses: sockets.addresses,
    receiveBufferBytes: sockets.receiveBufferBytes,
    worker: index,
    workers,
    clock: realRuntime.clock,
  });
  const failures = opened.failures.map(
    ({ address, code }) => `${address.ip}:${address.port} ${code}`,
  );
  const io = opened.io ?? noPacketIo();
  const worker = new MediaWorker({
    settings,
    runtime: realRuntime,
    io,
    dtls: createDtlsEngine(dtls),
    openExport: (url, headers, events) =>
      openExportWebSocket(realRuntime.clock, url, headers, events),
    openCapture: (path) => openCaptureFile(path, log),
    workers,
    log,
    post,
  });
  port.on("message", (message: ToWorker) => {
    worker.handle(message);
    // Nothing else keeps the thread alive once its sockets are closed.
    if (message.kind === "stop") port.close();
  });
  post({ kind: "ready", localAddresses: io.localAddresses, bindFailures: failures });
}

try {
  run();
} catch (cause) {
  if (!(cause instanceof NativeAddonError)) throw cause;
  post({ kind: "fatal", message: cause.message, status: 1 });
}
