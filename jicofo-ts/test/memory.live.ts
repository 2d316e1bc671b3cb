/** What a rush took is given back (spec benchmarks-and-faults G, I4). */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { expectMemoryReturned } from "#shared/testing/memory-expectations";
import { Prosody } from "#shared/testing/prosody";
import { LiveFocus } from "./live/live-focus.ts";

/** 1 in `npm test`, more in `npm run test:full`. */
const scale = Number(process.env["ABUSE_SCALE"] ?? "1");
/** Asked for, and opened, at the same time. */
const AT_ONCE = 50;

describe("memory of a focus", function () {
  this.timeout(90_000 + 30_000 * scale);
  let prosody: Prosody | undefined;
  let focus: LiveFocus | undefined;

  after(async () => {
    await focus?.stop();
    await prosody?.stop();
  });

  it("E10 I4: rooms that nobody enters and sockets on which nothing is said", async () => {
    const server = await Prosody.start();
    prosody = server;
    const running = await LiveFocus.start(server, "jicofo.conference.initial-timeout = 3 seconds");
    focus = running;
    await sleep(1_000);
    const before = running.program.memoryKb;
    for (let at = 0; at < 500 * scale; at += AT_ONCE) {
      const asked = Array.from({ length: AT_ONCE }, (_, i) =>
        fetch(`http://127.0.0.1:${running.httpPort}/conference-request/v1`, {
          method: "POST",
          headers: { "Content-Type": "application/json", Connection: "close" },
          body: JSON.stringify({ room: `idle${at + i}@${server.mucDomain}` }),
        }),
      );
      const statuses = (await Promise.all(asked)).map(({ status }) => status);
      expect(new Set(statuses)).to.deep.equal(new Set([200]));
    }
    const sockets: Socket[] = [];
    while (sockets.length < 1_000 * scale) {
      const opened = Array.from({ length: AT_ONCE }, () => connect(running.httpPort, "127.0.0.1"));
      await Promise.all(opened.map((socket) => once(socket, "connect")));
      for (const socket of opened) socket.on("error", () => undefined);
      sockets.push(...opened);
    }
    for (const socket of sockets) socket.destroy();
    await expectMemoryReturned(running.program, before);
    expect(running.output).to.not.match(/Bug|Uncaught|SEVERE/);
  });
});
