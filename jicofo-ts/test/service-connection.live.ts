// Bridges on a server of their own (`jicofo.xmpp.service`), against two real Prosodys.
import { expect } from "chai";
import { Prosody } from "#shared/testing/prosody";
import { until } from "#shared/testing/until";
import { LiveBridge } from "./live/live-bridge.ts";
import { LiveClient } from "./live/live-client.ts";
import { LiveFocus } from "./live/live-focus.ts";

describe("a focus whose bridges are on another server", function () {
  this.timeout(30_000);
  let users: Prosody;
  let bridges: Prosody;
  let bridge: LiveBridge;
  let focus: LiveFocus;

  before(async () => {
    [users, bridges] = await Promise.all([Prosody.start(), Prosody.start()]);
    focus = await LiveFocus.start(
      users,
      `jicofo {
  xmpp.service {
    enabled = true, hostname = 127.0.0.1, port = ${bridges.c2sPort}, domain = ${bridges.authDomain}
    username = focus, password = focus
  }
}`,
    );
    bridge = new LiveBridge(bridges, "jvb1");
    await bridge.start();
    await until(async () => (await focus.bridges()).includes("jvb1"));
  });
  after(async function () {
    if (this.currentTest?.state === "failed") console.error(focus.output);
    await focus?.stop();
    await bridge?.stop();
    await Promise.all([users?.stop(), bridges?.stop()]);
  });

  it("holds a call over both, and keeps it while the bridges' server restarts", async () => {
    const room = `service@${users.mucDomain}`;
    const a = new LiveClient(users, room, "aaaaaaaa");
    const b = new LiveClient(users, room, "bbbbbbbb");
    await Promise.all([a.login(), b.login()]);
    await a.askForConference();
    await Promise.all([a.join(), b.join()]);
    await until(() => a.othersKnown("bbbbbbbb") && b.othersKnown("aaaaaaaa"));
    const before = focus.output.length;
    await bridges.down("SIGKILL");
    await bridges.up();
    await until(() => /jvbbrewery@.*Joined the room again/.test(focus.output.slice(before)));
    const c = new LiveClient(users, room, "cccccccc");
    await c.login();
    await c.join();
    await until(() => c.invited);
    expect(bridge.endpoints(room)).to.have.members(["aaaaaaaa", "bbbbbbbb", "cccccccc"]);
    expect([a.invitations, b.invitations]).to.deep.equal([1, 1]);
    await Promise.all([a.stop(), b.stop(), c.stop()]);
  });
});
