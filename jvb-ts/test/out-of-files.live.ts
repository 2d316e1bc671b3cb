/** A bridge without descriptors left (spec G.2 R20): it waits, and goes on when there are some. */
import { spawnSync } from "node:child_process";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { RunningBridge } from "./running-bridge.ts";

describe("a bridge out of file descriptors (R20)", function () {
  this.timeout(30_000);
  let bridge: RunningBridge | undefined;
  after(() => bridge?.stop());

  it("R20: lives on, says so briefly, and answers again afterwards", async () => {
    const running = await RunningBridge.start();
    bridge = running;
    await running.stats();
    const limit = String(running.program.openFiles + 5);
    spawnSync("prlimit", ["--pid", String(running.program.pid), `--nofile=${limit}:${limit}`]);
    const port = Number(new URL(running.base).port);
    const sockets: Socket[] = [];
    for (let i = 0; i < 60; i++) {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => undefined);
      sockets.push(socket);
    }
    await sleep(3000);
    expect(running.program.isRunning).to.equal(true);
    const said = running.output.split("\n").length;
    for (const socket of sockets) socket.destroy();
    await running.until(async () => {
      const reply = await fetch(`${running.base}/about/health`).catch(() => undefined);
      return reply?.status === 200;
    });
    const create = { create: true, name: "room@conference.example" };
    const endpoint = {
      id: "aaaa1111",
      create: true,
      capabilities: ["source-names"],
      transport: { "ice-controlling": true },
    };
    const made = await running.colibri("m-1", { ...create, endpoints: [endpoint] }, "POST");
    expect(made.endpoints).to.have.length(1);
    expect(said, running.output).to.be.below(100);
    expect(running.output).to.not.match(/Bug|Uncaught/);
    await running.colibri("m-1", { expire: true });
    await running.expectAtRest();
  });
});
