/** A Prosody of our own: configuration, accounts, process. Loopback only, no third-party module. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { accepts, Program } from "./program.ts";

export interface ProsodyOptions {
  /** Everything it writes goes here. */
  readonly folder: string;
  readonly domain: string;
  readonly c2sPort: number;
  readonly httpPort: number;
  /** Accounts at `auth.DOMAIN`: name and password. All are administrators. */
  readonly accounts: Readonly<Record<string, string>>;
  /**
   * Accounts of people at `DOMAIN`, which then lets in nobody else; guests log in at
   * `guest.DOMAIN`. Undefined: everybody is a guest at `DOMAIN`.
   */
  readonly people?: Readonly<Record<string, string>> | undefined;
  /** Seconds it keeps the session of a server component whose connection broke. */
  readonly hibernationSeconds?: number;
  readonly onExit?: (description: string) => void;
}

/** Where guests log in on a secure domain. */
export function guestDomain(domain: string): string {
  return `guest.${domain}`;
}

/** The configuration of spec xmpp-wire C2, without the parts that a demo does not need. */
export function prosodyConfiguration(options: ProsodyOptions): string {
  const { folder, domain, c2sPort, httpPort, accounts, people } = options;
  const list = (values: readonly string[]) =>
    values.map((value) => JSON.stringify(value)).join(", ");
  const room = `
	storage = "memory"
	restrict_room_creation = true
	muc_room_locking = false
	muc_room_default_public_jids = true
	muc_room_cache_size = 10000
	muc_tombstones = false
	muc_room_allow_persistent = false`;
  return `-- Written by the demo at each start; changes are lost.
run_as_root = ${process.getuid?.() === 0}
data_path = ${JSON.stringify(join(folder, "data"))}
certificates = ${JSON.stringify(join(folder, "certs"))}
log = { { levels = { min = "info" }, to = "console", timestamps = "%Y-%m-%d %H:%M:%S" } }
plugin_paths = {}
network_backend = "epoll"
interfaces = { "127.0.0.1" }
c2s_ports = { ${c2sPort} }
c2s_direct_tls_ports = {}
component_ports = {}
http_interfaces = { "127.0.0.1" }
http_ports = { ${httpPort} }
https_ports = {}
modules_enabled = { "disco", "saslauth", "ping", "version", "bosh", "websocket", "external_services" }
modules_disabled = { "s2s", "offline", "register", "tls" }
c2s_require_encryption = false
consider_bosh_secure = true
consider_websocket_secure = true
c2s_stanza_size_limit = 1024 * 1024
allow_registration = false
storage = "internal"
admins = { ${list(Object.keys(accounts).map((name) => `${name}@auth.${domain}`))} }

VirtualHost ${JSON.stringify(domain)}
	authentication = ${
    people === undefined
      ? '"anonymous"'
      : `"internal_hashed"
VirtualHost ${JSON.stringify(guestDomain(domain))}
	authentication = "anonymous"`
  }
VirtualHost ${JSON.stringify(`auth.${domain}`)}
	authentication = "internal_hashed"
	modules_enabled = { "smacks" }
	smacks_hibernation_time = ${options.hibernationSeconds ?? 15}
Component ${JSON.stringify(`conference.${domain}`)} "muc"${room}
	muc_room_default_change_subject = false
	muc_room_default_history_length = 0
Component ${JSON.stringify(`internal.auth.${domain}`)} "muc"${room}
	muc_room_default_members_only = true
`;
}

/** Makes the accounts that are not there from an earlier run. */
function register(
  folder: string,
  config: string,
  host: string,
  accounts: Readonly<Record<string, string>>,
): void {
  const escaped = host.replaceAll(/[^A-Za-z0-9]/g, (char) => `%${char.charCodeAt(0).toString(16)}`);
  for (const [name, password] of Object.entries(accounts)) {
    if (existsSync(join(folder, "data", escaped, "accounts", `${name}.dat`))) continue;
    execFileSync("prosodyctl", ["--config", config, "register", name, host, password], {
      stdio: "ignore",
    });
  }
}

/** Writes configuration and accounts and returns the process, not yet started. */
export function prosody(options: ProsodyOptions): Program {
  const { folder, domain, accounts, people = {} } = options;
  for (const each of ["data", "certs"]) mkdirSync(join(folder, each), { recursive: true });
  const config = join(folder, "prosody.cfg.lua");
  writeFileSync(config, prosodyConfiguration(options));
  register(folder, config, `auth.${domain}`, accounts);
  register(folder, config, domain, people);
  return new Program({
    name: "prosody",
    command: "prosody",
    args: ["-F", "--config", config],
    logFile: join(folder, "prosody.log"),
    pidFile: join(folder, "prosody.pid"),
    // Refused to run as root it would stay half alive (spec C6.1), so its ports tell, not its pid.
    ready: async () => (await accepts(options.c2sPort)) && (await accepts(options.httpPort)),
    ...(options.onExit === undefined ? {} : { onExit: options.onExit }),
  });
}
