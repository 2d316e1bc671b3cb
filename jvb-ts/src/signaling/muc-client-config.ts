/**
 * One XMPP connection of the bridge (jvb-control 1.2): from the configuration file, from legacy
 * properties, or added over HTTP. Names are case-insensitive, values are text.
 */
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

/**
 * Reads the properties of one entry. The error names the property; the value is never shown, it may
 * be a password.
 */
export function parseMucClient(
  id: string,
  properties: Iterable<readonly [name: string, value: string]>,
): Result<MucClientConfig, string> {
  const given = new Map<string, string>();
  for (const [name, value] of properties) given.set(name.toUpperCase(), value);
  const missing = ["HOSTNAME", "USERNAME", "PASSWORD", "MUC_JIDS", "MUC_NICKNAME"].find(
    (name) => (given.get(name) ?? "") === "",
  );
  if (missing !== undefined) return err(`${missing} is missing`);
  const text = (name: string): string => given.get(name) ?? "";
  const port = Number(given.get("PORT") ?? "5222");
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return err("PORT is not a port number");
  const hostname = text("HOSTNAME");
  const wanted =
    given.get("SECURITY_MODE") ?? (localHosts.has(hostname) ? "ifpossible" : "required");
  const securityMode = securityModes.find((mode) => mode === wanted);
  if (securityMode === undefined) {
    return err(`SECURITY_MODE must be one of ${securityModes.join(", ")}`);
  }
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
