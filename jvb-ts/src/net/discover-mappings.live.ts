// A STUN server on loopback that pretends we sit behind a NAT.
import { createSocket } from "node:dgram";
import { expect } from "chai";
import { realRuntime } from "#shared/runtime/real-runtime";
import { parseStun, StunWriter } from "../transport/stun/stun-message.ts";
import { discoverMappings } from "./discover-mappings.ts";

describe("mapping discovery", () => {
  it("asks the server from each local address", async () => {
    const server = createSocket("udp4");
    server.on("message", (bytes, from) => {
      if (parseStun(bytes) === undefined) return;
      const writer = new StunWriter("success", 1, bytes.subarray(8, 20));
      const reply = writer.xorMapped({ ip: "198.51.100.7", port: 9 }).finish(undefined);
      server.send(reply, from.port, from.address);
    });
    await new Promise<void>((bound) => server.bind(0, "127.0.0.1", bound));
    const log = {
      error() {},
      warn() {},
      info() {},
      debug() {},
      enabled: () => false,
      child: () => log,
    };
    const servers = [{ host: "127.0.0.1", port: server.address().port }];
    const found = await discoverMappings(servers, ["127.0.0.1", "::1"], realRuntime, log);
    server.close();
    expect(found).to.deep.equal([
      {
        localIp: "127.0.0.1",
        publicIp: "198.51.100.7",
        localPort: undefined,
        publicPort: undefined,
      },
    ]);
  });
});
