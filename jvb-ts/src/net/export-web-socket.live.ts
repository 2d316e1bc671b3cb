/** An exporter over a real WebSocket to servers that are kind, unkind, slow or not there. */
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { expect } from "chai";
import { type WebSocket, WebSocketServer } from "ws";
import { RtpHeader, writeInt32, writeUint16 } from "#shared/rtp/rtp-header";
import { realRuntime } from "#shared/runtime/real-runtime";
import type { ColibriConnect } from "#shared/stanza/colibri2";
import { recordingLogger } from "#shared/testing/recording-logger";
import { defaultExportSettings } from "../export/export-settings.ts";
import { Exporter, type ExportPorts } from "../export/exporter.ts";
import { openExportWebSocket } from "./export-web-socket.ts";

const { clock } = realRuntime;
const OPUS_BYTES = 80;

function packet(seq: number): RtpHeader {
  const bytes = Buffer.alloc(12 + OPUS_BYTES, seq & 0xff);
  bytes[0] = 0x80;
  bytes[1] = 111;
  writeUint16(bytes, 2, seq);
  writeInt32(bytes, 4, 960 * seq);
  writeInt32(bytes, 8, 5);
  const header = new RtpHeader();
  header.parse(bytes, 0, bytes.length);
  return header;
}

async function until(what: string, condition: () => boolean): Promise<void> {
  for (const end = clock.now() + 5_000; !condition(); ) {
    if (clock.now() > end) throw new Error(`waited in vain: ${what}`);
    await new Promise<void>((resolve) => realRuntime.timers.after(5, resolve));
  }
}

describe("an exporter's WebSocket", () => {
  const closers: (() => void)[] = [];
  const exporters: Exporter[] = [];
  const transcripts: unknown[] = [];

  const log = recordingLogger("test");
  afterEach(() => {
    log.clear();
    for (const one of exporters.splice(0)) one.stop();
    for (const close of closers.splice(0)) close();
    transcripts.length = 0;
  });

  /** A server, with what its peers do. */
  async function serve(
    onPeer: (socket: WebSocket, request: IncomingMessage) => void,
  ): Promise<string> {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    server.on("connection", (socket, request) => {
      socket.on("error", () => {});
      onPeer(socket, request);
    });
    await new Promise((resolve) => server.once("listening", resolve));
    closers.push(() => {
      for (const socket of server.clients) socket.terminate();
      server.close();
    });
    return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/in?m=1`;
  }

  function exportTo(url: string, more: Partial<ColibriConnect> = {}): Exporter {
    const ports: ExportPorts = {
      settings: { ...defaultExportSettings, version: "2.3", baseDelayMs: 50, maxDelayMs: 50 },
      log,
      open: (to, headers, events) => openExportWebSocket(clock, to, headers, events),
      count: () => {},
      payloadParameters: () => [{ name: "useinbandfec", value: "1" }],
      diarizes: () => false,
      transcribed: (event) => void transcripts.push(event),
      sendingChanged: () => {},
      inject: () => "unknownSource",
    };
    const connect: ColibriConnect = {
      id: "rec",
      create: true,
      expire: false,
      url,
      protocol: "mediajson",
      type: "recorder",
      audio: true,
      video: false,
      ...more,
    };
    const exporter = new Exporter(connect, ports, clock.now());
    exporters.push(exporter);
    const timer = realRuntime.timers.every(10, () => {
      if (exporter.deadline <= clock.now()) exporter.handleTimeout(clock.now());
    });
    closers.push(() => timer.cancel());
    return exporter;
  }

  const send = (exporter: Exporter, seq: number): void =>
    exporter.handleOpus("a-a0", "a", packet(seq), seq, 30, true, clock.now());
  const connected = (exporter: Exporter) => exporter.state(clock.now()).is_connected;

  it("carries headers, media and what the peer says, and ends in order", async () => {
    const got: Record<string, unknown>[] = [];
    let authorization: string | undefined;
    let closedWith = 0;
    const url = await serve((socket, request) => {
      ({ authorization } = request.headers);
      socket.on("message", (data: Buffer) => {
        got.push(JSON.parse(data.toString()) as Record<string, unknown>);
      });
      socket.on("close", (code) => {
        closedWith = code;
      });
      socket.send(JSON.stringify({ event: "transcription-result", transcript: [] }));
    });
    const headers = [{ name: "Authorization", value: "Bearer abc" }];
    const exporter = exportTo(url, { headers, ping: { interval: 30, timeout: 2_000 } });
    send(exporter, 1);
    await until("open", () => connected(exporter));
    for (let seq = 2; seq < 5; seq++) send(exporter, seq);
    await until("media", () => got.filter(({ event }) => event === "media").length === 3);
    await until("ping", () => got.some(({ event }) => event === "ping"));
    await until("transcript", () => transcripts.length === 1);
    exporter.stop();
    await until("close", () => closedWith !== 0);
    expect(closedWith).to.equal(1001);
    expect(authorization).to.equal("Bearer abc");
    expect(got[0]).to.include({ event: "info", version: "2.3" });
    const start = got.find(({ event }) => event === "start");
    expect(start?.["start"]).to.deep.include({
      mediaFormat: {
        encoding: "opus",
        sampleRate: 48_000,
        channels: 2,
        parameters: { useinbandfec: "1" },
      },
    });
    expect(got.at(-1)).to.deep.equal({ event: "session-end" });
  });

  it("tries again where nobody listens, where it is refused, and where TLS is not spoken", async () => {
    const closed = createTcpServer();
    await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve));
    const { port } = closed.address() as AddressInfo;
    closed.close();
    const refusing = createServer((_, response) => response.writeHead(403).end());
    refusing.on("upgrade", (_, socket) => socket.end("HTTP/1.1 403 Forbidden\r\n\r\n"));
    await new Promise<void>((resolve) => refusing.listen(0, "127.0.0.1", resolve));
    closers.push(() => refusing.close());
    const refusal = (refusing.address() as AddressInfo).port;
    for (const [url, why] of [
      [`ws://127.0.0.1:${port}/`, "ECONNREFUSED"],
      [`ws://127.0.0.1:${refusal}/`, "Unexpected server response: 403"],
      [`wss://127.0.0.1:${refusal}/`, "EPROTO"],
      ["ws://", "not the URL of a WebSocket"],
    ] as const) {
      const exporter = exportTo(url);
      await until(url, () => exporter.reconnectAttempts >= 3);
      expect(exporter.counts.exporter_websocket_failures).to.be.at.least(3);
      expect(log.lines.at(-1)?.context, url).to.include({ code: 1006, why });
      send(exporter, 1);
      exporter.stop();
    }
  });

  it("comes back to a peer that hangs up, breaks off or sends garbage", async () => {
    let peers = 0;
    const url = await serve((socket) => {
      peers++;
      if (peers === 1) socket.close(1011);
      else if (peers === 2) socket.terminate();
      else if (peers === 3) socket.send(Buffer.alloc(300 * 1024));
      else {
        socket.send(Buffer.from([1, 2, 3]));
        socket.send("}");
        socket.send("x".repeat(100_000));
      }
    });
    const exporter = exportTo(url);
    await until("the fourth", () => exporter.counts.exporter_parse_failures === 3);
    expect(peers).to.equal(4);
    expect(connected(exporter)).to.equal(true);
    expect(exporter.counts.exporter_websocket_internal_errors).to.equal(1);
    expect(exporter.counts.exporter_websocket_failures).to.be.at.least(1);
  });

  it("keeps no more than its bound for a peer that does not read", async () => {
    const url = await serve((socket) => socket.pause());
    const exporter = exportTo(url);
    await until("open", () => connected(exporter));
    // Far more than the sockets of both sides hold.
    for (let seq = 0; seq < 200_000 && exporter.dropped === 0; seq++) {
      send(exporter, seq & 0xffff);
      if (seq % 500 === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    }
    expect(exporter.dropped).to.be.above(0);
    expect(exporter.state(clock.now()).queue_size).to.be.below(600 * 1024);
    exporter.stop();
  }).timeout(20_000);
});
