import { expect } from "chai";
import { type CodecConfig, defaultCodecConfig } from "./codec-config.ts";
import type { Feature } from "./features.ts";
import { defaultFeatures, featuresOf, featureUris } from "./features.ts";
import { offerFor, type RtpOffer } from "./offer.ts";
import { RateLimiter } from "./rate-limiter.ts";

const features = (...names: Feature[]) => new Set<Feature>(["AUDIO", "VIDEO", ...names]);
const ids = (offer: RtpOffer | undefined): number[] =>
  offer?.payloadTypes.map(({ id }) => id) ?? [];
const extensions = (offer: RtpOffer | undefined): number[] =>
  offer?.headerExtensions.map(({ id }) => id) ?? [];
const feedback = (offer: RtpOffer | undefined, name: string): string[] =>
  offer?.payloadTypes
    .find((type) => type.name === name)
    ?.rtcpFeedback.map(({ type, subtype }) =>
      subtype === undefined ? type : `${type} ${subtype}`,
    ) ?? [];

describe("the offer", () => {
  it("lists codecs in the order clients print them", () => {
    const offer = offerFor(defaultCodecConfig, features("RTX", "TCC"), true);
    expect(ids(offer.video)).to.deep.equal([41, 100, 107, 101, 42, 96, 97, 99]);
    expect(ids(offer.audio)).to.deep.equal([111, 126]);
    expect(extensions(offer.video)).to.deep.equal([11, 10, 3, 5]);
    expect(extensions(offer.audio)).to.deep.equal([1, 10, 5]);
    expect(feedback(offer.video, "VP8")).to.deep.equal([
      "ccm fir",
      "nack",
      "nack pli",
      "transport-cc",
    ]);
  });

  it("leaves out what the member does not know", () => {
    const offer = offerFor(defaultCodecConfig, features(), true);
    expect(ids(offer.video)).to.deep.equal([41, 100, 107, 101]);
    expect(extensions(offer.video)).to.deep.equal([11, 10, 3]);
    expect(feedback(offer.video, "VP8")).to.deep.equal(["ccm fir", "nack", "nack pli"]);
    expect(offer.data).to.equal(false);
    expect(offerFor(defaultCodecConfig, new Set<Feature>(["AUDIO"]), true).video).to.equal(
      undefined,
    );
  });

  it("has REMB only without TCC", () => {
    const with1 = offerFor(defaultCodecConfig, features("REMB"), true);
    expect(feedback(with1.video, "VP8")).to.include("goog-remb");
    const with2 = offerFor(defaultCodecConfig, features("REMB", "TCC"), true);
    expect(feedback(with2.video, "VP8")).not.to.include("goog-remb");
  });

  it("drops a codec with its retransmissions, or these alone", () => {
    const { video } = defaultCodecConfig;
    const config: CodecConfig = {
      ...defaultCodecConfig,
      video: {
        av1: { ...video.av1, enabled: false },
        vp8: { ...video.vp8, rtxPt: -1 },
        h264: { ...video.h264, pt: -1 },
        vp9: video.vp9,
      },
    };
    expect(ids(offerFor(config, features("RTX"), true).video)).to.deep.equal([100, 101, 97]);
  });

  it("offers RED before opus to those who know it, and then nobody gets in-band FEC", () => {
    const config: CodecConfig = {
      ...defaultCodecConfig,
      opus: { ...defaultCodecConfig.opus, red: { enabled: true, pt: 112 } },
    };
    const able = offerFor(config, features("OPUS_RED"), true).audio;
    expect(ids(able)).to.deep.equal([112, 111, 126]);
    expect(able?.payloadTypes[0]?.parameters).to.deep.equal([
      { name: undefined, value: "111/111" },
    ]);
    const unable = offerFor(config, features(), true).audio;
    expect(unable?.payloadTypes[0]?.parameters).to.deep.equal([{ name: "minptime", value: "10" }]);
  });

  it("asks for a data channel only where both sides want it", () => {
    expect(offerFor(defaultCodecConfig, defaultFeatures, true).data).to.equal(true);
    expect(offerFor(defaultCodecConfig, defaultFeatures, false).data).to.equal(false);
  });

  it("knows features by their URIs and ignores others", () => {
    expect([...featuresOf([featureUris.TCC, "urn:x"])]).to.deep.equal(["TCC"]);
  });
});

describe("the limit of restart requests", () => {
  it("counts accepted ones only", () => {
    const limiter = new RateLimiter({ minInterval: 5, maxRequests: 3, interval: 60 });
    const at = [0, 4, 5, 9.9, 10, 20, 59, 60, 64, 65];
    expect(at.map((now) => limiter.accept(now))).to.deep.equal([
      true,
      false,
      true,
      false,
      true,
      false,
      false,
      true,
      false,
      true,
    ]);
  });
});
