/** Who a WebSocket is for, by its address: `…/SERVER/CONFERENCE/ENDPOINT?pwd=…` (jvb-control 4.1). */

export interface ChannelAddress {
  readonly serverId: string;
  readonly conference: string;
  readonly endpoint: string;
  /** Undefined: none, or one that no endpoint can have. */
  readonly password: string | undefined;
}

/** As the bridge makes them. */
const PASSWORD = /^[A-Za-z0-9]{24}$/;

/** `rest` is the path behind the prefix, decoded; `url` the whole. Undefined: parts are missing. */
export function parseChannelAddress(rest: string, url: string): ChannelAddress | undefined {
  const [serverId, conference, endpoint] = rest.split("/", 3);
  if (!serverId || !conference || !endpoint) return undefined;
  const query = url.split("?", 2)[1] ?? "";
  // Upstream wants exactly `pwd=…`; reverse proxies add parameters, so the query is parsed.
  const given = new URLSearchParams(query).get("pwd");
  const password = given !== null && PASSWORD.test(given) ? given : undefined;
  return { serverId, conference, endpoint, password };
}
