/**
 * The worker in which the client library has frames encrypted and decrypted. The library is one file
 * here, without the file of its own worker, so this one takes its place: it speaks the library's
 * messages and leaves the same bytes readable, those that an SFU may look at.
 */

interface CipherFrame {
  readonly type?: "key" | "delta" | "empty";
  data: ArrayBuffer;
}

interface CipherTransformer {
  readonly readable: ReadableStream<CipherFrame>;
  readonly writable: WritableStream<CipherFrame>;
  readonly options?: { readonly operation: string };
}

interface CipherOrder {
  readonly operation: string;
  readonly key?: { readonly encryptionKey: Uint8Array };
  readonly readableStream?: ReadableStream<CipherFrame>;
  readonly writableStream?: WritableStream<CipherFrame>;
}

/** What is the worker's own of the global scope; the page's types name the window's. */
interface CipherScope {
  onmessage: ((event: { readonly data: CipherOrder }) => void) | null;
  onrtctransform: ((event: { readonly transformer: CipherTransformer }) => void) | null;
  postMessage(counts: object): void;
}

/** The whole worker, to be called in one with its global scope. */
// biome-ignore lint/correctness/noUnusedVariables: called by the text that follows it in the worker
function cipherFrames(scope: CipherScope): void {
  /** Readable bytes of a frame: VP8's header, and Opus' first byte. */
  const clear = { key: 10, delta: 3, empty: 1 };
  const IV_BYTES = 12;
  const counts = {
    pictures: { encrypted: 0, decrypted: 0, failed: 0 },
    sound: { encrypted: 0, decrypted: 0, failed: 0 },
  };
  const countsOf = (frame: CipherFrame) =>
    frame.type === undefined ? counts.sound : counts.pictures;
  let key: Promise<CryptoKey> | undefined;

  const encrypt = async (frame: CipherFrame, used: CryptoKey): Promise<void> => {
    const at = clear[frame.type ?? "empty"];
    const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
    const head = new Uint8Array(frame.data, 0, Math.min(at, frame.data.byteLength));
    const plain = new Uint8Array(frame.data, head.length);
    const cipher = { name: "AES-GCM", iv, additionalData: head };
    const hidden = new Uint8Array(await crypto.subtle.encrypt(cipher, used, plain));
    const all = new Uint8Array(head.length + hidden.length + IV_BYTES);
    all.set(head);
    all.set(hidden, head.length);
    all.set(iv, head.length + hidden.length);
    frame.data = all.buffer;
    countsOf(frame).encrypted++;
  };

  const decrypt = async (frame: CipherFrame, used: CryptoKey): Promise<void> => {
    const end = frame.data.byteLength - IV_BYTES;
    const head = new Uint8Array(frame.data, 0, clear[frame.type ?? "empty"]);
    const iv = new Uint8Array(frame.data, end);
    const hidden = new Uint8Array(frame.data, head.length, end - head.length);
    const cipher = { name: "AES-GCM", iv, additionalData: head };
    const plain = new Uint8Array(await crypto.subtle.decrypt(cipher, used, hidden));
    const all = new Uint8Array(head.length + plain.length);
    all.set(head);
    all.set(plain, head.length);
    frame.data = all.buffer;
    countsOf(frame).decrypted++;
  };

  const start = (
    operation: string,
    from: ReadableStream<CipherFrame>,
    to: WritableStream<CipherFrame>,
  ) => {
    const one = operation === "encode" ? encrypt : decrypt;
    const transform = new TransformStream<CipherFrame, CipherFrame>({
      async transform(frame, controller) {
        const used = await key;
        if (used === undefined) return;
        try {
          await one(frame, used);
          controller.enqueue(frame);
        } catch {
          // Another key: the frame is left out.
          countsOf(frame).failed++;
        }
      },
    });
    void from.pipeThrough(transform).pipeTo(to);
  };

  scope.onmessage = ({ data: order }) => {
    const { operation, readableStream, writableStream } = order;
    if (operation === "setKey" && order.key !== undefined) {
      const raw = order.key.encryptionKey;
      const uses: KeyUsage[] = ["encrypt", "decrypt"];
      key = crypto.subtle.importKey("raw", new Uint8Array(raw), "AES-GCM", false, uses);
    }
    if (readableStream !== undefined && writableStream !== undefined)
      start(operation, readableStream, writableStream);
  };
  scope.onrtctransform = ({ transformer }) => {
    const { readable, writable, options } = transformer;
    start(options?.operation ?? "", readable, writable);
  };
  setInterval(() => scope.postMessage(counts), 250);
}
