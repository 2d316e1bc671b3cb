import { parseXml, serialise, XmlStreamParser } from "./xml.ts";

const utf8 = new TextDecoder();

/** Any text is a tree or a fault; what was read can be written and read again. */
export const targets: Record<string, (input: Uint8Array) => void> = {
  "xml-document": (input) => {
    const parsed = parseXml(utf8.decode(input));
    if (!parsed.ok) return;
    const again = parseXml(serialise(parsed.value));
    if (!again.ok) throw new Error(`cannot read back: ${again.error}`);
  },
  "xml-stream": (input) => {
    const text = utf8.decode(input);
    const parser = new XmlStreamParser(
      { start() {}, element() {}, refused() {}, end() {} },
      10_000,
    );
    for (let at = 0; at < text.length; at += 7) parser.push(text.slice(at, at + 7));
  },
};

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const levels = 30;
const manyPrefixes = Array.from(
  { length: levels },
  (_, level) =>
    `<a${Array.from({ length: 40 }, (_, at) => ` xmlns:p${level}n${at}='u'`).join("")}>`,
).join("");
const documents = [
  "<iq type='set' id='1'><a xmlns='urn:a'>x &amp; y</a></iq>",
  "<stream:stream xmlns='jabber:client' xmlns:stream='urn:s'><presence><j:x xmlns:j='urn:j'/></presence>",
  "<a><![CDATA[ ]] ]]></a>",
  `<s xmlns='jabber:client'><iq>${manyPrefixes}${"</a>".repeat(levels)}</iq>`,
  "<s><iq><a xmlns:p='u' xmlns:q='v'><b xmlns:p='w'><p:c q:d='1'/></b></a></iq></s>",
].map(bytes);

export const seeds: Record<string, Uint8Array[]> = {
  "xml-document": documents,
  "xml-stream": documents,
};
