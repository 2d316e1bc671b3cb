/**
 * An operator's script that ends the bridge in order, as the one upstream packages does
 * (packaging-and-operations A5): it finds the process in the process list by "java" and the name of
 * upstream's jar, posts the wish with the text "true", polls the statistics while participants
 * remain and then waits for the process to be gone. Starts the program by its launcher, so it needs
 * a finished set-up.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { freePort } from "#shared/testing/free-port";

const launcher = new URL("../bin/jvb-ts", import.meta.url).pathname;

/** `$1`: base URL, `$2`: what else the command line holds, since tests run beside each other. */
const script = `
ask() { "$NODE" -e 'fetch(process.argv[1], { method: process.argv[2], body: process.argv[3],
  headers: { "Content-Type": "application/json" } }).then(async (reply) => {
    console.log(await reply.text()); process.exit(reply.status === 200 ? 0 : 1) },
    () => process.exit(2))' "$@"; }
number() { sed -n 's/.*"'"$1"'":\\([0-9][0-9]*\\).*/\\1/p'; }
pid=$(ps -eo pid,args | grep java | grep jitsi-videobridge.jar | grep "$2" | grep -v "grep\\|sh -c" |
  awk '{ print $1 }')
[ -n "$pid" ] || { echo "no process"; exit 3; }
echo "pid $pid"
ask "$1/colibri/shutdown" POST '{"graceful-shutdown":"true"}' || exit 1
while stats=$(ask "$1/colibri/stats" GET); do
  left=$(($(echo "$stats" | number participants) - $(echo "$stats" | number octo_endpoints)))
  echo "left $left"
  [ "$left" -gt 0 ] || break
  sleep 0.3
done
while [ -d "/proc/$pid" ]; do sleep 0.1; done
echo gone
`;

describe("the packaged graceful-shutdown script", function () {
  this.timeout(30_000);
  let folder = "";
  let base = "";
  let bridge: ChildProcess;
  let ended: Promise<number | null>;

  const conferences = (body: unknown, path = "", method = "POST") =>
    fetch(`${base}/colibri/v2/conferences${path}`, {
      method,
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "jvb-graceful-"));
    const port = await freePort();
    base = `http://127.0.0.1:${port}`;
    writeFileSync(
      join(folder, "jvb.conf"),
      `videobridge {
        http-servers { private.port = ${port}, public.port = -1 }
        apis.rest.enabled = true
        rest.shutdown.enabled = true
        shutdown.shutting-down-delay = 500 ms
        ice.udp.port = 0
      }
      ice4j.harvest.allowed-addresses = [ "127.0.0.1" ]`,
    );
    bridge = spawn(launcher, ["--config", join(folder, "jvb.conf")], { stdio: "ignore" });
    ended = new Promise((resolve) => bridge.once("exit", resolve));
    for (let tries = 0; tries < 200; tries++) {
      if ((await fetch(`${base}/about/version`).catch(() => undefined))?.status === 200) return;
      await sleep(50);
    }
    throw new Error("the bridge does not start");
  });
  after(() => {
    bridge.kill("SIGKILL");
    rmSync(folder, { recursive: true });
  });

  it("waits for the last participant, and ends when the process has", async () => {
    const endpoint = {
      id: "aaaa1111",
      create: true,
      capabilities: ["source-names"],
      transport: { "ice-controlling": true },
    };
    const created = await conferences({ "meeting-id": "m", create: true, endpoints: [endpoint] });
    expect(created.status).to.equal(200);
    const running = spawn("sh", ["-c", script, "graceful", base, folder], {
      env: { ...process.env, NODE: process.execPath },
    });
    let said = "";
    running.stdout.on("data", (data: Buffer) => {
      said += data.toString();
    });
    const status = new Promise((resolve) => running.once("exit", resolve));
    for (let tries = 0; tries < 100 && !said.includes("left 1"); tries++) await sleep(50);
    expect(said).to.include(`pid ${bridge.pid}\n`).and.to.include("left 1\n");
    const another = await conferences({ "meeting-id": "n", create: true });
    expect(another.status).to.equal(400);
    expect((await conferences({ expire: true }, "/m", "PATCH")).status).to.equal(200);
    expect(await status).to.equal(0);
    expect(said).to.match(/gone\n$/);
    expect(await ended).to.equal(0);
  });
});
