import { parseCommandLine } from "./command-line.ts";
import { ConfigError, errorLines } from "./config-error.ts";
import { toPlain } from "./config-value.ts";
import { parseHocon } from "./hocon.ts";
import { bandwidth, bool, double, duration, int, list, raw, size, str } from "./key-types.ts";
import { logSettings } from "./log-settings.ts";
import { readWords } from "./program-words.ts";
import { decodeText, parseProperties, propertyMap } from "./properties.ts";
import { parseBandwidth, parseDuration, parseFraction, parseSize } from "./units.ts";

const text = (input: Uint8Array): string => decodeText(input);
const types = [bool, int, double, duration, size, bandwidth, str, list(str), raw];

const program = { program: "x", about: "", version: "1", helpStatus: 0, environment: [] };

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
    const words = text(input).split("\n", 1000);
    parseCommandLine(words, words[0]);
    try {
      readWords(words, program);
    } catch (cause) {
      if (!(cause instanceof ConfigError)) throw cause;
      errorLines("x", cause);
    }
  },
  "logging-properties"(input) {
    logSettings(propertyMap(text(input)), {});
  },
  units(input) {
    for (const parse of [parseDuration, parseSize, parseBandwidth, parseFraction]) {
      const value = parse(text(input));
      if (value !== undefined && !Number.isFinite(value)) throw new Error(`read as ${value}`);
    }
  },
};

const bytes = (given: string): Uint8Array => new TextEncoder().encode(given);

export const seeds: Record<string, Uint8Array[]> = {
  hocon: [
    bytes(`a.b = 5 seconds, c { d += 1, e = \${a.b}"x" }\ninclude "x.conf"\nl = [1, \${?H}] [2]`),
    bytes(`x = """a""" # c\ny = \${x} \${?z}\n"q.r" : { t = null }\ny = \${y}k`),
  ],
  properties: [bytes("a\\:b = c\\u0041 \\\n  d\n! x\n# y\nk v\n")],
  "logging-properties": [
    bytes(".level=INFO\norg.jitsi.videobridge.Conference.level=FINE\norg.jitsi.level=OFF"),
  ],
  units: [bytes("1.5 MiB"), bytes("10 minutes"), bytes("2.5 mbps"), bytes("5 %")],
  commandLine: [
    bytes("--check-config\n--all\n--host\nx\n-Dconfig.file=y"),
    bytes("-Da=b -Dc\n--config\nfile\n-Xmx1g\nrest"),
  ],
};
