/**
 * How soon both programs serve HTTP after their start, and what they hold when idle, as an operator
 * starts them: through their launchers. The figures are printed. And the bridge without its addon.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { freePort } from "#shared/testing/free-port";

const root = new URL("../../", import.meta.url).pathname;
/** Starts of each; the best counts: whatever else the machine does only ever adds. */
const STARTS = 3;
const IDLE_MS = 4000;

const programs = [
  {
    name: "jicofo-ts",
    readyMs: 1000,
    idleMb: 90,
    config: (port: number) => `jicofo {
      xmpp.client { domain = auth.x, xmpp-domain = x, hostname = "127.0.0.1", port = 1 }
      rest.port = ${port}
    }`,
  },
  {
    name: "jvb-ts",
    readyMs: 1500,
    idleMb: 120,
    config: (port: number) => `videobridge {
      http-servers.private.port = ${port}, apis.rest.enabled = true, ice.udp.port = 0
      apis.xmpp-client.configs.a {
        hostname = "127.0.0.1", port = 1, username = u, password = p, muc_jids = "a@b", muc_nickname = n
      }
    }
    ice4j.harvest.allowed-addresses = [ "127.0.0.1" ]`,
  },
];

function launch(name: string, file: string, env: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(join(root, name, "bin", name), ["--config", file], {
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function end(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once("exit", resolve));
  if (child.kill("SIGTERM")) await gone;
}

describe("both programs as they are started", function () {
  this.timeout(60_000);
  let folder = "";
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "ready-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  for (const { name, readyMs, idleMb, config } of programs) {
    it(`${name} is ready in ${readyMs / 1000} s and idles at ${idleMb} MB`, async () => {
      const port = await freePort();
      const file = join(folder, `${name}.conf`);
      writeFileSync(file, config(port));
      let ready = Number.POSITIVE_INFINITY;
      let idle = Number.POSITIVE_INFINITY;
      for (let n = 0; n < STARTS; n++) {
        const started = performance.now();
        const child = launch(name, file);
        for (const stream of [child.stdout, child.stderr]) stream?.resume();
        try {
          while ((await answers(port)) === false) {
            if (performance.now() - started > 10_000) expect.fail("no answer over HTTP");
            await sleep(10);
          }
          ready = Math.min(ready, performance.now() - started);
          if (n > 0) continue;
          await sleep(IDLE_MS);
          const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
          idle = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
        } finally {
          await end(child);
        }
      }
      const load = (loadavg()[0] ?? 0) / availableParallelism();
      const figures = `${Math.round(ready)} ms, ${idle.toFixed(1)} MB, load ${load.toFixed(1)} a core`;
      console.log(`      ${name}: ${figures}`);
      expect(ready, "ms until HTTP answers").to.be.below(readyMs);
      expect(idle, "MB when idle").to.be.at.most(idleMb);
    });
  }

  it("jvb-ts without its addon says in one line how to build it, and ends with 1", async () => {
    const file = join(folder, "none.conf");
    writeFileSync(file, programs[1]?.config(await freePort()) ?? "");
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
