/** What the terminal shows while it takes long: one line that changes, or plain lines elsewhere. */

export interface Progress {
  /** @param seconds how long it is planned to take; counted down where it changes in place */
  step(text: string, seconds?: number): void;
  /** A line that stays. */
  say(text: string): void;
  end(): void;
}

/** A terminal, or whatever else standard output is. */
export interface Out {
  readonly isTTY?: boolean;
  /** 0 of some terminals that do not tell. */
  readonly columns?: number;
  write(text: string): unknown;
}

export function createProgress(out: Out): Progress {
  let current = "";
  let until: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  const left = () =>
    until === undefined
      ? ""
      : `, ${Math.max(0, Math.ceil((until - performance.now()) / 1000))} s left`;
  const draw = () => {
    const line = `${current}${left()}`.slice(0, (out.columns || 80) - 1);
    out.write(`\r\x1b[2K${line}`);
  };
  const clear = () => {
    if (out.isTTY) out.write("\r\x1b[2K");
  };
  return {
    step(text, seconds) {
      current = text;
      until = seconds === undefined ? undefined : performance.now() + seconds * 1000;
      if (!out.isTTY) out.write(`${text}${seconds === undefined ? "" : `, ${seconds} s`}\n`);
      else {
        draw();
        timer ??= setInterval(draw, 1000).unref();
      }
    },
    say(text) {
      clear();
      out.write(`${text}\n`);
      if (out.isTTY && current !== "") draw();
    },
    end() {
      clearInterval(timer);
      timer = undefined;
      clear();
      current = "";
    },
  };
}
