/** What a focus publishes in its presence: spec xmpp-wire A13, jicofo 1.9. */
import { NS } from "../xmpp/namespaces.ts";
import { type Element, xml } from "../xmpp/xml.ts";

/** `<etherpad>`: name of the shared document. */
export function buildEtherpad(document: string): Element {
  return xml("etherpad", { xmlns: NS.etherpad }, document);
}

/** `<versions>`: component (`focus`, `xmpp`, `videobridge`) to version. */
export function buildVersions(versions: Readonly<Record<string, string>>): Element {
  const components = Object.entries(versions);
  return xml(
    "versions",
    { xmlns: NS.jitmeet },
    components.map(([name, version]) => xml("component", { name }, version)),
  );
}

/** `<conference-properties>` */
export function buildConferenceProperties(
  properties: Iterable<readonly [key: string, value: string]>,
): Element {
  const children = [...properties].map(([key, value]) => xml("property", { key, value }));
  return xml("conference-properties", { xmlns: NS.focus }, children);
}

/** `<bridgeNotAvailable>`: no bridge could be selected. */
export function buildBridgeNotAvailable(): Element {
  return xml("bridgeNotAvailable", { xmlns: NS.focus });
}
