import { createRootLogger } from "./log.ts";

/** Any text in message, context and error is one line each, without controls. */
export const targets: Record<string, (input: Uint8Array) => void> = {
  "log-line": (input) => {
    const text = new TextDecoder().decode(input);
    for (const format of ["text", "json"] as const) {
      let line = "";
      const sink = (written: string): void => {
        line += written;
      };
      const clock = { now: () => 0, wallNow: () => 0 };
      const log = createRootLogger({ clock, sink, format, timestamps: false });
      log.child({ room: text }).warn(text, { participant: text }, new Error(text));
      if (line.split("\n").length !== (format === "json" ? 2 : 3)) throw new Error("lines broken");
      for (const char of line.replaceAll("\n", "").replaceAll("\t", "")) {
        const code = char.codePointAt(0) ?? 0;
        if (code < 0x20 || (code > 0x7e && code < 0xa0)) throw new Error("a control is left");
      }
    }
  },
};

export const seeds: Record<string, Uint8Array[]> = {
  "log-line": ["a\r\nSEVERE: [1] x", "\u001b[31m\u009b\u202e\u2028", "é %s %n \\n"].map((text) =>
    new TextEncoder().encode(text),
  ),
};
