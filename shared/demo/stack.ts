/**
 * Prosody, a focus and bridges as one: what `npm start` shows and what the tests with real pages
 * run against. Every program keeps to loopback but for the bridges' media port, which listens on
 * the addresses it is given.
 */
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ports } from "./ports.ts";
import { answers, Program } from "./program.ts";
import { guestDomain, prosody } from "./prosody.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

export interface StackOptions {
  /** State, logs and configurations; made when missing. */
  readonly folder: string;
  readonly bridges: number;
  /** Local addresses for media; undefined: all of the machine. */
  readonly mediaAddresses: readonly string[] | undefined;
  /** `HOST:PORT` at which pages reach the bridge channel; undefined offers no WebSocket. */
  readonly channelOrigin: { readonly host: string; readonly tls: boolean } | undefined;
  readonly sctp: boolean;
  /** Usual ports where free (demo), or any free ones (tests). */
  readonly usualPorts: boolean;
  readonly hibernationSeconds?: number;
  /** Gives the port at which a bridge logs in, for a relay before Prosody's. */
  readonly bridgeLogin?: (bridge: string, c2sPort: number) => Promise<number>;
  readonly say?: (text: string) => void;
  /** A program ended by itself; `name` is that of the program. */
  readonly onExit?: (description: string, name: string) => void;
  /** Accounts at the auth domain beside `focus` and `jvb`. */
  readonly accounts?: readonly string[];
  /**
   * Names of people with an account: only they can open rooms, everybody else is a guest who waits
   * for them. Undefined: rooms are open.
   */
  readonly people?: readonly string[] | undefined;
  /** More HOCON for the focus and the bridges. */
  readonly focusConfig?: string;
  readonly bridgeConfig?: string;
}

export interface Bridge {
  readonly name: string;
  readonly program: Program;
  /** Its configuration. */
  readonly file: string;
  readonly mediaPort: number;
  /** Port of the public HTTP server (`/colibri-ws`). */
  readonly publicPort: number;
  /** Port of the private HTTP server. */
  readonly privatePort: number;
}

export interface Stack {
  readonly domain: string;
  readonly prosody: Program;
  /** Port for clients over plain TCP, on which our programs log in. */
  readonly c2sPort: number;
  /** Passwords of the accounts at the auth domain. */
  readonly passwords: Readonly<Record<string, string>>;
  /** Passwords of `people`, at the main domain. */
  readonly peoplesPasswords: Readonly<Record<string, string>>;
  /** Where guests log in, when that is not the main domain. */
  readonly anonymousDomain: string | undefined;
  /** Port of Prosody's WebSocket. */
  readonly xmppHttpPort: number;
  readonly focus: Program;
  /** The focus' configuration. */
  readonly focusFile: string;
  readonly focusPort: number;
  readonly bridges: readonly Bridge[];
  /** Starts all of it; bridges and focus side by side. Returns milliseconds by program. */
  start(): Promise<ReadonlyMap<string, number>>;
  /** Ends all of it, the last started first. */
  stop(): Promise<void>;
}

/** Passwords that outlive a run, since Prosody keeps the accounts. */
function passwords(folder: string, names: readonly string[], bytes = 16): Record<string, string> {
  const file = join(folder, bytes === 16 ? "passwords.json" : "people.json");
  const known = existsSync(file)
    ? (JSON.parse(readFileSync(file, "utf8")) as Record<string, string>)
    : {};
  const all = Object.fromEntries(
    names.map((name) => [name, known[name] ?? randomBytes(bytes).toString("hex")]),
  );
  writePrivate(file, JSON.stringify(all));
  return all;
}

/** For passwords: readable by the owner only, also where an earlier run left the file open to all. */
function writePrivate(file: string, text: string): void {
  if (existsSync(file)) chmodSync(file, 0o600);
  writeFileSync(file, text, { mode: 0o600 });
}

const quoted = (values: readonly string[]) =>
  `[ ${values.map((value) => JSON.stringify(value)).join(", ")} ]`;

export async function createStack(options: StackOptions): Promise<Stack> {
  const { folder } = options;
  const domain = "meet.demo";
  mkdirSync(folder, { recursive: true });
  const ports = new Ports(options.say);
  const usual = (port: number) => (options.usualPorts ? port : 0);
  const c2sPort = await ports.take("XMPP", "tcp", usual(5222));
  const xmppHttpPort = await ports.take("XMPP WebSocket", "tcp", usual(5280));
  const focusPort = await ports.take("focus HTTP", "tcp", usual(8888));
  const accounts = passwords(folder, ["focus", "jvb", ...(options.accounts ?? [])]);
  // Short enough to type: it is a demo, on this machine.
  const people = options.people && passwords(folder, options.people, 4);
  const { onExit } = options;
  const exit = (name: string) =>
    onExit === undefined ? {} : { onExit: (description: string) => onExit(description, name) };

  const xmpp = prosody({
    folder: join(folder, "prosody"),
    domain,
    c2sPort,
    httpPort: xmppHttpPort,
    accounts,
    people,
    ...(options.hibernationSeconds === undefined
      ? {}
      : { hibernationSeconds: options.hibernationSeconds }),
    ...exit("prosody"),
  });

  const focusFile = join(folder, "jicofo.conf");
  writePrivate(
    focusFile,
    `jicofo {
  xmpp.client {
    hostname = "127.0.0.1"
    port = ${c2sPort}
    domain = "auth.${domain}"
    xmpp-domain = "${domain}"
    username = "focus"
    password = "${accounts["focus"]}"
    conference-muc-jid = "conference.${domain}"
    disable-certificate-verification = true
  }
  bridge.brewery-jid = "JvbBrewery@internal.auth.${domain}"${
    people === undefined
      ? ""
      : `\n  authentication { enabled = true, type = XMPP, login-url = "${domain}" }`
  }
  sctp.enabled = ${options.sctp}
  // COMPAT(client): the npm library cannot choose VP8 where AV1 is offered first, and has no
  // simulcast with AV1.
  codec.video.av1.enabled = false
  rest { host = "127.0.0.1", port = ${focusPort} }
}
${options.focusConfig ?? ""}
`,
  );
  const focus = new Program({
    name: "jicofo-ts",
    command: join(root, "jicofo-ts/bin/jicofo-ts"),
    args: ["--config", focusFile],
    logFile: join(folder, "jicofo-ts.log"),
    pidFile: join(folder, "jicofo-ts.pid"),
    ready: () => answers(`http://127.0.0.1:${focusPort}/about/version`),
    ...exit("jicofo-ts"),
  });

  const bridges: Bridge[] = [];
  for (let index = 1; index <= options.bridges; index++) {
    const name = `jvb${index}`;
    const mediaHost = options.mediaAddresses?.[0] ?? "0.0.0.0";
    const mediaPort = await ports.take(`media of ${name}`, "udp", usual(9999 + index), mediaHost);
    const publicPort = await ports.take(`bridge channel of ${name}`, "tcp", usual(9089 + index));
    const privatePort = await ports.take(`HTTP of ${name}`, "tcp", usual(8079 + index));
    const file = join(folder, `${name}.conf`);
    const channel = options.channelOrigin;
    const loginPort = (await options.bridgeLogin?.(name, c2sPort)) ?? c2sPort;
    writePrivate(
      file,
      `videobridge {
  apis {
    xmpp-client {
      presence-interval = 5 seconds
      configs.demo {
        hostname = "127.0.0.1"
        port = ${loginPort}
        domain = "auth.${domain}"
        username = "jvb"
        password = "${accounts["jvb"]}"
        muc_jids = "JvbBrewery@internal.auth.${domain}"
        muc_nickname = "${name}"
        disable_certificate_verification = true
      }
    }
    rest.enabled = true
  }
  http-servers {
    public { host = "127.0.0.1", port = ${publicPort} }
    private { host = "127.0.0.1", port = ${privatePort} }
  }
  websockets {
    enabled = ${channel !== undefined}
    server-id = "${name}"${channel === undefined ? "" : `\n    domains = [ "${channel.host}" ]\n    tls = ${channel.tls}`}
  }
  sctp.enabled = ${options.sctp}
  health.require-valid-address = false
  ice.udp.port = ${mediaPort}
}
ice4j.harvest {
  mapping { aws.enabled = false, stun.enabled = false, static-mappings = [] }${
    options.mediaAddresses === undefined
      ? ""
      : `\n  allowed-addresses = ${quoted(options.mediaAddresses)}`
  }
}
${options.bridgeConfig ?? ""}
`,
    );
    const program = new Program({
      name,
      command: join(root, "jvb-ts/bin/jvb-ts"),
      args: ["--config", file],
      logFile: join(folder, `${name}.log`),
      pidFile: join(folder, `${name}.pid`),
      ready: () => answers(`http://127.0.0.1:${privatePort}/about/health`),
      ...exit(name),
    });
    bridges.push({ name, program, file, mediaPort, publicPort, privatePort });
  }

  return {
    domain,
    prosody: xmpp,
    c2sPort,
    passwords: accounts,
    peoplesPasswords: people ?? {},
    anonymousDomain: people && guestDomain(domain),
    xmppHttpPort,
    focus,
    focusFile,
    focusPort,
    bridges,
    async start() {
      const times = new Map<string, number>();
      const timed = async (program: Program) => times.set(program.name, await program.start());
      await timed(xmpp);
      await Promise.all([focus, ...bridges.map((bridge) => bridge.program)].map(timed));
      return times;
    },
    async stop() {
      await Promise.all(bridges.map((bridge) => bridge.program.stop()));
      await focus.stop();
      await xmpp.stop();
    },
  };
}
