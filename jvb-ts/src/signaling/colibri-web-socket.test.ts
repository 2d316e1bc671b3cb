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
  readonly log = recordingLogger();
  readonly counted: string[] = [];
  #upgrade: UpgradeHandler | undefined;

  constructor() {
    this.sockets = new ColibriWebSockets({
      serverId: "jvb1",
      compression: false,
      pings: true,
      pingIntervalMs: 15_000,
      idleTimeoutMs: 60_000,
      runtime: this.runtime,
      log: this.log,
      toConference: (conference, message) => {
        this.asked.push(message);
        return conference === "c0ffee";
      },
      count: (counter) => this.counted.push(counter),
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
  knock(rest: string, query = `?pwd=${password}`, remoteAddress = "192.0.2.7"): () => string {
    const socket = new PassThrough();
    const url = `/colibri-ws/${rest}${query}`;
    const request = { url, headers: {}, socket: { remoteAddress } } as IncomingMessage;
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

  it("A3 A7 counts each guess and says it once a minute, with conference, endpoint and address", () => {
    const door = new Door();
    const guess = (rest: string, query?: string, from?: string): void => {
      door.knock(rest, query, from);
    };
    for (let n = 0; n < 2000; n++) guess("jvb1/c0ffee/aaaa1111", `?pwd=${n}`);
    const said = {
      level: "warn",
      message: "Bridge channel refused: authentication failed",
      context: { conf: "c0ffee", endpoint: "aaaa1111", address: "192.0.2.7" },
    };
    const lines = () =>
      door.log.lines.map(({ level, message, context }) => ({ level, message, context }));
    expect(lines()).to.deep.equal([said]);
    expect(door.counted.length).to.equal(2000);
    expect(new Set(door.counted)).to.deep.equal(new Set(["colibri_web_socket_refused"]));
    // A password that a worker refuses is the same.
    door.runtime.advance(60_000);
    door.knock("jvb1/c0ffee/aaaa1111");
    door.sockets.handle({ kind: "channelVerdict", socket: 1, accepted: false });
    expect(lines()).to.deep.equal([said, said]);
    expect(door.counted.length).to.equal(2001);
    // So are ids; somebody else is said for himself.
    guess("jvb1/other/aaaa1111", undefined, "192.0.2.8");
    guess("jvb2/c0ffee/aaaa1111", undefined, "192.0.2.8");
    expect(lines().slice(2)).to.deep.equal([
      { ...said, context: { conf: "other", endpoint: "aaaa1111", address: "192.0.2.8" } },
      {
        level: "warn",
        message: "Bridge channel refused: server ID mismatch",
        context: { conf: "c0ffee", endpoint: "aaaa1111", address: "192.0.2.8" },
      },
    ]);
    expect(JSON.stringify(door.log.lines)).not.to.include(password);
  });

  it("A3 A7 says little of a guesser with two thousand addresses", () => {
    const door = new Door();
    for (let n = 0; n < 2000; n++)
      door.knock(`jvb1/conf${n}/aaaa1111`, "?pwd=x", `192.0.2.${n % 256}`);
    expect(door.log.lines.length).to.equal(20);
    expect(door.counted.length).to.equal(2000);
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
