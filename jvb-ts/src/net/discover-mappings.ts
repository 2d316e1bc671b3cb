/**
 * Driver of `StunMappingQuery`: asks each configured STUN server from each IPv4 local address, once
 * at start (`ice4j.harvest.mapping.stun.addresses`, spec jvb-control 3.3).
 */
import { createSocket } from "node:dgram";
import { lookup } from "node:dns/promises";
import type { Logger } from "#shared/logging/logger";
import { pii } from "#shared/logging/pii";
import type { Runtime, Timer } from "#shared/runtime/runtime";
import type { AddressMapping } from "../transport/ice/address-mapping.ts";
import { StunMappingQuery } from "../transport/ice/stun-mapping.ts";

/** `host:port` of a STUN server; IPv6 literals in brackets. */
export interface StunServer {
  readonly host: string;
  readonly port: number;
}

/** All mappings found, without duplicates; takes at most 7 s and never rejects. */
export async function discoverMappings(
  servers: readonly StunServer[],
  localIps: readonly string[],
  runtime: Runtime,
  log: Logger,
): Promise<readonly AddressMapping[]> {
  const found = new Map<string, AddressMapping>();
  const ipv4 = localIps.filter((ip) => !ip.includes(":"));
  const queries = servers.map(async ({ host, port }) => {
    const address = await resolve(host, log);
    if (address === undefined) return;
    const mappings = await Promise.all(ipv4.map((ip) => ask(address, port, ip, runtime)));
    for (const mapping of mappings) {
      if (mapping !== undefined) found.set(`${mapping.localIp} ${mapping.publicIp}`, mapping);
    }
  });
  await Promise.all(queries);
  for (const { localIp, publicIp } of found.values()) {
    log.info("STUN mapping found", { local: pii(localIp), public: pii(publicIp) });
  }
  return [...found.values()];
}

async function resolve(host: string, log: Logger): Promise<string | undefined> {
  try {
    return (await lookup(host, { family: 4 })).address;
  } catch (cause) {
    log.warn("STUN server has no IPv4 address", { server: host }, cause);
    return undefined;
  }
}

function ask(
  server: string,
  port: number,
  localIp: string,
  runtime: Runtime,
): Promise<AddressMapping | undefined> {
  const query = new StunMappingQuery(localIp, runtime.random);
  const socket = createSocket("udp4");
  let timer: Timer | undefined;
  return new Promise((finish) => {
    let over = false;
    const end = (): void => {
      if (over) return;
      over = true;
      timer?.cancel();
      socket.close();
      finish(typeof query.result === "object" ? query.result : undefined);
    };
    const send = (bytes: Uint8Array): void => {
      // A refused packet is a lost one; the next repeat is already scheduled.
      socket.send(bytes, port, server, () => {});
    };
    const schedule = (): void => {
      const due = query.pollTimeout();
      if (query.result !== undefined || due === undefined) {
        end();
        return;
      }
      timer = runtime.timers.after(Math.max(0, due - runtime.clock.now()), () => {
        const bytes = query.handleTimeout(runtime.clock.now());
        if (bytes !== undefined) send(bytes);
        schedule();
      });
    };
    socket.on("error", end);
    socket.on("message", (bytes) => {
      query.handleDatagram(bytes);
      if (query.result !== undefined) end();
    });
    socket.bind(0, localIp, () => {
      send(query.start(runtime.clock.now()));
      schedule();
    });
  });
}
