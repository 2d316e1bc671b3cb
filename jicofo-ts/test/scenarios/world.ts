/** Everything a scenario needs: a focus, its rooms, bridges and clients on virtual time. */
import { recordingLogger } from "#shared/testing/recording-logger";
import { VirtualRuntime } from "#shared/testing/virtual-runtime";
import type { Jid } from "#shared/xmpp/jid";
import { BridgeRegistry } from "../../src/bridge/registry.ts";
import type { BridgeReport } from "../../src/bridge/report.ts";
import { defaultBridgeSettings } from "../../src/bridge/settings.ts";
import { type ConferenceConfig, defaultConferenceConfig } from "../../src/conference/config.ts";
import type { Focus } from "../../src/focus/door.ts";
import { createFocus } from "../../src/focus/focus.ts";
import { FakeBridge, wellReport } from "./fake-bridge.ts";
import { FakeClient } from "./fake-client.ts";
import { FakeConnection, FakeRoom, jid } from "./fake-xmpp.ts";
import { faultsOf, watch } from "./invariants.ts";

export const roomJid = "one@conference.example.com";

/** After each test the invariants of `invariants.ts` are checked on every world it made. */
export class World {
  readonly runtime = new VirtualRuntime();
  readonly log = recordingLogger("test", () => this.runtime.clock.now());
  readonly connection = new FakeConnection(this.runtime, jid("focus@auth.example.com/focus"));
  readonly registry = new BridgeRegistry(defaultBridgeSettings);
  readonly rooms = new Map<string, FakeRoom>();
  readonly counts = new Map<string, number>();
  readonly clients: FakeClient[] = [];
  readonly bridges: FakeBridge[] = [];
  readonly focus: Focus;
  /** Addresses of the deployment's components, by type. */
  readonly components = new Map([["room_metadata", "metadata.example.com"]]);
  /** Bugs of ours that the scenario provokes. */
  expectedBugs = 0;
  /** Called with each room before the focus joins it. */
  prepareRoom: (room: FakeRoom) => void = () => {};
  /** How long a member takes to answer what it can do. */
  discoveryMs = 1;
  /** Nicks of members that do not say what they can do. */
  readonly discoverNothing = new Set<string>();

  constructor(config: Partial<ConferenceConfig> = {}) {
    this.focus = createFocus(
      {
        conference: { ...defaultConferenceConfig, ...config },
        focusJid: "focus@auth.example.com",
        sipGatewayEnabled: false,
        componentAddress: (type) => this.components.get(type),
      },
      {
        runtime: this.runtime,
        log: this.log,
        client: this.connection,
        service: this.connection,
        bridges: this.registry,
        count: (metric, by = 1) => {
          this.counts.set(metric, (this.counts.get(metric) ?? 0) + by);
        },
        openRoom: (room, nick, onEvent) => {
          const fake = new FakeRoom(room, nick, onEvent);
          fake.form = new Map([["muc#roominfo_meetingId", [`meeting-${room}`]]]);
          this.prepareRoom(fake);
          this.rooms.set(room, fake);
          return fake;
        },
        discover: (occupant) => this.#discover(occupant),
      },
    );
    watch(this);
  }

  faults(): Promise<readonly string[]> {
    return faultsOf(this);
  }

  get room(): FakeRoom {
    return this.roomOf(roomJid);
  }

  roomOf(address: string): FakeRoom {
    const room = this.rooms.get(address);
    if (room === undefined) throw new Error(`no conference was requested for ${address}`);
    return room;
  }

  /** A bridge enters the brewery. */
  bridge(nick: string, report: Partial<BridgeReport> = {}): FakeBridge {
    const bridge = new FakeBridge(this.runtime, nick);
    this.bridges.push(bridge);
    this.connection.peers.set(bridge.jid, bridge.peer);
    this.report(bridge, report);
    return bridge;
  }

  /** A bridge publishes statistics. */
  report(bridge: FakeBridge, report: Partial<BridgeReport>): void {
    const now = this.runtime.clock.now();
    for (const event of this.registry.handleReport(bridge.jid, { ...wellReport, ...report }, now)) {
      this.focus.handleBridge(event);
    }
  }

  /** A bridge leaves the brewery without a word. */
  lose(bridge: FakeBridge): void {
    this.connection.peers.delete(bridge.jid);
    for (const event of this.registry.handleLeft(bridge.jid)) this.focus.handleBridge(event);
  }

  /** Somebody asks for the conference; resolves with whether it is ready. */
  async ask(
    properties: Readonly<Record<string, string>> = {},
    room = roomJid,
    from: string | undefined = "someone@example.com/x",
  ): Promise<boolean | string> {
    const answer = await this.focus.request({
      room,
      from,
      sessionId: undefined,
      machineUid: undefined,
      token: undefined,
      properties: new Map(Object.entries(properties)),
    });
    return answer.ok ? answer.value.ready : answer.error.condition;
  }

  /** `ask`, with the time for an answer. */
  async request(...asked: Parameters<World["ask"]>): Promise<boolean | string> {
    const answer = this.ask(...asked);
    await this.pass(1);
    return answer;
  }

  /** A client, not yet in the room. Its SSRCs are `1000·n` and up. */
  client(nick: string, room = roomJid): FakeClient {
    const first = 100_000 + 1000 * this.clients.length;
    const client = new FakeClient(this.connection, this.roomOf(room), nick, first);
    this.clients.push(client);
    return client;
  }

  /** Clients that join one after the other, each invited before the next comes. */
  async joinAll(...nicks: string[]): Promise<FakeClient[]> {
    const joined: FakeClient[] = [];
    for (const nick of nicks) {
      const client = this.client(nick);
      client.join();
      joined.push(client);
      await this.pass(20);
    }
    return joined;
  }

  async pass(ms: number): Promise<void> {
    await this.runtime.advanceAsync(ms);
  }

  async #discover(occupant: Jid): Promise<readonly string[] | undefined> {
    await new Promise<void>((resolve) => {
      this.runtime.timers.after(this.discoveryMs, resolve);
    });
    const found = this.clients.find((client) => client.occupantJid === occupant);
    return found !== undefined && this.discoverNothing.has(found.nick)
      ? undefined
      : found?.features;
  }
}

/** Lets every join take that long, and tells how many there were at most at the same time. */
export function slowJoins(world: World, ms: number): () => number {
  let joining = 0;
  let most = 0;
  world.prepareRoom = (room: FakeRoom) => {
    const join = room.join.bind(room);
    room.join = async () => {
      most = Math.max(most, ++joining);
      await new Promise<void>((resolve) => void world.runtime.timers.after(ms, resolve));
      joining--;
      return join();
    };
  };
  return () => most;
}
