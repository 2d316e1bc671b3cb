// Real threads: run with `mocha … 'jvb-ts/test/media-workers.live.ts'`. Needs the native addon.
import { expect } from "chai";
import { realRuntime } from "#shared/runtime/real-runtime";
import { recordingLogger } from "#shared/testing/recording-logger";
import { MediaWorkers } from "../src/main/media-workers.ts";
import type { FromWorker, ToWorker } from "../src/worker-messages.ts";
import { loopbackSettings } from "./loopback-settings.ts";
import { creation, modify } from "./scenarios/requests.ts";

/** No message at all: a bug outside of all that is guarded, at which the thread ends. */
const nonsense = JSON.parse("null") as ToWorker;

describe("media worker threads", function () {
  this.timeout(20_000);
  let workers: MediaWorkers;
  let first: Extract<FromWorker, { kind: "ready" }> | undefined;
  const deaths: number[] = [];
  let onDeath = (worker: number): void => void deaths.push(worker);
  const listeners = new Set<(worker: number, message: FromWorker) => void>();

  /** The next message of that kind from any worker. */
  function next<K extends FromWorker["kind"]>(kind: K, worker?: number) {
    return new Promise<Extract<FromWorker, { kind: K }>>((resolve) => {
      const listener = (from: number, message: FromWorker): void => {
        if (message.kind !== kind || (worker !== undefined && from !== worker)) return;
        listeners.delete(listener);
        resolve(message as Extract<FromWorker, { kind: K }>);
      };
      listeners.add(listener);
    });
  }

  before(async () => {
    workers = new MediaWorkers({
      count: 2,
      settings: loopbackSettings,
      logging: { level: "off", levels: new Map(), timestamps: true, format: "text", redact: false },
      runtime: realRuntime,
      log: recordingLogger(),
      onMessage: (worker, message) => {
        for (const listener of [...listeners]) listener(worker, message);
      },
      onDeath: (worker) => onDeath(worker),
    });
    const ready = next("ready");
    workers.start();
    first = await ready;
  });
  after(() => workers.stop());

  async function create(worker: number, conference: string): Promise<void> {
    const done = next("colibriDone", worker);
    workers.post(worker, {
      kind: "createConference",
      conference,
      meetingId: conference,
      name: undefined,
      rtcstatsEnabled: true,
    });
    const request = modify({ meetingId: conference, create: true, endpoints: [creation("e1")] });
    workers.post(worker, { kind: "colibri", tag: worker, conference, request });
    expect((await done).outcome.ok).to.equal(true);
  }

  it("each serves conferences on the shared port, the second from its first one on", async () => {
    await create(0, "a");
    const ready = next("ready", 1);
    await create(1, "b");
    expect((await ready).localAddresses).to.deep.equal(first?.localAddresses);
  });

  it("one that dies is started again and serves; the other never noticed", async () => {
    const again = next("ready", 1);
    workers.post(1, nonsense);
    await again;
    expect(deaths).to.deep.equal([1]);
    await create(1, "c");
    await create(0, "d");
  });

  it("what is asked of one while it is away is answered when it is back", async () => {
    const gone = new Promise<void>((resolve) => {
      onDeath = (worker) => {
        deaths.push(worker);
        resolve();
      };
    });
    workers.post(1, nonsense);
    await gone;
    await create(1, "e");
  });
});
