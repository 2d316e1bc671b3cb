/** `jicofo.xmpp.*`: connections and whom to trust (spec jicofo 1, 11.2). */
import {
  bool,
  duration,
  intBetween,
  type KeySpec,
  keys,
  list,
  noEffect,
  notBuilt,
  optional,
  raw,
  str,
} from "#shared/config/keys";

/** 0 is no port to connect to. */
export const tcpPort = intBetween(1, 65_535, "a port number, 1 to 65535");

/** COMPAT(jicofo): properties of installations before HOCON; they win over the file. */
const trustAll = "org.jitsi.jicofo.ALWAYS_TRUST_MODE_ENABLED";

/** Rooms, Jingle and conference requests go over this connection. */
export const clientKeys = keys("jicofo.xmpp.client", {
  enabled: {
    type: bool,
    default: true,
    state: noEffect("this connection is always made, as upstream"),
    doc: "Make the connection.",
  },
  hostname: {
    type: str,
    default: "localhost",
    legacy: ["org.jitsi.jicofo.HOSTNAME"],
    doc: "Host of the XMPP server.",
  },
  port: {
    type: tcpPort,
    default: 5222,
    legacy: ["org.jitsi.jicofo.XMPP_PORT"],
    doc: "Client port of the XMPP server.",
  },
  domain: {
    type: str,
    legacy: ["org.jitsi.jicofo.FOCUS_USER_DOMAIN"],
    doc: "Domain of the account, usually auth.DOMAIN.",
  },
  "xmpp-domain": {
    type: str,
    legacy: ["org.jitsi.jicofo.XMPP_DOMAIN"],
    doc: "Main domain of the deployment; asked for its components.",
  },
  username: {
    type: str,
    default: "focus",
    legacy: ["org.jitsi.jicofo.FOCUS_USER_NAME"],
    doc: "Account name, and nick in rooms.",
  },
  resource: {
    type: str,
    default: "focus",
    follows: "jicofo.xmpp.client.username",
    doc: "Resource to bind.",
  },
  password: {
    type: optional(str),
    legacy: ["org.jitsi.jicofo.FOCUS_USER_PASSWORD"],
    doc: "Password of the account; without one the login is anonymous.",
  },
  "conference-muc-jid": {
    type: optional(str),
    // The prefix lacks its domain here; a trailing dot asks for `xmpp-domain` behind it.
    legacy: [
      { name: "org.jitsi.jicofo.XMPP_MUC_COMPONENT_PREFIX", convert: (prefix) => `${prefix}.` },
    ],
    doc: "MUC service of conferences, and of health checks; conference.XMPP-DOMAIN unless given. Where it is given, requests for rooms elsewhere are refused, breakout rooms apart.",
  },
  "client-proxy": {
    type: optional(str),
    doc: "Address of mod_client_proxy: requests from its resources count as from the JID inside.",
  },
  "reply-timeout": { type: duration, default: 15_000, doc: "Deadline of every request." },
  "disable-certificate-verification": {
    type: bool,
    default: false,
    legacy: [trustAll],
    doc: "Accept any certificate and host name.",
  },
  "use-tls": { type: bool, default: true, doc: "Use STARTTLS where it is offered." },
});

/** COLIBRI2 and the breweries that ask for it, where the bridges have a server of their own. */
export const serviceKeys = keys("jicofo.xmpp.service", {
  enabled: {
    type: bool,
    default: false,
    legacy: [{ name: "org.jitsi.jicofo.BRIDGE_MUC_XMPP_HOST", convert: () => "true" }],
    doc: "Whether there is a second connection for bridges.",
  },
  hostname: {
    type: str,
    default: "localhost",
    legacy: ["org.jitsi.jicofo.BRIDGE_MUC_XMPP_HOST"],
    doc: "Host of the XMPP server.",
  },
  port: {
    type: tcpPort,
    default: 6222,
    legacy: ["org.jitsi.jicofo.BRIDGE_MUC_XMPP_PORT"],
    doc: "Client port of the XMPP server.",
  },
  domain: {
    type: optional(str),
    legacy: ["org.jitsi.jicofo.BRIDGE_MUC_XMPP_USER_DOMAIN"],
    doc: "Domain of the account; required when enabled.",
  },
  "xmpp-domain": { type: optional(str), doc: "Asked for its components when given." },
  username: {
    type: str,
    default: "focus",
    legacy: ["org.jitsi.jicofo.BRIDGE_MUC_XMPP_USER"],
    doc: "Account name, and nick in the breweries.",
  },
  resource: {
    type: str,
    default: "focus",
    follows: "jicofo.xmpp.service.username",
    doc: "Resource to bind.",
  },
  password: {
    type: optional(str),
    legacy: ["org.jitsi.jicofo.BRIDGE_MUC_XMPP_USER_PASS"],
    doc: "Password of the account; without one the login is anonymous.",
  },
  "reply-timeout": { type: duration, default: 15_000, doc: "Deadline of every request." },
  "disable-certificate-verification": {
    type: bool,
    default: false,
    legacy: [trustAll],
    doc: "Accept any certificate and host name.",
  },
  "use-tls": { type: bool, default: true, doc: "Use STARTTLS where it is offered." },
});

export const xmppKeys = keys("jicofo.xmpp", {
  "use-jitsi-jid-validation": {
    type: bool,
    default: true,
    // Warns only: the server has judged every address before us, by its own rules.
    state: notBuilt("Jitsi's relaxed rules count", { values: (relaxed: boolean) => !relaxed }),
    doc: "Use Jitsi's relaxed rules for JIDs.",
  },
  "trusted-domains": {
    type: list(str),
    default: [] as readonly string[],
    doc: "Domains whose members may say that they are recorders or gateways.",
  },
  visitors: {
    type: optional(raw),
    state: notBuilt("nobody is sent to a visitor node"),
    doc: "Visitor nodes by name, each with hostname, conference-service and an account.",
  } satisfies KeySpec<unknown>,
});
