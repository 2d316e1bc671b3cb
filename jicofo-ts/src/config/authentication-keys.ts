/** `jicofo.authentication.*`: who may create rooms (spec jicofo 2.4, 11.2, 11.4). */
import type { LoadedConfig } from "#shared/config/config";
import { ConfigError, type ConfigFault } from "#shared/config/config-error";
import { bool, duration, keys, optional, shownText, str } from "#shared/config/keys";
import { makeJid } from "#shared/xmpp/jid";
import { type AuthenticationSettings, jwtSessions } from "../authentication/settings.ts";
import { negated } from "./conference-keys.ts";

const authUrl = "org.jitsi.jicofo.auth.URL";

/** COMPAT(jicofo): `XMPP:domain` and `EXT_JWT:domain`; any other prefix is no mode that is there. */
function legacyAuthType(url: string): string {
  if (url.startsWith("XMPP:")) return "XMPP";
  return url.startsWith("EXT_JWT:") ? "JWT" : url;
}

export const authenticationKeys = keys("jicofo.authentication", {
  enabled: {
    type: bool,
    default: false,
    legacy: [{ name: authUrl, convert: () => "true" }],
    doc: "Only authenticated users may create rooms, and by XMPP only: HTTP requests prove no sender.",
  },
  type: {
    type: str,
    default: "NONE",
    legacy: [{ name: authUrl, convert: legacyAuthType }],
    doc: "How users are authenticated: NONE, XMPP (accounts of the server) or JWT (tokens that the server verifies).",
  },
  "login-url": {
    type: optional(str),
    legacy: [{ name: authUrl, convert: (url) => url.slice(url.indexOf(":") + 1) }],
    doc: "Domain of authenticated users, no URL; required when enabled.",
  },
  "authentication-lifetime": {
    type: duration,
    default: 86_400_000,
    legacy: ["org.jitsi.jicofo.auth.AUTH_LIFETIME"],
    doc: "How long a login lasts that nobody uses; with JWT it is always one minute.",
  },
  "enable-auto-login": {
    type: bool,
    default: true,
    legacy: [{ name: "org.jitsi.jicofo.auth.DISABLE_AUTOLOGIN", convert: negated }],
    doc: "Keep logins beyond the conference they were made for; with JWT they never are.",
  },
});

/** Where authentication was configured, for faults of any of its keys. */
function origin(config: LoadedConfig, key: string) {
  return (
    config.get(`jicofo.authentication.${key}`) ??
    config.legacy(authUrl) ??
    config.get("jicofo.authentication.enabled")
  )?.origin;
}

/**
 * The mode, or `undefined` where everybody may create rooms. Throws `ConfigError` for a mode that
 * does not exist here: to ignore it would open what the operator meant to close.
 */
export function readAuthentication(config: LoadedConfig): AuthenticationSettings | undefined {
  const values = config.readTable(authenticationKeys);
  const inFile = config.get(authUrl);
  if (inFile !== undefined && config.legacy(authUrl) === undefined)
    throw new ConfigError({
      key: authUrl,
      origin: inFile.origin,
      message: "switches authentication on, but only as a property, not in this file",
      remedy: "set jicofo.authentication.enabled, .type and .login-url instead",
    });
  if (!values.enabled || values.type === "NONE") return undefined;
  const { type } = values;
  if (type !== "XMPP" && type !== "JWT")
    throw new ConfigError({
      key: "jicofo.authentication.type",
      origin: origin(config, "type"),
      message: `"${type}" is no way of authentication here, and without one anybody could create rooms`,
      remedy: "set it to XMPP or JWT, or jicofo.authentication.enabled = false for an open service",
    });
  const domain = values["login-url"];
  const loginDomain = domain === undefined ? undefined : makeJid(undefined, domain);
  if (loginDomain === undefined)
    throw new ConfigError({
      key: "jicofo.authentication.login-url",
      origin: origin(config, "login-url"),
      message:
        domain === undefined
          ? "is missing although authentication is enabled"
          : `${shownText(domain)} is not a domain`,
      remedy: "set it to the domain of the users who may create rooms, such as example.com",
    });
  const own = {
    lifetime: values["authentication-lifetime"],
    autoLogin: values["enable-auto-login"],
  };
  return { type, loginDomain, ...(type === "JWT" ? jwtSessions : own) };
}

/** Enabled, and still open to everybody: upstream has it so, and rarely is it meant. */
export function openAuthentication(config: LoadedConfig): readonly ConfigFault[] {
  const values = config.readTable(authenticationKeys);
  if (!values.enabled || values.type !== "NONE") return [];
  return [
    {
      key: "jicofo.authentication.type",
      origin: origin(config, "type"),
      message: "is NONE although authentication is enabled, so anybody may create rooms",
      remedy: "set it to XMPP or JWT",
    },
  ];
}
