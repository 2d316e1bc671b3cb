/**
 * Runs in a worker of each page, whose main thread is late exactly while it connects anew: notes when
 * each picture was decoded and each packet of sound came, so that a gap is known to the millisecond
 * however late somebody asks.
 */

/** Arrivals since the last question, oldest first, in ms since the epoch as the page's clock has it. */
interface Arrivals {
  /** When the question was answered. */
  readonly at: number;
  readonly times: ReadonlyMap<string, readonly number[]>;
}

/** What a worker hears: a track's pictures to watch under a key, or the question for the arrivals. */
type ToArrivals = { readonly key: string; readonly pictures: ReadableStream<VideoFrame> } | "ask";

/** A worker's global scope, as far as it is used here. */
interface ArrivalsScope {
  onmessage: ((event: { readonly data: ToArrivals }) => void) | null;
  onrtctransform:
    | ((event: {
        readonly transformer: {
          readonly readable: ReadableStream<unknown>;
          readonly writable: WritableStream<unknown>;
          readonly options: { readonly key: string };
        };
      }) => void)
    | null;
  postMessage(answer: Arrivals): void;
}

/** The whole worker; its text goes into one, so it uses nothing from outside. */
// biome-ignore lint/correctness/noUnusedVariables: used by the probe, in the same script
function timeArrivals(scope: ArrivalsScope): void {
  const clock = () => performance.timeOrigin + performance.now();
  let times = new Map<string, number[]>();

  function note(key: string): void {
    const before = times.get(key);
    if (before === undefined) times.set(key, [clock()]);
    else before.push(clock());
  }

  async function watch(key: string, pictures: ReadableStream<VideoFrame>): Promise<void> {
    const reader = pictures.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      note(key);
      value.close();
    }
  }

  scope.onmessage = ({ data }) => {
    if (data === "ask") {
      scope.postMessage({ at: clock(), times });
      times = new Map();
    } else void watch(data.key, data.pictures);
  };

  // Sound goes through here packet by packet on its way to the decoder, and on as it came.
  scope.onrtctransform = ({ transformer: { readable, writable, options } }) => {
    const through = new TransformStream<unknown, unknown>({
      transform(packet, controller) {
        note(options.key);
        controller.enqueue(packet);
      },
    });
    void readable.pipeThrough(through).pipeTo(writable);
  };
}
