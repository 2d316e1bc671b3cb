import { expect } from "chai";
import { SeededRandom } from "#shared/testing/virtual-runtime";
import { parseStun, StunWriter } from "../stun/stun-message.ts";
import { StunMappingQuery } from "./stun-mapping.ts";

const answer = (request: Uint8Array, ip: string) =>
  new StunWriter("success", 1, request.subarray(8, 20))
    .xorMapped({ ip, port: 5 })
    .finish(undefined);

describe("STUN mapping", () => {
  it("learns the public address", () => {
    const query = new StunMappingQuery("10.0.0.1", new SeededRandom(1));
    const request = query.start(0);
    expect(parseStun(request)?.messageClass).to.equal("request");
    query.handleDatagram(answer(new Uint8Array(20), "198.51.100.1"));
    query.handleDatagram(Uint8Array.of(1, 2, 3));
    expect(query.result).to.equal(undefined);
    query.handleDatagram(answer(request, "198.51.100.1"));
    expect(query.result).to.deep.equal({
      localIp: "10.0.0.1",
      publicIp: "198.51.100.1",
      localPort: undefined,
      publicPort: undefined,
    });
    expect(query.pollTimeout()).to.equal(undefined);
  });

  it("finds no mapping when the server sees the local address", () => {
    const query = new StunMappingQuery("192.0.2.1", new SeededRandom(1));
    query.handleDatagram(answer(query.start(0), "192.0.2.1"));
    expect(query.result).to.equal("none");
  });

  it("gives up on a silent server", () => {
    const query = new StunMappingQuery("10.0.0.1", new SeededRandom(1));
    query.start(0);
    let sent = 1;
    let now = 0;
    for (let due = query.pollTimeout(); due !== undefined; due = query.pollTimeout()) {
      now = due;
      if (query.handleTimeout(due) !== undefined) sent++;
    }
    expect([sent, now, query.result]).to.deep.equal([7, 6300, "none"]);
  });
});
