/** `<query xmlns='jabber:iq:version'>` (XEP-0092). */
import { NS } from "../xmpp/namespaces.ts";
import { type Element, xml } from "../xmpp/xml.ts";

/** Name and version of a program. */
export interface SoftwareVersion {
  readonly name: string;
  readonly version: string;
  readonly os: string | undefined;
}

/** The payload of a result. */
export function buildSoftwareVersion(version: SoftwareVersion): Element {
  return xml(
    "query",
    { xmlns: NS.version },
    xml("name", {}, version.name),
    xml("version", {}, version.version),
    version.os === undefined ? undefined : xml("os", {}, version.os),
  );
}
