/** The focuses that are compared, each started as its package starts it, on the same configuration. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePort } from "#shared/testing/free-port";
import { Program } from "../../shared/demo/program.ts";
import { pinned } from "./generator-process.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

export type FocusName = "ours" | "java";

/** Where a focus logs in. */
export interface FocusPlace {
  readonly port: number;
  readonly domain: string;
  readonly authDomain: string;
  readonly mucDomain: string;
}

function configuration(place: FocusPlace, httpPort: number): string {
  const { port, domain, authDomain, mucDomain } = place;
  return `jicofo {
  sctp { enabled = false }
  xmpp.client {
    enabled = true, hostname = "127.0.0.1", port = ${port}
    domain = "${authDomain}", xmpp-domain = "${domain}"
    username = "focus", password = "focus"
    conference-muc-jid = "${mucDomain}"
    disable-certificate-verification = true
  }
  octo { enabled = false }
  bridge { brewery-jid = "jvbbrewery@internal.${authDomain}" }
  rest { port = ${httpPort}, host = "127.0.0.1" }
}
`;
}

/** The command line, or why this contender cannot run here. */
function commandOf(
  name: FocusName,
  config: string,
): readonly string[] | { readonly notMeasured: string } {
  if (name === "ours") {
    return existsSync(join(root, "dist/jicofo-ts/main.mjs"))
      ? [join(root, "jicofo-ts/bin/jicofo-ts"), "--config", config]
      : { notMeasured: "the bundles are not built: npm run setup" };
  }
  const upstream = process.env["JITSI_UPSTREAM"];
  const jars =
    upstream === undefined
      ? ["/usr/share/jicofo/jicofo.jar", "/usr/share/jicofo/lib/*"]
      : [
          ...["jicofo", "jicofo-selector", "jicofo-common"].map(
            (jar) => `${upstream}/jicofo/${jar}-1.1-SNAPSHOT.jar`,
          ),
          `${upstream}/jicofo/all.jar`,
        ];
  if (!existsSync(jars[0] ?? ""))
    return { notMeasured: "no Java focus: JITSI_UPSTREAM is not set, and no package is installed" };
  const logging =
    upstream === undefined ? "/etc/jitsi/jicofo/logging.properties" : `${upstream}/log.properties`;
  return [
    "java",
    // As upstream's starter.
    "-Xmx3072m",
    `-Dconfig.file=${config}`,
    `-Djava.util.logging.config.file=${logging}`,
    "-cp",
    jars.join(":"),
    "org.jitsi.jicofo.Main",
  ];
}

/** The option, beside those of whoever starts the benchmark: its profiler comes that way. */
const nodeOptions = (option: string): string =>
  `${process.env["NODE_OPTIONS"] ?? ""} ${option}`.trim();

/** One life of a focus. */
export class RunningFocus {
  readonly name: FocusName;
  /** Of the Node inspector, closed until asked for; nobody listens there for Java. */
  readonly inspectPort: number;
  readonly httpPort: number;
  readonly #folder: string;
  readonly #program: Program;

  private constructor(
    name: FocusName,
    command: readonly string[],
    folder: string,
    ports: readonly [number, number],
    core: number | undefined,
  ) {
    this.name = name;
    this.#folder = folder;
    [this.httpPort, this.inspectPort] = ports;
    const [program = "", ...args] = pinned(core, command);
    this.#program = new Program({
      name: `focus (${name})`,
      command: program,
      args,
      logFile: join(folder, "focus.log"),
      ...(name === "ours"
        ? { env: { NODE_OPTIONS: nodeOptions(`--inspect-port=127.0.0.1:${this.inspectPort}`) } }
        : {}),
      ready: () => this.#bridges().then((count) => count > 0),
      readyWithinMs: 60_000,
    });
  }

  /** Starts it and waits until it knows the bridges, which must be in the brewery already. */
  static async start(
    name: FocusName,
    place: FocusPlace,
    bridges: number,
    core: number | undefined,
  ): Promise<RunningFocus | { readonly notMeasured: string }> {
    const folder = mkdtempSync(join(tmpdir(), "focus-bench-"));
    const config = join(folder, "jicofo.conf");
    const command = commandOf(name, config);
    if ("notMeasured" in command) {
      rmSync(folder, { recursive: true });
      return command;
    }
    const ports = [await freePort(), await freePort()] as const;
    writeFileSync(config, configuration(place, ports[0]));
    const focus = new RunningFocus(name, command, folder, ports, core);
    await focus.#program.start();
    for (let tries = 0; tries < 400 && (await focus.#bridges()) < bridges; tries++) await sleep(25);
    // What a start leaves to do is done by itself.
    await sleep(500);
    return focus;
  }

  get pid(): number {
    return this.#program.pid ?? 0;
  }

  /** As it says itself. */
  async version(): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${this.httpPort}/about/version`);
    const { name, version } = (await response.json()) as Record<string, string>;
    return `${name} ${version}`;
  }

  async stop(): Promise<void> {
    await this.#program.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #bridges(): Promise<number> {
    try {
      const response = await fetch(`http://127.0.0.1:${this.httpPort}/stats`, {
        signal: AbortSignal.timeout(1_000),
      });
      const stats = (await response.json()) as {
        bridge_selector?: { operational_bridge_count?: number };
      };
      return stats.bridge_selector?.operational_bridge_count ?? 0;
    } catch {
      return 0;
    }
  }
}
