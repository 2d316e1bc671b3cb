/**
 * One XMPP connection of the bridge (jvb-control 1.2): from the configuration file, from legacy
 * properties, or added over HTTP. Names are case-insensitive, values are text.
 */
import { editDistance } from "#shared/config/known-keys";
import { err, ok, type Result } from "#shared/runtime/result";

export type SecurityMode = "required" | "ifpossible" | "disabled";

export interface MucClientConfig {
  readonly id: string;
  readonly hostname: string;
  readonly port: number;
  /** XMPP domain of the stream and for SASL. */
  readonly domain: string;
  readonly username: string;
  readonly password: string;
  /** Rooms to join, as written. */
  readonly mucJids: readonly string[];
  readonly mucNickname: string;
  readonly disableCertificateVerification: boolean;
  readonly securityMode: SecurityMode;
}

const securityModes = ["required", "ifpossible", "disabled"] as const;
const localHosts = new Set(["localhost", "127.0.0.1", "::1"]);

/** All that an entry may have, in upper case as properties have it. */
export const mucClientProperties: readonly string[] = [
  "HOSTNAME",
  "PORT",
  "DOMAIN",
  "USERNAME",
  "PASSWORD",
  "MUC_JIDS",
  "MUC_NICKNAME",
  "DISABLE_CERTIFICATE_VERIFICATION",
  "IQ_HANDLER_MODE",
  "SECURITY_MODE",
];
const required = ["HOSTNAME", "USERNAME", "PASSWORD", "MUC_JIDS", "MUC_NICKNAME"];

/** What is wrong with one property. */
export interface MucClientFault {
  /** In lower case, as configuration files have it. */
  readonly property: string;
  readonly message: string;
  /** A property given under a name that nothing reads, which may be meant for this one. */
  readonly misspelt?: string | undefined;
}

/** The faults as one line, for logs. */
export function mucClientFaultText(faults: readonly MucClientFault[]): string {
  return faults.map(({ property, message }) => `${property} ${message}`).join(", ");
}

/**
 * Reads the properties of one entry. The faults name the properties; no value is shown, it may be a
 * password.
 */
export function parseMucClient(
  id: string,
  properties: Iterable<readonly [name: string, value: string]>,
): Result<MucClientConfig, readonly MucClientFault[]> {
  const given = new Map<string, string>();
  const unread: string[] = [];
  for (const [name, value] of properties) {
    given.set(name.toUpperCase(), value);
    if (!mucClientProperties.includes(name.toUpperCase())) unread.push(name);
  }
  const faults: MucClientFault[] = [];
  for (const name of required) {
    if ((given.get(name) ?? "") !== "") continue;
    const property = name.toLowerCase();
    const misspelt = unread.find((other) => editDistance(other.toLowerCase(), property, 3) < 3);
    faults.push({ property, message: "is missing", misspelt });
  }
  const text = (name: string): string => given.get(name) ?? "";
  const port = Number(given.get("PORT") ?? "5222");
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    faults.push({ property: "port", message: "is not a port number" });
  }
  const hostname = text("HOSTNAME");
  const wanted =
    given.get("SECURITY_MODE") ?? (localHosts.has(hostname) ? "ifpossible" : "required");
  const securityMode = securityModes.find((mode) => mode === wanted);
  if (securityMode === undefined) {
    const message = `must be one of ${securityModes.join(", ")}`;
    return err([...faults, { property: "security_mode", message }]);
  }
  if (faults.length > 0) return err(faults);
  // Upstream does not trim the entries, so a blank behind a comma breaks the second room there.
  const mucJids = text("MUC_JIDS")
    .split(",")
    .map((jid) => jid.trim())
    .filter((jid) => jid !== "");
  return ok({
    id,
    hostname,
    port,
    domain: given.get("DOMAIN") ?? hostname,
    username: text("USERNAME"),
    password: text("PASSWORD"),
    mucJids,
    mucNickname: text("MUC_NICKNAME"),
    disableCertificateVerification:
      text("DISABLE_CERTIFICATE_VERIFICATION").toLowerCase() === "true",
    securityMode,
  });
}

/** Whether adding `b` over `a` changes nothing (upstream compares only these, jvb-control 1.9). */
export function isSameAccount(a: MucClientConfig, b: MucClientConfig): boolean {
  return (
    a.hostname === b.hostname &&
    a.port === b.port &&
    a.domain === b.domain &&
    a.username === b.username
  );
}

/**
 * The stream's resource: the nickname, or with the entry's id where another entry has that JID.
 * Two streams of one JID would end each other for ever. The host is not looked at, it may be two
 * names of one server.
 */
export function resourceOf(config: MucClientConfig, others: readonly MucClientConfig[]): string {
  const taken = others.some(
    (other) =>
      other.id !== config.id &&
      other.domain === config.domain &&
      other.username === config.username &&
      other.mucNickname === config.mucNickname,
  );
  return taken ? `${config.mucNickname}-${config.id}` : config.mucNickname;
}
