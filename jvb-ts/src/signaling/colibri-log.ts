/** COLIBRI2 requests and answers as an operator may keep them (jvb-control 1.8). */
import { type Element, serialise, xml } from "#shared/xmpp/xml";

const HIDDEN = "hidden";

/**
 * The text of a request or answer without what opens anything: passwords of ICE and of bridge
 * channels, values of HTTP headers, users and queries of addresses; with `hideAddresses` also without addresses of candidates.
 */
export function colibriLogText(el: Element, hideAddresses: boolean): string {
  return serialise(copyOf(el, hideAddresses));
}

function copyOf(el: Element, hideAddresses: boolean): Element {
  const copy = xml(el.name, { ...el.attrs });
  for (const [name, value] of Object.entries(el.attrs)) {
    const shown = shownValue(el.name, name, String(value), hideAddresses);
    copy.attrs[name] = shown;
  }
  copy.children = el.children.map((child) =>
    typeof child === "string" ? child : copyOf(child, hideAddresses),
  );
  return copy;
}

function shownValue(element: string, name: string, value: string, hideAddresses: boolean): string {
  if (name === "pwd") return HIDDEN;
  if (element === "http-header" && name === "value") return HIDDEN;
  if (name === "url") return urlWithoutSecrets(value);
  const isAddress = element === "candidate" && (name === "ip" || name === "rel-addr");
  return isAddress && hideAddresses ? HIDDEN : value;
}

/** Text that is no URL is treated alike: users stand before an `@` of the first part. */
function urlWithoutSecrets(url: string): string {
  return url
    .replace(/([?#]).*$/s, `$1${HIDDEN}`)
    .replace(/^((?:[a-z][a-z0-9+.-]*:)?\/\/)?[^/]*@/i, `$1${HIDDEN}@`);
}
