/**
 * Addresses (RFC 7622) as branded strings: equal addresses are equal strings, so they are map keys.
 *
 * The domain and local part are lower-cased and NFKC-normalised; the resource is kept as it came.
 * A JID is split at its FIRST `/`: a proxied resource may itself contain `@` and `/` (wire C1).
 */
declare const jidBrand: unique symbol;
declare const bareBrand: unique symbol;

/** A valid address, with or without resource. */
export type Jid = string & { readonly [jidBrand]: true };

/** A valid address without resource. */
export type BareJid = Jid & { readonly [bareBrand]: true };

const maxPartBytes = 1023;
// RFC 7622 §3.3.1: characters that a local part cannot have, besides white space and controls.
// biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what it looks for
const badLocal = /["&'/:<>@\s\u0000-\u001f\u007f]/u;
// biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what it looks for
const badDomain = /["&'/<>@\s\u0000-\u001f\u007f]/u;
// biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what it looks for
const badResource = /[\u0000-\u001f\u007f]/u;

/** Reads `local@domain/resource`; `undefined` when it is not an address. */
export function parseJid(text: string): Jid | undefined {
  const slash = text.indexOf("/");
  const bare = slash < 0 ? text : text.slice(0, slash);
  const resource = slash < 0 ? undefined : text.slice(slash + 1);
  const at = bare.indexOf("@");
  const local = at < 0 ? undefined : bare.slice(0, at);
  return makeJid(local, bare.slice(at + 1), resource);
}

/** Joins and normalises the parts; `undefined` when one is not allowed. */
export function makeJid(
  local: string | undefined,
  domain: string,
  resource?: string | undefined,
): Jid | undefined {
  const cleanDomain = prepare(domain);
  if (!fits(cleanDomain, badDomain)) return undefined;
  if (resource !== undefined && !fits(resource, badResource)) return undefined;
  let jid = cleanDomain;
  if (local !== undefined) {
    const cleanLocal = prepare(local);
    if (!fits(cleanLocal, badLocal)) return undefined;
    jid = `${cleanLocal}@${jid}`;
  }
  return (resource === undefined ? jid : `${jid}/${resource}`) as Jid;
}

/** Reads an address without resource; `undefined` when it is none or has a resource. */
export function parseBareJid(text: string): BareJid | undefined {
  const jid = parseJid(text);
  return jid !== undefined && isBare(jid) ? jid : undefined;
}

/** Whether the address has no resource. */
export function isBare(jid: Jid): jid is BareJid {
  return !jid.includes("/");
}

/** The address without its resource. */
export function bareOf(jid: Jid): BareJid {
  const slash = jid.indexOf("/");
  return (slash < 0 ? jid : jid.slice(0, slash)) as BareJid;
}

/** The part before `@`, if any. */
export function localOf(jid: Jid): string | undefined {
  const bare = bareOf(jid);
  const at = bare.indexOf("@");
  return at < 0 ? undefined : bare.slice(0, at);
}

/** The host part. */
export function domainOf(jid: Jid): string {
  const bare = bareOf(jid);
  return bare.slice(bare.indexOf("@") + 1);
}

/** The part after the first `/`, if any: in a room, the nick. */
export function resourceOf(jid: Jid): string | undefined {
  const slash = jid.indexOf("/");
  return slash < 0 ? undefined : jid.slice(slash + 1);
}

/** `bare/resource`; `undefined` when the resource is empty, too long or has control characters. */
export function withResource(bare: BareJid, resource: string): Jid | undefined {
  return fits(resource, badResource) ? (`${bare}/${resource}` as Jid) : undefined;
}

function prepare(part: string): string {
  return isSimple(part) ? part : part.normalize("NFKC").toLowerCase();
}

/** Lower-case ASCII needs no normalisation; nearly every address is that. */
function isSimple(part: string): boolean {
  for (let i = 0; i < part.length; i++) {
    const c = part.charCodeAt(i);
    if (c > 0x7e || (c >= 0x41 && c <= 0x5a)) return false;
  }
  return true;
}

function fits(part: string, bad: RegExp): boolean {
  if (part.length === 0 || part.length > maxPartBytes || bad.test(part)) return false;
  return (
    part.isWellFormed() && (part.length * 3 <= maxPartBytes || byteLength(part) <= maxPartBytes)
  );
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
