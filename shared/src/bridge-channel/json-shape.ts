/**
 * What `JSON.parse` takes and the bridge channel refuses (spec benchmarks-and-faults G.3 X4): deep
 * nesting, which would recurse in whoever writes it again, and one key twice in an object, of which
 * two readers may see different halves. One pass, without building anything but sets of keys.
 */

/** Messages of clients nest five or six levels. Upstream's reader stops at 1000. */
const MAX_DEPTH = 32;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** What is wrong with the shape of `text`, in words. Whether it is JSON at all is not judged. */
export function shapeFault(text: string): string | undefined {
  /** Keys of the open objects; undefined for an open array. */
  const open: (Set<string> | undefined)[] = [];
  let wantsKey = false;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE: {
        const end = closingQuote(text, at + 1);
        if (wantsKey) {
          wantsKey = false;
          const keys = open.at(-1);
          const key = unescaped(text.slice(at + 1, end));
          if (keys?.has(key) === true) return "a key twice";
          keys?.add(key);
        }
        at = end;
        break;
      }
      case 0x7b: // {
      case 0x5b: // [
        wantsKey = text.charCodeAt(at) === 0x7b;
        open.push(wantsKey ? new Set() : undefined);
        if (open.length > MAX_DEPTH) return "nested too deeply";
        break;
      case 0x7d: // }
      case 0x5d: // ]
        open.pop();
        wantsKey = false;
        break;
      case 0x2c: // ,
        wantsKey = open.at(-1) !== undefined;
        break;
      default:
    }
  }
  return undefined;
}

/** Where the string that begins at `at` ends; the end of the text when it does not. */
function closingQuote(text: string, at: number): number {
  let end = at;
  for (; end < text.length; end++) {
    const char = text.charCodeAt(end);
    if (char === QUOTE) break;
    if (char === BACKSLASH) end++;
  }
  return end;
}

function unescaped(raw: string): string {
  if (!raw.includes("\\")) return raw;
  try {
    return JSON.parse(`"${raw}"`) as string;
  } catch {
    return raw;
  }
}
