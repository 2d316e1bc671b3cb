/** Java `.properties` text (spec packaging-and-operations B6). Reads any input. */

/** One property with its line, counted from 1. */
export interface Property {
  readonly key: string;
  readonly value: string;
  readonly line: number;
}

const ESCAPES: Readonly<Record<string, string>> = { t: "\t", n: "\n", r: "\r", f: "\f" };

/** All properties in file order; of equal keys the last one counts. */
export function parseProperties(text: string): Property[] {
  const properties: Property[] = [];
  const lines = text.replace(/^\ufeff/, "").split(/\r\n|\r|\n/);
  for (let at = 0; at < lines.length; at++) {
    const line = at + 1;
    let logical = (lines[at] as string).replace(/^[ \t\f]+/, "");
    if (logical === "" || logical.startsWith("#") || logical.startsWith("!")) continue;
    const parts: string[] = [];
    while (endsInBackslash(logical) && at + 1 < lines.length) {
      parts.push(logical.slice(0, -1));
      logical = (lines[++at] as string).replace(/^[ \t\f]+/, "");
    }
    parts.push(endsInBackslash(logical) ? logical.slice(0, -1) : logical);
    properties.push({ ...splitProperty(parts.join("")), line });
  }
  return properties;
}

/** As a map; the last of equal keys wins. */
export function propertyMap(text: string): ReadonlyMap<string, string> {
  return new Map(parseProperties(text).map(({ key, value }) => [key, value]));
}

/** Decodes a file's bytes: UTF-8 where it is valid, else ISO-8859-1. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return new TextDecoder("iso-8859-1").decode(bytes);
  }
}

/** The key ends at the first `=`, `:` or white space that is not escaped. */
function splitProperty(text: string): { key: string; value: string } {
  let end = 0;
  while (end < text.length && !/[=: \t\f]/.test(text[end] as string)) {
    end += text[end] === "\\" ? 2 : 1;
  }
  end = Math.min(end, text.length);
  const rest = text.slice(end).replace(/^[ \t\f]*[=:]?[ \t\f]*/, "");
  return { key: undoEscapes(text.slice(0, end)), value: undoEscapes(rest) };
}

function undoEscapes(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|([\s\S])|$)/g, (_all, hex?: string, c?: string) =>
    hex === undefined
      ? (ESCAPES[c ?? ""] ?? c ?? "")
      : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** An odd number of backslashes at the end continues the line. */
function endsInBackslash(text: string): boolean {
  let count = 0;
  while (text[text.length - 1 - count] === "\\") count++;
  return count % 2 === 1;
}
