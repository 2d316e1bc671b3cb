/** `jicofo.ts.component.*`: a second way in for clients, beside the login (wire spec C1, layout L1). */
import type { LoadedConfig } from "#shared/config/config";
import { ConfigError } from "#shared/config/config-error";
import { bool, keys, optional, str } from "#shared/config/keys";
import { clientKeys, tcpPort } from "./xmpp-keys.ts";

export const componentKeys = keys("jicofo.ts.component", {
  enabled: {
    type: bool,
    default: false,
    doc: "Also connect as the component that clients ask for conferences (XEP-0114).",
  },
  hostname: {
    type: optional(str),
    doc: "Host of the XMPP server; jicofo.xmpp.client.hostname unless given.",
  },
  port: { type: tcpPort, default: 5347, doc: "Component port of the XMPP server." },
  domain: {
    type: optional(str),
    doc: "Address of the component, usually focus.DOMAIN; jicofo.xmpp.client.client-proxy unless given.",
  },
  secret: { type: optional(str), doc: "Secret of the component; required when enabled." },
});

/** The component to be. */
export interface ComponentSettings {
  readonly hostname: string;
  readonly port: number;
  readonly domain: string;
  readonly secret: string;
}

/** Absent where it is not switched on. Throws `ConfigError` where it is and something lacks. */
export function readComponent(config: LoadedConfig): ComponentSettings | undefined {
  const values = config.readTable(componentKeys);
  if (!values.enabled) return undefined;
  const client = config.readTable(clientKeys);
  const { hostname = client.hostname, port, domain = client["client-proxy"], secret } = values;
  if (domain === undefined)
    throw missing(config, "domain", "set it to the address that clients ask, usually focus.DOMAIN");
  if (secret === undefined)
    throw missing(config, "secret", "set it to the component_secret in the server's configuration");
  return { hostname, port, domain, secret };
}

function missing(config: LoadedConfig, key: string, remedy: string): ConfigError {
  return new ConfigError({
    key: `jicofo.ts.component.${key}`,
    origin: config.get("jicofo.ts.component.enabled")?.origin,
    message: "is missing although the component is switched on",
    remedy,
  });
}
