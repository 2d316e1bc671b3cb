import { expect } from "chai";
import { encodeBridgeMessage } from "./encode.ts";
import { parseBridgeMessage } from "./parse.ts";

/** Texts that come out as they went in (order of fields included): recordings 02, 05, 08 and spec. */
const same = [
  '{"colibriClass":"ClientHello"}',
  '{"colibriClass":"ServerHello"}',
  '{"colibriClass":"ServerHello","version":"2.3-1"}',
  '{"colibriClass":"EndpointMessage","to":"9d217e02","from":"7b89273f","msgPayload":{"type":"private-hello","n":1}}',
  '{"colibriClass":"EndpointMessage","to":"","from":"a","msgPayload":{"__proto__":{"x":1}},"__proto__":{"y":2}}',
  '{"colibriClass":"EndpointStats","from":"7b89273f","bitrate":{"download":0},"connectionQuality":99.5}',
  '{"colibriClass":"LastNChangedEvent","lastN":3}',
  '{"colibriClass":"ReceiverVideoConstraints","lastN":1,"selectedSources":[],"onStageSources":["9d217e02-v0"],"defaultConstraints":{"maxHeight":180,"maxFrameRate":-1},"constraints":{"9d217e02-v0":{"maxHeight":720,"maxFrameRate":15}},"assumedBandwidthBps":300000}',
  '{"colibriClass":"ReceiverVideoConstraints","lastN":-1}',
  '{"colibriClass":"ReceiverAudioSubscription","all":true,"include":[],"exclude":["9d217e02-a0"]}',
  '{"colibriClass":"SourceVideoTypeMessage","sourceName":"a-v0","videoType":"CAMERA"}',
  '{"colibriClass":"SourceVideoTypeMessage","sourceName":"a-v0","videoType":"DESKTOP_HIGH_FPS","endpointId":"a"}',
  '{"colibriClass":"VideoTypeMessage","videoType":"NONE"}',
  '{"colibriClass":"DominantSpeakerEndpointChangeEvent","dominantSpeakerEndpoint":"a","previousSpeakers":["b"],"silence":false}',
  '{"colibriClass":"EndpointConnectivityStatusChangeEvent","endpoint":"aa11bb22","active":"false"}',
  '{"colibriClass":"ForwardedSources","forwardedSources":["450ae5b6-v0","9d217e02-v0"]}',
  '{"colibriClass":"VideoSourcesMap","mappedSources":[{"source":"a-v0","owner":null,"ssrc":3111222333,"rtx":4000111222,"videoType":"CAMERA","mid":"v0"}]}',
  '{"colibriClass":"AudioSourcesMap","mappedSources":[{"source":"a-a0","owner":"a","ssrc":3111222333}]}',
  '{"colibriClass":"SenderSourceConstraints","sourceName":"7b89273f-v0","maxHeight":0}',
  '{"colibriClass":"ConnectionStats","estimatedDownlinkBandwidth":17265669}',
  '{"colibriClass":"SyntheticSourceSendingChangeEvent","sourceName":"a-a9","sending":true,"timestamp":4294967295}',
  '{"colibriClass":"AddReceiver","bridgeId":"jvb-us-8","sourceName":"aa11bb22-v0","videoConstraints":{"maxHeight":720,"maxFrameRate":-1}}',
  '{"colibriClass":"RemoveReceiver","bridgeId":"jvb-us-8","endpointId":"a"}',
];

const refused = [
  ["not json", "notJson"],
  ["", "notJson"],
  [`{"colibriClass":"EndpointStats","x":${"[".repeat(2000)}${"]".repeat(2000)}}`, "notJson"],
  [`{"colibriClass":"EndpointStats","x":${"[".repeat(32)}${"]".repeat(32)}}`, "notJson"],
  [`{"colibriClass":"EndpointStats","x":"${"x".repeat(65_536)}"}`, "notJson"],
  ['{"colibriClass":"EndpointStats","colibriClass":"ClientHello"}', "notJson"],
  ['{"colibriClass":"EndpointMessage","to":"a","x":{"y":[{"z":1,"z":1}]}}', "notJson"],
  ['{"colibriClass":"EndpointMessage","to":"a","t\\u006f":"b"}', "notJson"],
  ["[]", "notObject"],
  ["null", "notObject"],
  ["{}", "noClass"],
  ['{"colibriClass":7}', "noClass"],
  ['{"colibriClass":"NoSuchClass"}', "unknownClass"],
  ['{"colibriClass":"PinnedEndpointsChangedEvent","pinnedEndpoints":["x"]}', "unknownClass"],
  ['{"colibriClass":"constructor"}', "unknownClass"],
  ['{"colibriClass":"ReceiverVideoConstraints","lastN":"two"}', "badField"],
  ['{"colibriClass":"ReceiverVideoConstraints","defaultConstraints":{"maxHeight":-2}}', "badField"],
  ['{"colibriClass":"ReceiverVideoConstraints","constraints":{"a":5}}', "badField"],
  ['{"colibriClass":"ReceiverVideoConstraints","selectedSources":"a"}', "badField"],
  ['{"colibriClass":"LastNChangedEvent"}', "badField"],
  ['{"colibriClass":"LastNChangedEvent","lastN":4294967296}', "badField"],
  ['{"colibriClass":"EndpointMessage","msgPayload":{}}', "badField"],
  ['{"colibriClass":"SourceVideoTypeMessage","sourceName":"a","videoType":"film"}', "badField"],
  ['{"colibriClass":"ReceiverAudioSubscription","mode":"include","list":[]}', "badField"],
  ['{"colibriClass":"AddReceiver","sourceName":"a"}', "badField"],
] as const;

describe("bridge-channel messages", () => {
  for (const text of same) {
    it(`B-099 B-113 reads and writes ${text.slice(0, 90)}`, () => {
      const parsed = parseBridgeMessage(text);
      expect(parsed.ok && encodeBridgeMessage(parsed.value)).to.equal(text);
    });
  }
  for (const [text, reason] of refused) {
    it(`B-100 refuses ${text.slice(0, 80)}`, () => {
      const parsed = parseBridgeMessage(text);
      expect(parsed.ok ? undefined : parsed.error.reason).to.equal(reason);
    });
  }

  it("X4 keeps what only looks like a key twice, and the deepest that is allowed", () => {
    for (const inner of [
      '{"x":"x","y":["x","x",{"x":1}],"z":{"x":2}}',
      '{"a":",","b":"{","c":"\\"a\\":"}',
      `${"[".repeat(31)}${"]".repeat(31)}`,
    ]) {
      const text = `{"colibriClass":"EndpointMessage","to":"a","msgPayload":${inner}}`;
      const parsed = parseBridgeMessage(text);
      expect(parsed.ok && encodeBridgeMessage(parsed.value)).to.equal(text);
    }
  });

  it("X4 makes well-formed JSON of numbers beyond all bounds and of half characters", () => {
    const parsed = parseBridgeMessage(
      '{"colibriClass":"EndpointMessage","to":"a","n":1e400,"s":"\\ud800","constructor":{"prototype":1}}',
    );
    const text = parsed.ok ? encodeBridgeMessage(parsed.value) : "";
    expect(text).to.equal(
      '{"colibriClass":"EndpointMessage","to":"a","n":null,"s":"\\ud800","constructor":{"prototype":1}}',
    );
    expect(({} as { y?: number }).y).to.equal(undefined);
    for (const number of ["1e400", "-1e400"]) {
      const event = `{"colibriClass":"LastNChangedEvent","lastN":${number}}`;
      expect(parseBridgeMessage(event).ok, number).to.equal(false);
    }
  });

  it("X4 reads the longest and the widest message in a tenth of a second", () => {
    const keys = Array.from({ length: 6000 }, (_, at) => `"k${at}":1`).join();
    for (const text of [
      "[".repeat(65_536),
      `{${keys}}`,
      `"${"\\".repeat(65_000)}`,
      "{,".repeat(30_000),
    ]) {
      const started = performance.now();
      parseBridgeMessage(text);
      expect(performance.now() - started).to.be.below(100);
    }
  });

  it("B-106 leaves absent constraints undefined, so that they change nothing", () => {
    const parsed = parseBridgeMessage('{"colibriClass":"ReceiverVideoConstraints","lastN":null}');
    expect(parsed.ok && parsed.value).to.deep.equal({
      kind: "ReceiverVideoConstraints",
      lastN: undefined,
      selectedSources: undefined,
      onStageSources: undefined,
      defaultConstraints: undefined,
      constraints: undefined,
      assumedBandwidthBps: undefined,
    });
  });

  it("B-112 takes enum texts in any case and ignores unknown fields", () => {
    const parsed = parseBridgeMessage(
      '{"colibriClass":"SourceVideoTypeMessage","sourceName":"a-v0","videoType":"desktop","more":1}',
    );
    expect(parsed.ok && parsed.value).to.deep.equal({
      kind: "SourceVideoTypeMessage",
      sourceName: "a-v0",
      videoType: "DESKTOP",
      endpointId: undefined,
    });
  });

  for (const [mode, all, include, exclude] of [
    ["All", true, [], []],
    ["None", false, [], []],
    ["Include", false, ["a-a0"], []],
    ["Exclude", true, [], ["a-a0"]],
  ] as const) {
    it(`B-115 understands the older audio subscription ${mode}`, () => {
      const text = `{"colibriClass":"ReceiverAudioSubscription","mode":"${mode}","list":["a-a0"]}`;
      const parsed = parseBridgeMessage(text);
      const kind = "ReceiverAudioSubscription";
      expect(parsed.ok && parsed.value).to.deep.equal({ kind, all, include, exclude });
    });
  }
});
