import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { XmppClientOptions } from "../xmpp/client.ts";
import type { XmppComponentOptions } from "../xmpp/component.ts";
import { endsWithUs } from "./ends-with-us.ts";
import { freePort } from "./free-port.ts";

const run = promisify(execFile);

/** What a test may choose. */
export interface ProsodyOptions {
  /** PEM files by name, put into the certificates folder; given, STARTTLS is offered. */
  readonly certificates?: Readonly<Record<string, string>>;
  /** Refuse logins without TLS. */
  readonly requireEncryption?: boolean;
  /** Seconds a cut session can be resumed. */
  readonly hibernationSeconds?: number;
  readonly smacks?: boolean;
  /** Send at once, where Prosody by default waits until what it sent before is acknowledged. */
  readonly noDelay?: boolean;
  /** The brewery's service shows accounts to nobody but a room's owner, which the focus is only where it came first. */
  readonly hiddenBrewery?: boolean;
  /** Accounts (password = name) at `usersDomain`, beside the anonymous main domain. */
  readonly users?: readonly string[];
}

/** A real Prosody (spec xmpp-wire C2) on free loopback ports with its data in a temporary folder. */
export class Prosody {
  readonly domain = "meet.example";
  readonly authDomain = "auth.meet.example";
  readonly usersDomain = "users.meet.example";
  readonly mucDomain = "conference.meet.example";
  readonly componentDomain = "focus.meet.example";
  readonly componentSecret = "component-secret";
  readonly c2sPort: number;
  readonly componentPort: number;
  readonly #folder: string;
  readonly #options: ProsodyOptions;
  #process: ChildProcess | undefined = undefined;
  #output = "";

  private constructor(ports: readonly number[], folder: string, options: ProsodyOptions) {
    this.c2sPort = ports[0] as number;
    this.componentPort = ports[1] as number;
    this.#folder = folder;
    this.#options = options;
  }

  /** Starts one with the accounts `focus` and `jvb` (password = name) on the auth domain. */
  static async start(options: ProsodyOptions = {}): Promise<Prosody> {
    const ports = [await freePort(), await freePort()];
    const prosody = new Prosody(ports, mkdtempSync(join(tmpdir(), "prosody-test-")), options);
    prosody.#writeConfig();
    const accounts = [
      ["focus", prosody.authDomain],
      ["jvb", prosody.authDomain],
      ...(options.users ?? []).map((user) => [user, prosody.usersDomain] as const),
    ] as const;
    for (const [user, domain] of accounts) {
      const command = ["--root", "--config", prosody.#configFile, "register", user, domain, user];
      await run("prosodyctl", command);
    }
    await prosody.up();
    return prosody;
  }

  get #configFile(): string {
    return join(this.#folder, "prosody.cfg.lua");
  }

  /** What it printed so far. */
  get output(): string {
    return this.#output;
  }

  /** Of the running process; 0 while there is none. */
  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** What `createXmppClient` takes for an account of the auth domain. */
  login(user = "focus"): XmppClientOptions {
    return {
      name: user,
      host: "127.0.0.1",
      port: this.c2sPort,
      domain: this.authDomain,
      username: user,
      password: user,
      resource: user,
      security: "ifpossible",
      disableCertificateVerification: false,
    };
  }

  /** What `createXmppComponent` takes. */
  componentLogin(): XmppComponentOptions {
    return {
      name: "component",
      host: "127.0.0.1",
      port: this.componentPort,
      domain: this.componentDomain,
      secret: this.componentSecret,
    };
  }

  /** Starts the process (again) and waits until its ports answer. */
  async up(): Promise<void> {
    const child = endsWithUs(
      spawn("prosody", ["-F", "--root", "--config", this.#configFile], {
        stdio: ["ignore", "pipe", "pipe"],
      }),
    );
    const keep = (data: Buffer): void => {
      this.#output += data.toString();
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    this.#process = child;
    const until = Date.now() + 10_000;
    while (!(await answers(this.c2sPort)) || !(await answers(this.componentPort))) {
      if (child.exitCode !== null || Date.now() > until) {
        throw new Error(`Prosody did not start:\n${this.#output}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Ends the process, data stays; `SIGKILL` closes nothing in order. */
  async down(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    child.kill("SIGCONT");
    await ended;
  }

  /** Stops the process where it stands: ports stay open, nothing is answered. */
  freeze(): void {
    this.#process?.kill("SIGSTOP");
  }

  resume(): void {
    this.#process?.kill("SIGCONT");
  }

  /** Ends it and removes its data. */
  async stop(): Promise<void> {
    await this.down();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #writeConfig(): void {
    const {
      certificates,
      requireEncryption,
      hibernationSeconds = 15,
      smacks = true,
      noDelay = false,
      hiddenBrewery = false,
      users = [],
    } = this.#options;
    const folder = join(this.#folder, "certs");
    mkdirSync(folder);
    for (const [name, pem] of Object.entries(certificates ?? {})) {
      writeFileSync(join(folder, name), pem, { mode: 0o600 });
    }
    const tls = certificates !== undefined;
    const focus = `"focus@${this.authDomain}"`;
    const bridge = `"jvb@${this.authDomain}"`;
    writeFileSync(
      this.#configFile,
      `run_as_root = true
data_path = "${this.#folder}"
certificates = "${folder}"
log = { { levels = { min = "info" }, to = "console" } }
plugin_paths = {}
network_backend = "epoll"
network_settings = { nagle = ${!noDelay} }
interfaces = { "127.0.0.1" }
c2s_ports = { ${this.c2sPort} }
c2s_direct_tls_ports = {}
component_interfaces = { "127.0.0.1" }
component_ports = { ${this.componentPort} }
http_ports = {}
https_ports = {}
modules_enabled = { "disco", "saslauth", "ping", "version"${tls ? ', "tls"' : ""} }
modules_disabled = { "s2s", "offline", "register"${tls ? "" : ', "tls"'} }
c2s_require_encryption = ${requireEncryption === true}
c2s_stanza_size_limit = 1024 * 1024
component_stanza_size_limit = 1024 * 1024
allow_registration = false
storage = "internal"
admins = { ${hiddenBrewery ? "" : `${focus}, `}${bridge} }
VirtualHost "${this.domain}"
  authentication = "anonymous"
${users.length === 0 ? "" : `VirtualHost "${this.usersDomain}"\n  authentication = "internal_hashed"`}
VirtualHost "${this.authDomain}"
  authentication = "internal_hashed"
  modules_enabled = { ${smacks ? '"smacks"' : ""} }
  smacks_hibernation_time = ${hibernationSeconds}
Component "${this.mucDomain}" "muc"
${hiddenBrewery ? `  admins = { ${focus} }` : ""}
  storage = "memory"
  restrict_room_creation = true
  muc_room_locking = false
  muc_room_default_public_jids = true
  muc_room_default_history_length = 0
  muc_room_cache_size = 10000
  muc_tombstones = false
Component "internal.${this.authDomain}" "muc"
  storage = "memory"
  restrict_room_creation = ${!hiddenBrewery}
  muc_room_default_members_only = ${!hiddenBrewery}
  muc_room_locking = false
  muc_room_default_public_jids = ${!hiddenBrewery}
  muc_tombstones = false
Component "${this.componentDomain}"
  component_secret = "${this.componentSecret}"
`,
    );
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
