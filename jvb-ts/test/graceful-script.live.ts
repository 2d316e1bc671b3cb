/**
 * A faithful fixture of the script with which upstream's package ends the bridge in order
 * (packaging-and-operations A5). The script itself is not at hand and its text is not ours to copy, so this
 * one takes the same steps with the same tools: options -h and -s, the process found in the list by
 * "java" and the name of upstream's jar, curl for the wish with the text "true" and anything but 200
 * as a failure, jq for `participants` minus `octo_endpoints`, which fails where one is missing, and
 * the folder of the process watched until it is gone. Only its pauses are shorter, and it tells the
 * bridges of other tests apart. Needs the launcher of a finished set-up, curl and jq.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { endsWithUs } from "#shared/testing/ends-with-us";
import { freePort } from "#shared/testing/free-port";

const launcher = new URL("../bin/jvb-ts", import.meta.url).pathname;

/** `ONLY`: what else the command line holds; `PAUSE`: seconds between two looks, 10 in the original. */
const script = String.raw`
base=http://localhost:8080
silent=
while getopts h:s option; do
  case $option in
    h) base=$OPTARG ;;
    s) silent=1 ;;
    *) exit 1 ;;
  esac
done
say() { [ -n "$silent" ] || echo "$@"; }
pid=$(ps -eo pid,args | grep java | grep jitsi-videobridge.jar | grep "$ONLY" | grep -v "grep\|sh -c" |
  awk '{ print $1 }')
say "pid $pid"
status=$(curl -s -o /dev/null -w '%{http_code}' -H 'Content-Type: application/json'   -d '{"graceful-shutdown":"true"}' "$base/colibri/shutdown")
[ "$status" = 200 ] || { say "refused with $status"; exit 1; }
while stats=$(curl -s -f "$base/colibri/stats"); do
  left=$(echo "$stats" | jq '.participants - .octo_endpoints') || exit 4
  say "left $left"
  [ "$left" -gt 0 ] || break
  sleep "$PAUSE"
done
while [ -d "/proc/$pid" ]; do sleep "$PAUSE"; done
say gone
`;

/** What upstream's package depends on for its script and this machine may lack. */
const missing = ["curl", "jq"].filter((tool) => spawnSync(tool, ["--version"]).error !== undefined);

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
    bridge = endsWithUs(
      spawn(launcher, ["--config", join(folder, "jvb.conf")], { stdio: "ignore" }),
    );
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

  it("waits for the last participant, and ends when the process has", async function () {
    if (missing.length > 0) {
      console.log(`      skipped: ${missing.join(" and ")} not installed`);
      this.skip();
    }
    const endpoint = {
      id: "aaaa1111",
      create: true,
      capabilities: ["source-names"],
      transport: { "ice-controlling": true },
    };
    const created = await conferences({ "meeting-id": "m", create: true, endpoints: [endpoint] });
    expect(created.status).to.equal(200);
    const running = spawn("sh", ["-c", script, "graceful", "-h", base], {
      env: { ...process.env, ONLY: folder, PAUSE: "0.2" },
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
