/** The scenarios' scripted bridge, in the brewery of a real Prosody. */
import { realRuntime } from "#shared/runtime/real-runtime";
import { buildColibriStats } from "#shared/stanza/colibri-stats";
import { iqResult } from "#shared/stanza/iq";
import type { XmppConnection } from "#shared/xmpp/connection";
import { NS } from "#shared/xmpp/namespaces";
import { attr, xml } from "#shared/xmpp/xml";
import { FakeBridge } from "../scenarios/fake-bridge.ts";
import { login, type Server } from "./live-connection.ts";

export class LiveBridge {
  readonly nick: string;
  readonly script: FakeBridge;
  readonly #prosody: Server;
  #connection: XmppConnection | undefined;

  constructor(prosody: Server, nick: string) {
    this.#prosody = prosody;
    this.nick = nick;
    this.script = new FakeBridge(realRuntime, nick);
  }

  /** Without a resource the server chooses one, as for upstream's bridges. */
  async start(resource?: string): Promise<void> {
    const connection = await login(this.#prosody, "jvb", resource);
    this.#connection = connection;
    connection.handleIq({ type: "get", name: "conference-modify", ns: NS.colibri2 }, ({ iq }) =>
      this.script.peer(iq),
    );
    connection.handleIq({ type: "get", name: "healthcheck", ns: NS.healthcheck }, ({ iq }) =>
      iqResult(iq),
    );
    connection.onState(({ state, resumed }) => {
      if (state === "online" && !resumed) this.say();
    });
    this.say();
  }

  /** Joins the brewery, or says something new there. */
  say(stats: Readonly<Record<string, string>> = {}): void {
    const room = `jvbbrewery@internal.${this.#prosody.authDomain}/${this.nick}`;
    const all = { stress_level: "0.1", drain: "false", version: "2.3", region: "eu", ...stats };
    this.#connection?.send(
      xml(
        "presence",
        { to: room },
        xml("x", { xmlns: NS.muc }),
        buildColibriStats(Object.entries(all)),
      ),
    );
  }

  /** Ids of the endpoints of the room's conference. */
  endpoints(room: string): string[] {
    const created = this.script.requests.findLast((request) => attr(request, "name") === room);
    const meeting = created && attr(created, "meeting-id");
    return [...(this.script.meetings.get(meeting ?? "")?.keys() ?? [])];
  }

  async stop(): Promise<void> {
    await this.#connection?.stop();
  }
}
