/** `<query xmlns='http://jabber.org/protocol/disco#info'>` (XEP-0030) and caps (XEP-0115). */
import { createHash } from "node:crypto";
import { NS } from "../xmpp/namespaces.ts";
import { attr, childrenOf, type Element, xml } from "../xmpp/xml.ts";
import { buildForm, type DataForm, parseForm } from "./data-form.ts";
import type { EntityCaps } from "./member-presence.ts";

/** `<identity>` */
export interface DiscoIdentity {
  readonly category: string;
  readonly type: string;
  readonly lang?: string | undefined;
  readonly name: string | undefined;
}

/** What an entity says about itself. */
export interface DiscoInfo {
  readonly identities: readonly DiscoIdentity[];
  readonly features: readonly string[];
  /** Extended information (XEP-0128). */
  readonly forms: readonly DataForm[];
}

/** A request for it. */
export function buildDiscoInfoQuery(node?: string): Element {
  return xml("query", { xmlns: NS.discoInfo, node });
}

/** Reads `<query>` of a result; incomplete identities are passed over. */
export function parseDiscoInfo(query: Element): DiscoInfo {
  return {
    identities: childrenOf(query, "identity", NS.discoInfo).flatMap(parseIdentity),
    features: childrenOf(query, "feature", NS.discoInfo).flatMap((el) => attr(el, "var") ?? []),
    forms: childrenOf(query, "x", NS.dataForm).map(parseForm),
  };
}

function parseIdentity(el: Element): DiscoIdentity[] {
  const category = attr(el, "category");
  const type = attr(el, "type");
  if (category === undefined || type === undefined) return [];
  return [{ category, type, lang: attr(el, "xml:lang"), name: attr(el, "name") }];
}

/** `<query>` of a result. */
export function buildDiscoInfo(info: DiscoInfo, node?: string): Element {
  return xml(
    "query",
    { xmlns: NS.discoInfo, node },
    info.identities.map(({ category, type, lang, name }) =>
      xml("identity", { category, type, "xml:lang": lang, name }),
    ),
    info.features.map((feature) => xml("feature", { var: feature })),
    info.forms.map((form) => buildForm(form)),
  );
}

/**
 * The `ver` of XEP-0115 §5.1 with SHA-1, or `undefined` when the information may not be hashed
 * (§5.4: doubled identity, feature or form).
 */
export function capsVersion(info: DiscoInfo): string | undefined {
  const identities = info.identities.map(
    ({ category, type, lang, name }) => `${category}/${type}/${lang ?? ""}/${name ?? ""}`,
  );
  const forms = info.forms.flatMap((form) => {
    const type = form.fields.get("FORM_TYPE")?.[0];
    return type === undefined ? [] : [{ type, form }];
  });
  const types = forms.map(({ type }) => type);
  if ([identities, info.features, types].some((list) => new Set(list).size < list.length)) {
    return undefined;
  }
  let text = [...identities].sort(byOctets).map(ended).join("");
  text += [...info.features].sort(byOctets).map(ended).join("");
  for (const { type, form } of forms.sort((a, b) => byOctets(a.type, b.type))) {
    text += ended(type);
    const names = [...form.fields.keys()].filter((name) => name !== "FORM_TYPE").sort(byOctets);
    for (const name of names) {
      text += ended(name);
      text += [...(form.fields.get(name) ?? [])].sort(byOctets).map(ended).join("");
    }
  }
  return createHash("sha1").update(text, "utf8").digest("base64");
}

function ended(text: string): string {
  return `${text}<`;
}

/** The order of XEP-0115 §5.1 (`i;octet`): UTF-8 bytes, which sort like code points. */
function byOctets(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** `<c>` for our own presence. */
export function buildEntityCaps(caps: EntityCaps): Element {
  return xml("c", { xmlns: NS.caps, hash: caps.hash, node: caps.node, ver: caps.ver });
}
