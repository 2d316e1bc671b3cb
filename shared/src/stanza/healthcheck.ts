/** `<healthcheck xmlns='http://jitsi.org/protocol/healthcheck'>`: spec xmpp-wire A10. */
import { NS } from "../xmpp/namespaces.ts";
import { type Element, xml } from "../xmpp/xml.ts";

/** The payload of a health check; send it as an IQ get. */
export function buildHealthcheck(): Element {
  return xml("healthcheck", { xmlns: NS.healthcheck });
}
