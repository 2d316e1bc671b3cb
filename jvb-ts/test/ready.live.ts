/**
 * How soon both programs serve HTTP after their start, and what they hold when idle, as an operator
 * starts them: through their launchers, logged in at a real Prosody, the focus after its rehearsal. The
 * figures are printed. And the bridge without its addon.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { endsWithUs } from "#shared/testing/ends-with-us";
import { freePort } from "#shared/testing/free-port";
import { Prosody } from "#shared/testing/prosody";

const root = new URL("../../", import.meta.url).pathname;
/** Starts of each; of the times the median counts, of the sizes the largest. */
const STARTS = 3;
/** From the login, which brings brewery and rehearsal, to when a program is called idle. */
const IDLE_MS = 4000;
const LOGIN_MS = 5000;

const programs = [
  {
    name: "jicofo-ts",
    readyMs: 1000,
    idleMb: 90,
    config: (port: number, { c2sPort, domain, authDomain }: Account) => `jicofo {
      xmpp.client {
        domain = ${authDomain}, xmpp-domain = ${domain}, hostname = "127.0.0.1", port = ${c2sPort}
        username = focus, password = focus
      }
      bridge.brewery-jid = "jvbbrewery@internal.${authDomain}"
      rest.port = ${port}
    }`,
  },
  {
    name: "jvb-ts",
    readyMs: 1500,
    idleMb: 120,
    config: (port: number, { c2sPort, authDomain }: Account) => `videobridge {
      http-servers.private.port = ${port}, apis.rest.enabled = true, ice.udp.port = 0
      apis.xmpp-client.configs.a {
        hostname = "127.0.0.1", port = ${c2sPort}, domain = ${authDomain}, username = jvb, password = jvb
        muc_jids = "jvbbrewery@internal.${authDomain}", muc_nickname = n
      }
    }
    ice4j.harvest.allowed-addresses = [ "127.0.0.1" ]`,
  },
];

interface Account {
  readonly c2sPort: number;
  readonly domain: string;
  readonly authDomain: string;
}
const nowhere: Account = { c2sPort: 1, domain: "x", authDomain: "auth.x" };

function launch(name: string, file: string, env: NodeJS.ProcessEnv = {}): ChildProcess {
  return endsWithUs(
    spawn(join(root, name, "bin", name), ["--config", file], {
      env: { PATH: process.env["PATH"], ...env },
      stdio: ["ignore", "pipe", "pipe"],
    }),
  );
}

async function end(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once("exit", resolve));
  if (child.kill("SIGTERM")) await gone;
}

describe("both programs as they are started", function () {
  this.timeout(120_000);
  let folder = "";
  let prosody: Prosody;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "ready-"));
    prosody = await Prosody.start();
  });
  after(async () => {
    rmSync(folder, { recursive: true });
    await prosody?.stop();
  });

  for (const { name, readyMs, idleMb, config } of programs) {
    it(`${name} is ready in ${readyMs / 1000} s and idles at ${idleMb} MB`, async () => {
      const port = await freePort();
      const file = join(folder, `${name}.conf`);
      writeFileSync(file, config(port, prosody));
      const ready: number[] = [];
      const idle: number[] = [];
      for (let n = 0; n < STARTS; n++) {
        const started = performance.now();
        const child = launch(name, file);
        let output = "";
        for (const stream of [child.stdout, child.stderr])
          stream?.on("data", (data: Buffer) => {
            output += data.toString();
          });
        const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
          while (!(await holds())) {
            if (performance.now() - started > LOGIN_MS) expect.fail(`not in time:\n${output}`);
            await sleep(10);
          }
        };
        try {
          await until(() => answers(port));
          ready.push(performance.now() - started);
          await until(() => /jvbbrewery@[^\n]*Joined/.test(output));
          await sleep(IDLE_MS);
          const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
          idle.push(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024);
        } finally {
          await end(child);
        }
      }
      ready.sort((one, other) => one - other);
      const median = ready[STARTS >> 1] ?? Number.NaN;
      const most = Math.max(...idle);
      const load = (loadavg()[0] ?? 0) / availableParallelism();
      const times = ready.map((ms) => Math.round(ms)).join(" ");
      console.log(
        `      ${name}: ${times} ms, ${most.toFixed(1)} MB, load ${load.toFixed(1)} a core`,
      );
      expect(median, "ms until HTTP answers, half of the starts").to.be.below(readyMs);
      expect(most, "MB when idle, the largest").to.be.at.most(idleMb);
    });
  }

  it("jvb-ts without its addon says in one line how to build it, and ends with 1", async () => {
    const file = join(folder, "none.conf");
    writeFileSync(file, programs[1]?.config(await freePort(), nowhere) ?? "");
    const child = launch("jvb-ts", file, { JVB_NATIVE: join(folder, "nosuch.node") });
    let stderr = "";
    child.stderr?.on("data", (data: Buffer) => {
      stderr += data.toString();
    });
    expect(await new Promise((resolve) => child.once("close", resolve))).to.equal(1);
    const lines = stderr.split("\n").filter((line) => /addon|Error|^\s+at /.test(line));
    expect(lines).to.have.length(1);
    expect(lines[0]).to.match(
      /SEVERE: .* native addon .*; build it: node jvb-ts\/native\/build\.mjs$/,
    );
  });
});

/** The routes are there. */
async function answers(port: number): Promise<boolean> {
  const reply = await fetch(`http://127.0.0.1:${port}/about/version`).catch(() => undefined);
  await reply?.arrayBuffer();
  return reply?.status === 200;
}
