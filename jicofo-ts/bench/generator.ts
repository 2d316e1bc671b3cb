/**
 * The load generator of the focus benchmark: simulated bridges and clients, told what to do by the
 * process that started it. See `generator-messages.ts`.
 */
import { setPriority } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type {
  Answer,
  ArrivalReport,
  Arrivals,
  Command,
  FirstReport,
  Question,
} from "./generator-messages.ts";
import { SimulatedBridge } from "./simulated-bridge.ts";
import { type ClientPlace, SimulatedClient } from "./simulated-client.ts";
import { keepTimetable } from "./timetable.ts";

/**
 * Between the members of a conference, and from login to request to join, ms. At ten conferences a
 * second these put no two of thirty joins, requests and logins a second onto the same moment: what
 * is asked for is a steady stream, not a burst every 100 ms.
 */
const memberSpacingMs = 400 / 3;
const askLeadMs = 150;
const loginLeadMs = 1_008;
const patienceMs = 15_000;

let batch = 0;
let bridges: SimulatedBridge[] = [];
let present: SimulatedClient[] = [];

try {
  // It shares its core with the XMPP server and must not wait for it.
  setPriority(-10);
} catch {
  // Not allowed here; the report says how late it was.
}

async function until(done: () => boolean, withinMs: number): Promise<void> {
  const end = performance.now() + withinMs;
  while (!done() && performance.now() < end) await sleep(20);
}

function makeRoom(place: ClientPlace, name: string, size: number): SimulatedClient[] {
  return Array.from({ length: size }, (_, member) => {
    const nick = (0x1000_0000 + ((batch * 7_919 + present.length * 104_729 + member) % 0xefff_ffff))
      .toString(16)
      .padStart(8, "0");
    return new SimulatedClient(place, name, nick);
  });
}

async function arrive(place: ClientPlace, arrivals: Arrivals): Promise<ArrivalReport> {
  const { conferences, rate, size } = arrivals;
  batch++;
  const start = performance.now() + loginLeadMs + 500;
  const entries: { at: number; run: (lateMs: number) => void }[] = [];
  const lateness: number[] = [];
  const scheduled: { client: SimulatedClient; asked: number; counted: number; first: boolean }[] =
    [];
  const rooms: SimulatedClient[][] = [];
  const failed: string[] = [];
  for (let at = 0; at < conferences; at++) {
    const members = makeRoom(place, `bench-${process.pid}-${batch}-${at}`, size);
    rooms.push(members);
    present.push(...members);
    const begin = start + (1_000 * at) / rate;
    members.forEach((client, member) => {
      const asked = begin + member * memberSpacingMs;
      const joins = asked + askLeadMs;
      // Nobody is invited before there are two.
      const counted = member === 0 && size > 1 ? joins + memberSpacingMs : joins;
      scheduled.push({ client, asked, counted, first: member === 0 });
      let loggedIn = false;
      const login = (): void => {
        client.login().then(
          () => {
            loggedIn = true;
          },
          (error: unknown) => failed.push(String(error)),
        );
      };
      const ask = (late: number): void => {
        lateness.push(late);
        if (loggedIn) client.ask();
        else failed.push("not logged in in time");
      };
      const join = (late: number): void => {
        if (client.readyAt > 0) {
          lateness.push(late);
          client.join();
        } else client.onReady = () => client.join();
      };
      entries.push(
        { at: asked - loginLeadMs, run: login },
        { at: asked, run: ask },
        { at: joins, run: join },
      );
    });
  }
  await keepTimetable(entries);
  const knowsAll = (room: readonly SimulatedClient[]): boolean =>
    room.every(
      (one) => one.acceptedAt > 0 && room.every((other) => one === other || one.knows(other)),
    );
  await until(() => rooms.every(knowsAll), patienceMs);
  await sleep(500);
  const faults = [...failed];
  for (const { client } of scheduled) {
    if (client.refused !== "") faults.push(client.refused);
    if (client.invitations > 1) faults.push("invited again");
  }
  return {
    joinToInitiate: scheduled.flatMap(({ client, counted }) =>
      client.invitedAt > 0 ? client.invitedAt - counted : [],
    ),
    requestToReady: scheduled.flatMap(({ client, asked, first }) =>
      first && client.readyAt > 0 ? client.readyAt - asked : [],
    ),
    lateness,
    participants: scheduled.length,
    complete: rooms.filter(knowsAll).length * size,
    faults,
  };
}

async function first(place: ClientPlace, size: number): Promise<FirstReport> {
  batch++;
  const members = makeRoom(place, `first-${process.pid}-${batch}`, size);
  present.push(...members);
  await Promise.all(members.map((client) => client.login()));
  await sleep(500);
  const began = performance.now();
  const opener = members[0];
  if (opener === undefined) throw new Error("nobody to begin");
  opener.onReady = () => {
    for (const client of members) client.join();
  };
  opener.ask();
  await until(() => members.every((client) => client.invitedAt > 0), patienceMs);
  if (!members.every((client) => client.invitedAt > 0)) throw new Error("not all were invited");
  return { ms: Math.max(...members.map((client) => client.invitedAt)) - began };
}

async function leave(overMs: number): Promise<void> {
  const leaving = present;
  present = [];
  const begin = performance.now();
  await keepTimetable(
    leaving.map((client, at) => ({
      at: begin + (overMs * at) / leaving.length,
      run: () => client.leave(),
    })),
  );
  await until(() => bridges.every((bridge) => bridge.conferences === 0), patienceMs);
}

async function obey(command: Command): Promise<unknown> {
  switch (command.kind) {
    case "bridges":
      bridges = Array.from(
        { length: command.count },
        (_, at) => new SimulatedBridge(command.port, command.authDomain, `jvb${at + 1}`),
      );
      for (const bridge of bridges) bridge.start();
      return undefined;
    case "arrive":
      return await arrive(command.place, command.arrivals);
    case "first":
      return await first(command.place, command.size);
    case "leave":
      return await leave(command.overMs);
    case "end":
      await Promise.all(bridges.map((bridge) => bridge.stop()));
      setTimeout(() => process.exit(), 50);
      return undefined;
  }
}

process.on("disconnect", () => process.exit());
process.on("message", ({ id, command }: Question) => {
  obey(command).then(
    (result) => process.send?.({ id, result } satisfies Answer),
    (error: unknown) => process.send?.({ id, error: String(error) } satisfies Answer),
  );
});
