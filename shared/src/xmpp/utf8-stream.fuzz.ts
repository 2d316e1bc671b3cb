import { notUtf8, Utf8Stream } from "./utf8-stream.ts";

/** However the bytes are cut the text is the same, and it is what a strict decoder gives or is marked. */
export const targets: Record<string, (input: Uint8Array) => void> = {
  "utf8-stream": (input) => {
    // A last ASCII character ends whatever sequence was begun.
    const bytes = Buffer.concat([input, Buffer.from(".")]);
    const whole = new Utf8Stream().decode(bytes);
    const stream = new Utf8Stream();
    let cut = "";
    // Byte by byte, but for long inputs, where that would measure the cutting.
    const step = 1 + Math.floor(bytes.length / 2000);
    for (let at = 0; at < bytes.length; at += step)
      cut += stream.decode(bytes.subarray(at, at + step));
    if (cut !== whole) throw new Error("the cut matters");
    let strict: string | undefined;
    try {
      strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      strict = undefined;
    }
    if (strict === undefined ? !whole.includes(notUtf8) : strict !== whole)
      throw new Error("not what a strict decoder says");
  },
};

export const seeds: Record<string, Uint8Array[]> = {
  "utf8-stream": ["<a b='\u00e9'>\u20ac \u{1f600} \ufffd</a>", "\ufeff<a/>"].map((text) =>
    new TextEncoder().encode(text),
  ),
};
