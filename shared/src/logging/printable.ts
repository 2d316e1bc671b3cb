/** Text that peers chose, for lines and labels that people and their terminals read. */

/** Controls of ASCII and Latin-1, line separators, and those that turn the direction of text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** Text that cannot begin a line of its own, steer a terminal or hide what follows. */
export function printable(text: string): string {
  return text.replace(CONTROL, (c) => {
    if (c === "\n") return "\\n";
    if (c === "\r") return "\\r";
    return c === "\t" ? c : codeOf(c);
  });
}

/** The same for JSON that is already written: its own escapes stay as they are. */
export function printableJson(json: string): string {
  return json.replace(CONTROL, codeOf);
}

/** At most `most` characters; longer text says how long it was. */
export function shortened(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most)}… (${text.length} characters)`;
}

function codeOf(c: string): string {
  return `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
