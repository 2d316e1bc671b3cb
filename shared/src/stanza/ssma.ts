/** Sources and groups (`urn:xmpp:jingle:apps:rtp:ssma:0`, XEP-0339): spec xmpp-wire A6. */
import { err, ok, type Result } from "../runtime/result.ts";
import { NS } from "../xmpp/namespaces.ts";
import { attr, childOf, childrenOf, type Element, parseInteger, xml } from "../xmpp/xml.ts";
import type { Source, SourceGroup } from "./media.ts";
import { fault, type StanzaFault } from "./stanza-error.ts";

const maxSsrc = 0xffff_ffff;

/** An SSRC; peers that hold it as a signed number (A1.5) are understood. */
export function parseSsrc(text: string | undefined): number | undefined {
  const value = parseInteger(text, -0x8000_0000, maxSsrc);
  return value === undefined ? undefined : value >>> 0;
}

/** All `<source>` children that have an SSRC; those known by `rid` alone are passed over. */
export function parseSources(parent: Element): Result<Source[], StanzaFault> {
  const found: Source[] = [];
  for (const el of childrenOf(parent, "source", NS.ssma)) {
    const text = attr(el, "ssrc");
    const rid = attr(el, "rid");
    if (text === undefined && rid !== undefined) continue;
    const ssrc = parseSsrc(text);
    if (ssrc === undefined) return err(fault("source without a valid ssrc"));
    const info = childOf(el, "ssrc-info", NS.jitmeet);
    found.push({
      ssrc,
      name: attr(el, "name"),
      msid: parseMsid(el),
      videoType: parseVideoType(
        attr(el, "videoType") ?? (info === undefined ? undefined : attr(info, "video-type")),
      ),
      rid,
      owner: info === undefined ? undefined : parseOwner(attr(info, "owner")),
    });
  }
  return ok(found);
}

function parseMsid(source: Element): string | undefined {
  for (const ns of [NS.ssma, NS.rtp]) {
    for (const parameter of childrenOf(source, "parameter", ns)) {
      if (attr(parameter, "name") === "msid") return attr(parameter, "value");
    }
  }
  return undefined;
}

/** Any case; `desktop_high_fps` counts as desktop, what we do not know as not said. */
export function parseVideoType(text: string | undefined): Source["videoType"] {
  switch (text?.toLowerCase()) {
    case "camera":
      return "camera";
    case "desktop":
    case "desktop_high_fps":
      return "desktop";
    default:
      return undefined;
  }
}

/** The endpoint id; an occupant JID stands for its resource. */
function parseOwner(owner: string | undefined): string | undefined {
  const slash = owner?.indexOf("/") ?? -1;
  return slash < 0 ? owner : owner?.slice(slash + 1);
}

/** All `<ssrc-group>` children; a group of sources known by `rid` alone is passed over. */
export function parseSourceGroups(parent: Element): Result<SourceGroup[], StanzaFault> {
  const found: SourceGroup[] = [];
  for (const el of childrenOf(parent, "ssrc-group", NS.ssma)) {
    const semantics = attr(el, "semantics");
    if (semantics === undefined) return err(fault("ssrc-group without semantics"));
    const ssrcs: number[] = [];
    let byRid = false;
    for (const source of childrenOf(el, "source", NS.ssma)) {
      const ssrc = parseSsrc(attr(source, "ssrc"));
      if (ssrc !== undefined) ssrcs.push(ssrc);
      else if (attr(source, "rid") !== undefined) byRid = true;
      else return err(fault("ssrc-group with an invalid ssrc"));
    }
    if (!byRid) found.push({ semantics, ssrcs });
  }
  return ok(found);
}

/** `<source>`, with its owner as `<ssrc-info>` when known. */
export function buildSource(source: Source): Element {
  return xml(
    "source",
    {
      xmlns: NS.ssma,
      ssrc: source.ssrc,
      name: source.name,
      videoType: source.videoType,
      rid: source.rid,
    },
    source.msid === undefined ? undefined : xml("parameter", { name: "msid", value: source.msid }),
    source.owner === undefined
      ? undefined
      : xml("ssrc-info", { xmlns: NS.jitmeet, owner: source.owner }),
  );
}

/** `<ssrc-group>` */
export function buildSourceGroup(group: SourceGroup): Element {
  return xml(
    "ssrc-group",
    { xmlns: NS.ssma, semantics: group.semantics },
    group.ssrcs.map((ssrc) => xml("source", { ssrc })),
  );
}
