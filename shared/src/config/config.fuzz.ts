import { parseCommandLine } from "./command-line.ts";
import { toPlain } from "./config-value.ts";
import { parseHocon } from "./hocon.ts";
import { bandwidth, bool, double, duration, int, list, raw, size, str } from "./key-types.ts";
import { decodeText, parseProperties } from "./properties.ts";

const text = (input: Uint8Array): string => decodeText(input);
const types = [bool, int, double, duration, size, bandwidth, str, list(str), raw];

/** Each takes any bytes and returns. */
export const targets: Record<string, (input: Uint8Array) => void> = {
  hocon(input) {
    const result = parseHocon(text(input), {
      environment: (name) => (name.length % 2 === 0 ? name : undefined),
      include: ({ name }) => (name.length < 8 ? { file: name, text: "z = 1" } : undefined),
    });
    if (!result.ok) return;
    toPlain(result.value);
    for (const value of result.value.fields.values()) for (const type of types) type.read(value);
  },
  properties(input) {
    parseProperties(text(input));
  },
  commandLine(input) {
    const words = text(input).split("\n");
    parseCommandLine(words, words[0]);
  },
};

const bytes = (given: string): Uint8Array => new TextEncoder().encode(given);

export const seeds: Record<string, Uint8Array[]> = {
  hocon: [
    bytes(`a.b = 5 seconds, c { d += 1, e = \${a.b}"x" }\ninclude "x.conf"\nl = [1, \${?H}] [2]`),
    bytes(`x = """a""" # c\ny = \${x} \${?z}\n"q.r" : { t = null }\ny = \${y}k`),
  ],
  properties: [bytes("a\\:b = c\\u0041 \\\n  d\n! x\n# y\nk v\n")],
  commandLine: [bytes("-Da=b -Dc\n--config\nfile\n-Xmx1g\nrest")],
};
