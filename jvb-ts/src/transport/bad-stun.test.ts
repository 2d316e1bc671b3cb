import { expect } from "chai";
import { recordingLogger } from "#shared/testing/recording-logger";
import { SeededRandom } from "#shared/testing/virtual-runtime";
import { fakeDtls } from "./dtls/fake-dtls.test.ts";
import { EndpointTransport } from "./endpoint-transport.ts";
import { IceDemux } from "./ice/ice-demux.ts";
import { defaultIceSettings } from "./ice/ice-settings.ts";
import { Attribute, BINDING, StunWriter } from "./stun/stun-message.ts";

const stranger = { ip: "203.0.113.9", port: 9 };
const client = { ip: "198.51.100.2", port: 2 };

function transport(): EndpointTransport {
  const dtls = fakeDtls({ fingerprint: "AA:BB" });
  return new EndpointTransport({
    settings: defaultIceSettings,
    controlling: true,
    privateAddresses: true,
    sctp: "off",
    sockets: [{ ip: "192.0.2.1", port: 1 }],
    mappings: [],
    demux: new IceDemux<EndpointTransport>(),
    dtls,
    certificate: dtls.createCertificate(),
    random: new SeededRandom(1),
    now: 0,
    wallNow: 0,
    log: recordingLogger(),
  });
}

function request(it: EndpointTransport, password = it.describe().pwd): Uint8Array {
  return new StunWriter("request", BINDING, new Uint8Array(12))
    .string(Attribute.username, `${it.describe().ufrag}:x`)
    .finish(password);
}

function answers(it: EndpointTransport): number {
  let sent = 0;
  for (let out = it.poll(); out !== undefined; out = it.poll()) {
    if (out.kind === "sendDatagram") sent++;
  }
  return sent;
}

describe("E1 badly signed STUN", () => {
  it("E1 is looked at two hundred times, then a hundred times a second", () => {
    const it = transport();
    const bad = request(it, "guess");
    let looked = 0;
    for (let ms = 0; ms < 5000; ms++) {
      for (let n = 0; n < 50; n++) {
        if (!it.admitsStun(false, ms)) continue;
        looked++;
        it.handleStun(0, stranger, bad, ms);
      }
    }
    expect(looked).to.be.within(690, 710);
    expect(answers(it)).to.equal(0);
    expect(it.state.ice).to.include({ received: 250_000, dropped: 250_000 });
  });

  it("E1 from strangers does not shut out the address that ICE has validated", () => {
    const it = transport();
    it.handleStun(0, client, request(it), 0);
    expect(answers(it)).to.equal(1);
    const bad = request(it, "guess");
    for (let n = 0; n < 1000; n++) if (it.admitsStun(false, 1)) it.handleStun(0, stranger, bad, 1);
    expect(it.admitsStun(false, 1)).to.equal(false);
    expect(it.admitsStun(true, 1)).to.equal(true);
  });

  it("E1 what is signed well costs nothing, however much there is", () => {
    const it = transport();
    const good = request(it);
    for (let n = 0; n < 2000; n++) {
      expect(it.admitsStun(false, 0)).to.equal(true);
      it.handleStun(0, client, good, 0);
    }
    expect(answers(it)).to.be.at.least(2000);
  });
});
