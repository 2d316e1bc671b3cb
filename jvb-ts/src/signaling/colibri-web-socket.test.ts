/** Upgrades that wait for their worker, on virtual time; frames and closes are in the live tests. */
import type { IncomingMessage } from "node:http";
import { PassThrough } from "node:stream";
import { expect } from "chai";
import type { HttpServer, UpgradeHandler } from "#shared/http/server";
import { recordingLogger } from "#shared/testing/recording-logger";
import { VirtualRuntime } from "#shared/testing/virtual-runtime";
import type { ToWorker } from "../worker-messages.ts";
import { ColibriWebSockets } from "./colibri-web-socket.ts";

const password = "0123456789abcdefghijABCD";

class Door {
  readonly runtime = new VirtualRuntime();
  readonly asked: ToWorker[] = [];
  readonly sockets: ColibriWebSockets;
  #upgrade: UpgradeHandler | undefined;

  constructor() {
    this.sockets = new ColibriWebSockets({
      serverId: "jvb1",
      compression: false,
      pings: true,
      pingIntervalMs: 15_000,
      idleTimeoutMs: 60_000,
      runtime: this.runtime,
      log: recordingLogger(),
      toConference: (conference, message) => {
        this.asked.push(message);
        return conference === "c0ffee";
      },
      count: () => {},
    });
    const server = {
      route: () => {},
      upgrade: (pattern: string, handler: UpgradeHandler) => {
        if (pattern.startsWith("/colibri-ws/")) this.#upgrade = handler;
      },
    } satisfies Pick<HttpServer, "route" | "upgrade">;
    this.sockets.addTo(server);
  }

  /** What is answered, now or later. */
  knock(rest: string, query = `?pwd=${password}`): () => string {
    const socket = new PassThrough();
    const request = { url: `/colibri-ws/${rest}${query}`, headers: {} } as IncomingMessage;
    this.#upgrade?.(request, { rest }, socket, Buffer.alloc(0));
    let answer = "";
    return () => {
      answer += String(socket.read() ?? "");
      return answer.split("\r\n", 1)[0] ?? "";
    };
  }
}

describe("WebSocket upgrades", () => {
  for (const [name, rest, query, answer] of [
    ["another server", "jvb2/c0ffee/aaaa1111", undefined, "HTTP/1.1 404 server ID mismatch"],
    ["too short a path", "jvb1/c0ffee", undefined, "HTTP/1.1 404 invalid path"],
    [
      "an unknown conference",
      "jvb1/other/aaaa1111",
      undefined,
      "HTTP/1.1 403 authentication failed",
    ],
    ["no password", "jvb1/c0ffee/aaaa1111", "", "HTTP/1.1 403 authentication failed"],
  ] as const) {
    it(`A3 refuses ${name}`, () => {
      expect(new Door().knock(rest, query)()).to.equal(answer);
    });
  }

  it("A3 asks no worker about a password that no endpoint can have", () => {
    const door = new Door();
    expect(door.knock("jvb1/c0ffee/aaaa1111", "?pwd=guess")()).to.include(" 403 ");
    expect(door.asked).to.deep.equal([]);
  });

  it("A3 lets two thousand wait for their verdict, for ten seconds", () => {
    const door = new Door();
    const waiting = Array.from({ length: 2000 }, () => door.knock("jvb1/c0ffee/aaaa1111"));
    expect(door.knock("jvb1/c0ffee/aaaa1111")()).to.equal("HTTP/1.1 503 busy");
    expect(door.asked.length).to.equal(2000);
    door.sockets.handle({ kind: "channelVerdict", socket: 1, accepted: false });
    expect(waiting[0]?.()).to.equal("HTTP/1.1 403 authentication failed");
    door.runtime.advance(10_000);
    expect(waiting[1]?.()).to.equal("HTTP/1.1 503 no answer");
    const again = door.knock("jvb1/c0ffee/aaaa1111");
    expect(again()).to.equal("");
    door.sockets.handle({ kind: "channelVerdict", socket: 2001, accepted: false });
    expect(again()).to.equal("HTTP/1.1 403 authentication failed");
  });
});
