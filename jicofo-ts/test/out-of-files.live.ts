/** A focus without descriptors left (spec G.2 R20): calls go on, and so does it when there are some. */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { Prosody } from "#shared/testing/prosody";
import { until } from "#shared/testing/until";
import { LiveBridge } from "./live/live-bridge.ts";
import { LiveClient } from "./live/live-client.ts";
import { LiveFocus } from "./live/live-focus.ts";

describe("a focus out of file descriptors (R20)", function () {
  this.timeout(60_000);
  let prosody: Prosody | undefined;
  let focus: LiveFocus | undefined;
  let bridge: LiveBridge | undefined;
  const clients: LiveClient[] = [];

  after(async () => {
    await Promise.all(clients.map((client) => client.stop()));
    await bridge?.stop();
    await focus?.stop();
    await prosody?.stop();
  });

  it("R20: invites whoever comes meanwhile, says so briefly, and answers HTTP again afterwards", async () => {
    const server = await Prosody.start({ hibernationSeconds: 5 });
    prosody = server;
    const running = await LiveFocus.start(server);
    focus = running;
    const { c2sPort, domain, authDomain } = server;
    bridge = new LiveBridge({ c2sPort, domain, authDomain }, "jvb1");
    await bridge.start();
    await until(async () => (await running.bridges()).length === 1);
    const call = async (room: string, ...nicks: string[]): Promise<LiveClient[]> => {
      const joined: LiveClient[] = [];
      for (const nick of nicks) {
        const client = new LiveClient(server, `${room}@${server.mucDomain}`, nick);
        clients.push(client);
        joined.push(client);
        await client.login();
        expect((await client.askForConference()).ready).to.equal(true);
        await client.join();
      }
      await until(() => joined.every(({ invitations }) => invitations === 1));
      return joined;
    };
    const first = await call("before", "ada", "bob");

    const open = readdirSync(`/proc/${running.pid}/fd`).length;
    const limit = String(open + 5);
    spawnSync("prlimit", ["--pid", String(running.pid), `--nofile=${limit}:${limit}`]);
    const said = running.output.length;
    const sockets: Socket[] = [];
    for (let i = 0; i < 60; i++) {
      const socket = connect(running.httpPort, "127.0.0.1");
      socket.on("error", () => undefined);
      sockets.push(socket);
    }
    await sleep(1_000);
    expect(readdirSync(`/proc/${running.pid}/fd`).length, "none is left").to.be.at.least(
      Number(limit),
    );
    const during = await call("during", "cyd", "dan");
    await sleep(2_000);
    const lines = running.output.slice(said).split("\n");

    for (const socket of sockets) socket.destroy();
    await until(async () => {
      const reply = await fetch(`http://127.0.0.1:${running.httpPort}/about/version`).catch(
        () => undefined,
      );
      return reply?.status === 200;
    });
    const after = await call("after", "eve", "fay");
    const invitations = [...first, ...during, ...after].map((client) => client.invitations);
    expect(invitations).to.deep.equal([1, 1, 1, 1, 1, 1]);
    expect(lines.length, lines.join("\n")).to.be.below(100);
    expect(running.output).to.not.match(/Bug|Uncaught|SEVERE/);
  });
});
