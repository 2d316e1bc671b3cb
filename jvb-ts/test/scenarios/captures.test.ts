/** An operator captures what an endpoint sends and gets (spec jvb-control 9.3). */
import { expect } from "chai";
import { type CaptureFeature, defaultCaptureSettings } from "../../src/export/captures.ts";
import { audioSource, endpointRequest, modify } from "./requests.ts";
import { Stage } from "./stage.ts";
import { talk } from "./talk.ts";

const capture = { ...defaultCaptureSettings, enabled: true, directory: "/captures" };

async function room(stage: Stage) {
  const a = await stage.join("aaaa1111", { sources: [audioSource("aaaa1111", 11)] });
  const b = await stage.join("bbbb2222", { sources: [audioSource("bbbb2222", 22)] });
  return { a, b, id: stage.bridge.conferenceOf("meeting-1")! };
}

async function set(
  stage: Stage,
  conference: string,
  endpoint: string,
  on: boolean | undefined,
  feature: CaptureFeature = "pcap-dump",
) {
  const answers: unknown[] = [];
  void stage.bridge
    .capture({ conference, endpoint, feature, on })
    .then((answer) => void answers.push(answer));
  await stage.run(20);
  return answers[0];
}

/** Addresses, ports and payload of a record. */
function read(record: Buffer) {
  const ip = 16 + 14;
  expect(record.readUInt32BE(8)).to.equal(record.length - 16);
  expect(record.readUInt16BE(ip + 2)).to.equal(record.length - ip);
  let sum = 0;
  for (let i = 0; i < 20; i += 2) sum += record.readUInt16BE(ip + i);
  expect((sum & 0xffff) + (sum >>> 16), "IPv4 checksum").to.equal(0xffff);
  return {
    from: `${[...record.subarray(ip + 12, ip + 16)].join(".")}:${record.readUInt16BE(ip + 20)}`,
    to: `${[...record.subarray(ip + 16, ip + 20)].join(".")}:${record.readUInt16BE(ip + 22)}`,
    packet: record.subarray(ip + 28),
  };
}

describe("captures", () => {
  it("hold both ways of one endpoint, in the clear, while they are on", async () => {
    const stage = new Stage({ capture });
    const { a, b, id } = await room(stage);
    await talk(stage, a, b, 11, 3);
    expect(await set(stage, id, "aaaa1111", undefined)).to.equal(false);
    expect(await set(stage, id, "aaaa1111", true)).to.equal(true);
    expect(await set(stage, id, "aaaa1111", true)).to.equal(true);
    await talk(stage, a, b, 11, 3);
    await talk(stage, b, a, 22, 2);
    expect(await set(stage, id, "aaaa1111", false)).to.equal(false);
    await talk(stage, a, b, 11, 3);
    expect(stage.captures).to.have.length(1);
    const [{ path, parts, closed } = { path: "", parts: [], closed: false }] = stage.captures;
    expect(path).to.match(/^\/captures\/aaaa1111-\d{4}-\d\d-\d\dT[\d:.]+Z\.pcap$/);
    expect(closed).to.equal(true);
    expect(parts[0]!.toString("hex")).to.equal(`a1b2c3d400020004${"0".repeat(16)}0000ffff00000001`);
    const records = parts.slice(1).map(read);
    const rtp = records.filter(({ packet }) => (packet[1]! & 127) === 111);
    expect(rtp.map(({ from, packet }) => [from, packet.readUInt32BE(8)])).to.deep.equal([
      ...new Array<unknown>(3).fill(["192.0.2.0:456", 11]),
      ...new Array<unknown>(2).fill(["127.0.0.1:123", 22]),
    ]);
    expect(rtp[0]!.to).to.equal("127.0.0.1:123");
    expect(rtp[0]!.packet.subarray(20)).to.deep.equal(Buffer.alloc(20, rtp[0]!.packet[3]));
  });

  it("hold the bridge channel's SCTP, too", async () => {
    const stage = new Stage({ capture });
    const { a, id } = await room(stage);
    const sctp = "sctp-pcap-dump";
    expect(await set(stage, id, "aaaa1111", true, sctp)).to.equal(true);
    expect(await set(stage, id, "aaaa1111", undefined)).to.equal(false);
    a.say({
      kind: "SourceVideoTypeMessage",
      sourceName: "aaaa1111-v0",
      videoType: "CAMERA",
      endpointId: undefined,
    });
    await stage.run(100);
    expect(await set(stage, id, "aaaa1111", false, sctp)).to.equal(false);
    const [{ path, parts, closed } = { path: "", parts: [], closed: false }] = stage.captures;
    expect(path).to.match(/^\/captures\/aaaa1111-sctp-\d{4}-/);
    expect([stage.captures.length, closed]).to.deep.equal([1, true]);
    const records = parts.slice(1).map(read);
    // Ports of the association (RFC 8841): the message came, its acknowledgement went.
    for (const { packet } of records) expect(packet.readUInt32BE(0)).to.equal(0x13881388);
    expect(records.map(({ from }) => from)).to.include.members(["192.0.2.0:456", "127.0.0.1:123"]);
    expect(records.some(({ packet }) => packet.includes("SourceVideoType"))).to.equal(true);
  });

  it("can hold everybody from the start, and end with who leaves", async () => {
    const stage = new Stage({ capture: { ...capture, startEnabled: true } });
    await room(stage);
    expect(stage.captures.map(({ path }) => path.slice(0, 18))).to.deep.equal([
      "/captures/aaaa1111",
      "/captures/bbbb2222",
    ]);
    await stage.ask(modify({ endpoints: [endpointRequest("aaaa1111", { expire: true })] }));
    expect(stage.captures.map(({ closed }) => closed)).to.deep.equal([true, false]);
  });

  it("are none unless switched on, nor of whom nobody knows, and have no path for a name", async () => {
    const stage = new Stage();
    const { id } = await room(stage);
    expect(await set(stage, id, "aaaa1111", true)).to.equal(false);
    expect(await set(stage, id, "x", true)).to.equal(undefined);
    expect(stage.captures).to.deep.equal([]);
    const open = new Stage({ capture: { ...capture, startEnabled: true } });
    await open.join("../../etc/x");
    expect(open.captures[0]!.path).to.match(/^\/captures\/______etc_x-/);
  });
});
