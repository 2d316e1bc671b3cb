/** A whole focus, entries included, with authentication configured, on virtual time. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "#shared/config/config";
import type { HttpHandler, HttpReply } from "#shared/http/message";
import { ok } from "#shared/runtime/result";
import { buildDiscoInfo } from "#shared/stanza/disco-info";
import { iqResult } from "#shared/stanza/iq";
import { parseStanzaError } from "#shared/stanza/stanza-error";
import { logFaults } from "#shared/testing/invariants";
import { recordingLogger } from "#shared/testing/recording-logger";
import { VirtualRuntime } from "#shared/testing/virtual-runtime";
import { NS } from "#shared/xmpp/namespaces";
import { attr, childOf, childrenOf, type Element, xml } from "#shared/xmpp/xml";
import { allTables, type FocusSettings, readSettings } from "../../src/config/settings.ts";
import { createJicofo, type Jicofo } from "../../src/program.ts";
import { FakeConnection, FakeRoom, jid, occupant } from "./fake-xmpp.ts";
import { watch } from "./invariants.ts";

/** The settings of a deployment with `configuration` besides its account. */
export function settings(configuration: string): FocusSettings {
  const folder = mkdtempSync(join(tmpdir(), "jicofo-secure-"));
  try {
    const file = join(folder, "jicofo.conf");
    const account = `jicofo.xmpp.client {
      domain = auth.example.com, xmpp-domain = example.com, client-proxy = focus.example.com
    }\n`;
    writeFileSync(file, account + configuration);
    return readSettings(
      loadConfig({ argv: ["--config", file], env: {}, tables: allTables, fileRequired: true }),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What a request by IQ brought. */
export interface Answer {
  /** Condition of a refusal. */
  readonly refused: string | undefined;
  readonly text: string | undefined;
  /** Whether the refusal names `session-invalid`. */
  readonly sessionInvalid: boolean;
  readonly ready: boolean;
  readonly sessionId: string | undefined;
  readonly identity: string | undefined;
  readonly properties: Readonly<Record<string, string>>;
  readonly element: Element;
}

/** Session and machine of a request. */
export interface Asking {
  readonly session?: string | undefined;
  readonly machine?: string | undefined;
}

export const room = "one@conference.example.com";
export const user = "ada@example.com/page";
export const guest = "1a2b3c@guest.example.com/page";

export class SecureWorld {
  readonly runtime = new VirtualRuntime();
  readonly log = recordingLogger("test", () => this.runtime.clock.now());
  readonly connection = new FakeConnection(this.runtime, jid("focus@auth.example.com/focus"));
  /** The stream on which clients reach `focus.example.com` where the focus is that component. */
  readonly component = new FakeConnection(this.runtime, jid("focus.example.com"));
  readonly rooms = new Map<string, FakeRoom>();
  readonly jicofo: Jicofo;
  /** Called with each room before the focus joins it. */
  prepareRoom: (room: FakeRoom) => void = () => {};
  readonly #routes = new Map<string, HttpHandler>();

  /** `more`: of the configuration. */
  constructor(
    authentication = "{ enabled = true, type = XMPP, login-url = example.com }",
    more = "",
  ) {
    const breakout = {
      category: "component",
      type: "breakout_rooms",
      name: "breakout.example.com",
    };
    this.connection.peers.set("example.com", (iq) =>
      iqResult(iq, buildDiscoInfo({ identities: [breakout], features: [], forms: [] }, undefined)),
    );
    this.jicofo = createJicofo(settings(`jicofo.authentication ${authentication}\n${more}`), {
      runtime: this.runtime,
      log: this.log,
      client: this.connection,
      service: this.connection,
      component: this.component,
      openRoom: (_connection, address, nick, onEvent) => {
        const fake = new FakeRoom(address, nick, onEvent);
        fake.form = new Map([["muc#roominfo_meetingId", [`meeting-${address}`]]]);
        this.prepareRoom(fake);
        this.rooms.set(address, fake);
        return fake;
      },
      discover: async () => [],
      caps: () => ({}),
      threads: () => 1,
      os: "Linux",
      http: {
        route: (method, pattern, handler) => this.#routes.set(`${method} ${pattern}`, handler),
        upgrade: () => {},
        start: async () => {},
        stop: async () => {},
        port: 0,
      },
    });
    watch(this);
  }

  /** What is wrong when the whole program has stopped (`invariants.ts`). */
  async faults(): Promise<readonly string[]> {
    const { runtime, connection, component, log } = this;
    const stopped = this.jicofo.stop();
    await this.pass(60_000);
    await stopped;
    const left = [
      [runtime.pendingTimers, "timers"],
      [connection.waiting + component.waiting, "unanswered requests"],
      [[...this.rooms.values()].filter(({ joined }) => joined).length, "rooms"],
      [this.jicofo.focus.rooms().length, "conferences"],
    ] as const;
    return [
      ...left.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what} left`),
      ...logFaults(log.lines, { forbidden: [user, guest] }),
    ];
  }

  async pass(ms: number): Promise<void> {
    await this.runtime.advanceAsync(ms);
  }

  /** Sends any payload to the focus. */
  async send(from: string, payload: Element, entrance = this.connection): Promise<Element> {
    const answering = entrance.deliver(from, payload);
    await this.pass(5);
    const answer = await answering;
    if (answer === undefined) throw new Error("nobody answers that");
    return answer;
  }

  /** A conference request by IQ. */
  async ask(
    from: string,
    { session, machine }: Asking = {},
    where = room,
    entrance = this.connection,
  ): Promise<Answer> {
    const attributes = { xmlns: NS.focus, room: where, "session-id": session };
    const payload = xml("conference", { ...attributes, "machine-uid": machine });
    return read(await this.send(from, payload, entrance));
  }

  /** A conference request by HTTP. */
  async post(body: Readonly<Record<string, unknown>>): Promise<HttpReply> {
    const handler = this.#routes.get("POST /conference-request/v1");
    if (handler === undefined) throw new Error("no such route");
    const answering = Promise.resolve(
      handler({
        method: "POST",
        path: "/conference-request/v1",
        params: {},
        query: new URLSearchParams(),
        headers: { "content-type": "application/json" },
        remoteAddress: "127.0.0.1",
        body: new TextEncoder().encode(JSON.stringify(body)),
        json: () => ok(body),
      }),
    );
    await this.pass(5);
    return answering;
  }

  roomOf(address = room): FakeRoom {
    const found = this.rooms.get(address);
    if (found === undefined) throw new Error(`the focus is not in ${address}`);
    return found;
  }

  /** Somebody enters a room in which the focus is. */
  async enter(real: string, nick: string, where = room): Promise<void> {
    this.roomOf(where).put(occupant(where, nick, real, xml("presence")));
    await this.pass(5);
  }

  /** Somebody leaves it. */
  async leave(nick: string, where = room): Promise<void> {
    this.roomOf(where).take(nick);
    await this.pass(5);
  }
}

function read(element: Element): Answer {
  const payload = childOf(element, "conference", NS.focus);
  const error = attr(element, "type") === "error" ? parseStanzaError(element) : undefined;
  return {
    refused: error?.condition,
    text: error?.text,
    sessionInvalid: error?.application?.name === "session-invalid",
    ready: attr(payload ?? element, "ready") === "true",
    sessionId: payload && attr(payload, "session-id"),
    identity: payload && attr(payload, "identity"),
    properties: Object.fromEntries(
      (payload ? childrenOf(payload, "property", NS.focus) : []).map((each) => [
        attr(each, "name") ?? "",
        attr(each, "value") ?? "",
      ]),
    ),
    element,
  };
}
