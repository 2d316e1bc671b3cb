/** Recorders, transcribers and translators at a conference (spec jvb-control 2.9, 9.4). */
import { expect } from "chai";
import type { ColibriConnect, ColibriMediaSource } from "#shared/stanza/colibri2";
import { defaultExportSettings } from "../../src/export/export-settings.ts";
import type { Client } from "./client.ts";
import type { ExportPeer } from "./export-peer.ts";
import { audioSource, endpointRequest, modify, said } from "./requests.ts";
import { Stage } from "./stage.ts";
import { isRtp, opus, talk } from "./talk.ts";

const rec: ColibriConnect = {
  id: "rec",
  create: true,
  expire: false,
  url: "wss://recorder.example/in?m=1",
  protocol: "mediajson",
  type: "recorder",
  audio: true,
  video: false,
};
const two = { ...rec, id: "two" };
const update = { ...rec, create: false };
const expire = { ...rec, create: false, expire: true };

async function delta(stage: Stage, ...connects: ColibriConnect[]): Promise<string> {
  return said(await stage.ask(modify({ connects })));
}

interface Room {
  readonly stage: Stage;
  readonly a: Client;
  readonly b: Client;
}

async function room(stage = new Stage()): Promise<Room> {
  const a = await stage.join("aaaa1111", { sources: [audioSource("aaaa1111", 11)] });
  const b = await stage.join("bbbb2222", { sources: [audioSource("bbbb2222", 22)] });
  return { stage, a, b };
}

async function exporting(connect: ColibriConnect = rec): Promise<Room & { peer: ExportPeer }> {
  const made = await room();
  expect(await delta(made.stage, connect)).to.equal("ok");
  const peer = made.stage.exports[0]!;
  peer.accept();
  return { ...made, peer };
}

type Media = Readonly<Record<"tag" | "chunk" | "timestamp" | "payload", string>>;
const mediaOf = (peer: ExportPeer): Media[] =>
  peer.events("media").map(({ media }) => media as Media);
const tags = (peer: ExportPeer): string[] => [...new Set(mediaOf(peer).map(({ tag }) => tag))];

describe("exporters", () => {
  it("send the audio of everybody, each source with its start, on one time base", async () => {
    const headers = [{ name: "Authorization", value: "Bearer abc" }];
    const { stage, a, b, peer } = await exporting({ ...rec, headers });
    expect([peer.url, peer.headers]).to.deep.equal([rec.url, headers]);
    await talk(stage, a, b, 11, 5);
    await talk(stage, b, a, 22, 5);
    expect(peer.got[0]).to.include({ event: "info", application: "jitsi-videobridge" });
    expect(peer.events("sources")).to.deep.equal([]);
    const starts = peer.events("start").map(({ start }) => start);
    expect(starts).to.deep.equal(
      ["aaaa1111", "bbbb2222"].map((endpointId) => ({
        tag: `${endpointId}-a0`,
        mediaFormat: { encoding: "opus", sampleRate: 48_000, channels: 2, parameters: {} },
        customParameters: { endpointId },
      })),
    );
    const media = mediaOf(peer);
    expect(media).to.have.length(10);
    expect(media[0]).to.include({ tag: "aaaa1111-a0", audioLevel: 20, vad: true });
    expect(media[0]!.payload).to.equal(
      Buffer.alloc(20, Number(media[0]!.chunk)).toString("base64"),
    );
    const times = media.map(({ timestamp }) => Number(timestamp));
    for (let i = 1; i < 5; i++) expect(times[i]! - times[i - 1]!).to.equal(960);
    // Five packets and 20 ms later on the wall.
    expect(times[5]! - times[0]!).to.be.within(115 * 48, 130 * 48);
    const numbers = peer.got.map(({ sequenceNumber }) => sequenceNumber).filter(Boolean);
    expect(numbers).to.deep.equal(numbers.map((_, i) => String(i + 1)));
    expect(await stage.metrics()).to.include({
      exporter_packets_sent_total: 10,
      exporter_starts_total: 2,
    });
  });

  it("count nothing, not even zero, before there is one", async () => {
    const { stage } = await room();
    expect(
      Object.keys(await stage.metrics()).filter((name) => /exporter/.test(name)),
    ).to.deep.equal([]);
  });

  it("send only what is named, and other names from then on; the order says nothing (B-052)", async () => {
    const exports = ["aaaa1111-a0", "x"];
    const { stage, a, b, peer } = await exporting({ ...rec, exports });
    await talk(stage, a, b, 11, 2);
    await talk(stage, b, a, 22, 2);
    expect(tags(peer)).to.deep.equal(["aaaa1111-a0"]);
    expect(peer.events("sources")).to.deep.equal([{ event: "sources", exports, requests: [] }]);
    expect(await delta(stage, { ...update, exports: ["x", "aaaa1111-a0"] })).to.equal("ok");
    expect(peer.events("sources")).to.have.length(1);
    expect(await delta(stage, { ...update, exports: ["bbbb2222-a0"], requests: ["r"] })).to.equal(
      "ok",
    );
    expect(peer.events("sources")[1]).to.deep.include({ requests: ["r"] });
    await talk(stage, b, a, 22, 2);
    expect(tags(peer)).to.include("bbbb2222-a0");
    expect(stage.exports).to.have.length(1);
  });

  it("are one for each id, though of one URL; the unnamed go on (B-047, B-048)", async () => {
    const { stage, a, b, peer } = await exporting();
    expect(await delta(stage, two)).to.equal("ok");
    expect(await delta(stage)).to.equal("ok");
    stage.exports[1]!.accept();
    await talk(stage, a, b, 11, 3);
    const chunks = mediaOf(peer).map(({ chunk }) => chunk);
    expect(mediaOf(stage.exports[1]!).map(({ chunk }) => chunk)).to.deep.equal(chunks);
    expect(chunks).to.have.length(3);
    expect(await delta(stage, rec)).to.equal(
      "bad-request: Connect with create=true for an already-existing id=rec",
    );
    expect(await delta(stage, { ...update, id: "no" })).to.equal(
      "bad-request: Connect for unknown id=no without create=true",
    );
  });

  for (const connects of [
    [expire, rec],
    [rec, expire],
  ])
    it(`are replaced by expire and create, ${connects[0]!.expire ? "this" : "the other"} way round (B-050)`, async () => {
      const { stage, peer } = await exporting();
      expect(await delta(stage, ...connects)).to.equal("ok");
      expect(peer.got.at(-1)).to.deep.equal({ event: "session-end" });
      expect(peer.closed).to.deep.equal([1001, "closing"]);
      expect(stage.exports).to.have.length(2);
    });

  for (const [name, connects, text] of [
    ["two creates", [two, two], "bad-request: Multiple connects for id=two"],
    ["two expires", [expire, expire], "bad-request: Duplicate expire for id=rec"],
    ["update after expire", [expire, update], "bad-request: Connect update for id=rec"],
    ["video", [{ ...two, video: true }], "feature-not-implemented: Video"],
    ...(
      [
        { url: "wss://other.example/" },
        { type: "transcriber" },
        { audio: false },
        { headers: [{ name: "A", value: "b" }] },
        { ping: { interval: 1, timeout: 1 } },
      ] as Partial<ColibriConnect>[]
    ).map(
      (change) =>
        [
          `another ${Object.keys(change).join()}`,
          [{ ...update, ...change }],
          "feature-not-implemented: Updating connect url, type, audio, headers, ping for id=rec",
        ] as const,
    ),
  ] as const)
    it(`refuse ${name} before anything is applied (B-051, B-053)`, async () => {
      const { stage, peer } = await exporting();
      const more = { ...rec, id: "more" };
      const answer = await delta(stage, more, ...connects);
      expect(answer.startsWith(text), answer).to.equal(true);
      expect(stage.exports).to.have.length(1);
      expect(peer.closed).to.equal(undefined);
    });

  it("end with their conference, which then takes none (B-054)", async () => {
    const { stage, peer } = await exporting();
    expect(said(await stage.ask(modify({ expire: true })))).to.equal("ok");
    expect(peer.closed).to.deep.equal([1001, "closing"]);
    expect(await delta(stage, rec)).to.contain("Conference not found");
  });

  it("come back after 1, 2, 4 s and so on, at once after a long connection", async () => {
    const { stage, a, b, peer } = await exporting();
    await stage.run(31_000);
    await talk(stage, a, b, 11, 1);
    peer.end(1006);
    await stage.run(20);
    expect(stage.exports).to.have.length(2);
    for (const [at, wait] of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000].entries()) {
      stage.exports.at(-1)!.end(at === 2 ? 1011 : 1006);
      await stage.run(wait - 100);
      expect(stage.exports).to.have.length(2 + at);
      await stage.run(200);
      expect(stage.exports).to.have.length(3 + at);
    }
    const again = stage.exports.at(-1)!;
    again.accept();
    await talk(stage, a, b, 11, 1);
    expect(again.got.map(({ event }) => event)).to.deep.equal(["info", "start", "media"]);
    expect(await stage.metrics()).to.include({
      exporter_websocket_failures_total: 7,
      exporter_websocket_internal_errors_total: 1,
    });
  });

  it("are given up after as many tries as configured", async () => {
    const { stage } = await room(
      new Stage({ exporter: { ...defaultExportSettings, maxReconnectAttempts: 2 } }),
    );
    await delta(stage, rec);
    for (let i = 0; i < 3; i++) {
      stage.exports.at(-1)!.end(1006);
      await stage.run(60_000);
    }
    expect(stage.exports).to.have.length(3);
  });

  it("leave a peer that does not answer pings, and keep one that does", async () => {
    const ping = { interval: 10_000, timeout: 3_000 };
    const { stage, peer } = await exporting({ ...rec, ping });
    for (let id = 1; id <= 3; id++) {
      await stage.run(10_100);
      expect(peer.events("ping").at(-1)).to.deep.equal({ event: "ping", id });
      peer.say({ event: "pong", id });
    }
    expect(peer.closed).to.equal(undefined);
    await stage.run(13_200);
    expect(peer.closed).to.deep.equal([1000, "Ping timeout"]);
    await stage.run(1_100);
    expect(stage.exports).to.have.length(2);
  });

  it("drop what a peer does not read, and go on when it reads", async () => {
    const { stage, a, b, peer } = await exporting();
    peer.bufferedBytes = 1 << 20;
    const heard = await talk(stage, a, b, 11, 5);
    expect(heard).to.have.length(5);
    expect(mediaOf(peer)).to.deep.equal([]);
    peer.bufferedBytes = 0;
    await talk(stage, a, b, 11, 5);
    expect(peer.events("start")).to.have.length(1);
    expect(mediaOf(peer)).to.have.length(5);
  });

  it("tell what was transcribed to everybody", async () => {
    const { stage, a, b, peer } = await exporting({ ...rec, type: "transcriber" });
    const event = { event: "transcription-result", transcript: [{ text: "hello" }] };
    peer.say(event);
    await stage.run(100);
    for (const one of [a, b])
      expect(JSON.parse(one.messages.at(-1)!)).to.deep.equal({
        colibriClass: "EndpointMessage",
        to: "",
        from: "transcriber",
        msgPayload: event,
      });
  });

  it("tell when a translation begins and ends, at its time (B-120, B-148)", async () => {
    const { stage, a, peer } = await exporting();
    const changes = () =>
      a.messages
        .map((text) => JSON.parse(text) as Record<string, unknown>)
        .filter(({ colibriClass }) => colibriClass === "SyntheticSourceSendingChangeEvent")
        .map(({ sourceName, sending, timestamp }) => [sourceName, sending, timestamp]);
    peer.say({ event: "start", start: { tag: "a.es", timestamp: 2 ** 32 + 7 } });
    peer.say({ event: "stop", stop: { tag: "a.es", timestamp: 9 } });
    peer.say({ event: "start", start: { tag: "a.es" } });
    await stage.run(100);
    expect(changes()).to.deep.equal([
      ["a.es", true, 7],
      ["a.es", false, 9],
    ]);
  });

  it("send a translation to who subscribed to it, its owner too, and export it to nobody (M-180, B-118)", async () => {
    const { stage, a, b, peer } = await exporting();
    const spanish: ColibriMediaSource = {
      ...audioSource("aaaa1111", 99),
      id: "aaaa1111-a0.es",
      synthetic: true,
    };
    const owns = async (...sources: ColibriMediaSource[]): Promise<void> => {
      await stage.ask(modify({ endpoints: [endpointRequest("aaaa1111", { sources })] }));
    };
    await owns(audioSource("aaaa1111", 11), spanish);
    const frames = async (tag: string, count: number): Promise<number[]> => {
      for (const one of [a, b]) one.media.length = 0;
      for (let i = 0; i < count; i++) {
        const payload = Buffer.from([7, i]).toString("base64");
        peer.say({
          event: "media",
          sequenceNumber: String(i),
          media: { tag, chunk: String(65_534 + i), timestamp: String(960 * i), payload },
        });
        await stage.run(20);
      }
      return [a, b].map(({ media }) => media.filter(isRtp).length);
    };
    expect(await frames(spanish.id, 2)).to.deep.equal([0, 0]);
    for (const one of [a, b])
      one.say({
        kind: "ReceiverAudioSubscription",
        all: one === a,
        include: [spanish.id],
        exclude: [],
      });
    await stage.run(50);
    expect(await frames(spanish.id, 4)).to.deep.equal([4, 4]);
    const last = Buffer.from(b.media.filter(isRtp).at(-1)!);
    expect(last.readUInt32BE(8)).to.equal(99);
    expect(last.readUInt16BE(2)).to.equal(1);
    expect(last[1]! & 127).to.equal(111);
    expect([...last.subarray(-2)]).to.deep.equal([7, 3]);
    expect(mediaOf(peer), "of the translation").to.deep.equal([]);
    expect(await frames("nobody", 2)).to.deep.equal([0, 0]);
    await owns(audioSource("aaaa1111", 11));
    expect(await frames(spanish.id, 2)).to.deep.equal([0, 0]);
    const warnings = stage.log.lines.filter(({ message }) => /exporter's peer/.test(message));
    expect(warnings).to.have.length(1);
  });

  it("count what is no message and what they do not know, and go on", async () => {
    const { stage, a, b, peer } = await exporting();
    for (const garbage of ["{", "[]", "\u0000", '{"event":1}', undefined]) peer.say(garbage);
    peer.say({ event: "dance" });
    peer.say({ event: "info", application: "x".repeat(10_000) });
    peer.say({ event: "media", media: { tag: "t", chunk: "1", timestamp: "1", payload: "?" } });
    await talk(stage, a, b, 11, 2);
    expect(mediaOf(peer)).to.have.length(2);
    expect(await stage.metrics()).to.include({
      exporter_parse_failures_total: 6,
      exporter_other_messages_received_total: 1,
      exporter_info_received_total: 1,
    });
    peer.end(1000);
    peer.say({ event: "dance" });
    await stage.run(100);
    expect(await stage.metrics()).to.include({ exporter_other_messages_received_total: 1 });
  });

  it("are shown by /debug and to the statistics collector", async () => {
    const { stage, a, peer } = await exporting();
    a.sendMedia(opus(11, 60_000));
    await stage.run(50);
    expect(mediaOf(peer)).to.have.length(1);
    const id = stage.bridge.conferenceOf("meeting-1")!;
    for (const mode of ["full", "stats"] as const) {
      const seen: unknown[] = [];
      void stage.bridge.debug(id, undefined, mode).then((one) => void seen.push(one[id]));
      await stage.run(20);
      const { exporter, endpoints } = seen[0] as {
        exporter: { exporters: object[]; started: boolean };
        endpoints: Record<string, Record<string, unknown>>;
      };
      expect(endpoints["aaaa1111"]).to.include.keys(
        "stats_id",
        "bitrate_controller",
        "transceiver",
      );
      expect(exporter.started).to.equal(true);
      expect(exporter.exporters[0]).to.include({
        tag: "rec",
        url: rec.url,
        type: "recorder",
        is_connected: true,
        packets_sent: 1,
        starts: 1,
      });
    }
  });
});
