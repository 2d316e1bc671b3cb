import { expect } from "chai";
import { SrtpProfile } from "../../src/media/packet-io.ts";
import { limitOptions, sessionKeys } from "./limit-setup.ts";
import { planOf } from "./workload.ts";

describe("limitOptions", () => {
  const plan = planOf(
    {
      ...{ name: "test", about: "", conferences: 1, people: 3, speakers: 1, cameras: 1 },
      wantedHeight: 360,
    },
    1,
  );
  const keys = [1, 2, 3].map((seed) => sessionKeys(SrtpProfile.AEAD_AES_128_GCM, seed));

  it("turns keys round and sends one encoding to the receivers", () => {
    const { peers, streams } = limitOptions(plan, [1001, 1002, 1003], keys);
    const { remoteKey, remoteSalt, localKey, localSalt } = keys[1]!;
    expect(peers[1]?.address).to.deep.equal({ ip: "127.0.0.1", port: 1002 });
    expect(peers[1]?.keys).to.include({ localKey: remoteKey, localSalt: remoteSalt });
    expect(peers[1]?.keys).to.include({ remoteKey: localKey, remoteSalt: localSalt });
    const [audio, low, middle, high] = plan.streams.map(({ ssrc }) => ssrc);
    const both = (ssrc: number | undefined) => [1, 2].map((peer) => ({ peer, ssrc }));
    expect(streams).to.deep.equal([
      { from: 0, ssrc: audio, receivers: both(audio) },
      { from: 0, ssrc: low, receivers: [] },
      { from: 0, ssrc: middle, receivers: both(low) },
      { from: 0, ssrc: high, receivers: [] },
    ]);
  });

  it("gives everybody keys of their own, of the profile's lengths", () => {
    expect(new Set(keys.map(({ localKey }) => String(localKey))).size).to.equal(3);
    expect(keys[0]!.localSalt).to.have.length(12);
    const cm = sessionKeys(SrtpProfile.AES128_CM_HMAC_SHA1_80, 1);
    expect(cm.remoteSalt).to.have.length(14);
    expect(cm.localKey).to.not.deep.equal(cm.remoteKey);
  });
});
