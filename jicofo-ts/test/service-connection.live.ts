// Bridges on a server of their own (`jicofo.xmpp.service`), against two real Prosodys.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { Prosody } from "#shared/testing/prosody";
import { LiveBridge } from "./live/live-bridge.ts";
import { LiveClient } from "./live/live-client.ts";
import { until } from "./live/until.ts";

const main = new URL("../src/main.ts", import.meta.url).pathname;

describe("a focus whose bridges are on another server", function () {
  this.timeout(30_000);
  let users: Prosody;
  let bridges: Prosody;
  let bridge: LiveBridge;
  let focus: ChildProcess | undefined;
  let folder = "";
  let output = "";

  before(async () => {
    [users, bridges] = await Promise.all([Prosody.start(), Prosody.start()]);
    folder = mkdtempSync(join(tmpdir(), "jicofo-service-"));
    const account = (prosody: Prosody) =>
      `hostname = 127.0.0.1, port = ${prosody.c2sPort}, domain = ${prosody.authDomain}, password = focus`;
    writeFileSync(
      join(folder, "jicofo.conf"),
      `jicofo {
  xmpp.client { ${account(users)}, xmpp-domain = ${users.domain} }
  xmpp.service { enabled = true, ${account(bridges)} }
  bridge.brewery-jid = "jvbbrewery@internal.${bridges.authDomain}"
  rest.enabled = false
}
`,
    );
    const arguments_ = ["--conditions=source", main, "--config", join(folder, "jicofo.conf")];
    focus = spawn(process.execPath, arguments_, { stdio: ["ignore", "ignore", "pipe"] });
    focus.stderr?.on("data", (data: Buffer) => {
      output += data.toString();
    });
    bridge = new LiveBridge(bridges, "jvb1");
    await until(() => /jvbbrewery@[^\n]*Joined the room/.test(output));
    await bridge.start();
    await until(() => output.includes("Added bridge"));
  });
  after(async function () {
    if (this.currentTest?.state === "failed") console.error(output);
    focus?.kill("SIGKILL");
    await bridge?.stop();
    await Promise.all([users?.stop(), bridges?.stop()]);
    rmSync(folder, { recursive: true, force: true });
  });

  it("holds a call over both, and keeps it while the bridges' server restarts", async () => {
    const room = `service@${users.mucDomain}`;
    const a = new LiveClient(users, room, "aaaaaaaa");
    const b = new LiveClient(users, room, "bbbbbbbb");
    await Promise.all([a.login(), b.login()]);
    await a.askForConference();
    await Promise.all([a.join(), b.join()]);
    await until(() => a.othersKnown("bbbbbbbb") && b.othersKnown("aaaaaaaa"));
    const before = output.length;
    await bridges.down("SIGKILL");
    await bridges.up();
    await until(() => /jvbbrewery@.*Joined the room again/.test(output.slice(before)));
    const c = new LiveClient(users, room, "cccccccc");
    await c.login();
    await c.join();
    await until(() => c.invited);
    expect(bridge.endpoints(room)).to.have.members(["aaaaaaaa", "bbbbbbbb", "cccccccc"]);
    expect([a.invitations, b.invitations]).to.deep.equal([1, 1]);
    await Promise.all([a.stop(), b.stop(), c.stop()]);
  });
});
