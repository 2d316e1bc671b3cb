// The ways in for clients (wire spec C1), on a real Prosody with the real program.
import { expect } from "chai";
import { realRuntime } from "#shared/runtime/real-runtime";
import { iqAnswer, iqResult } from "#shared/stanza/iq";
import { Prosody } from "#shared/testing/prosody";
import { recordingLogger } from "#shared/testing/recording-logger";
import { until } from "#shared/testing/until";
import { createXmppComponent } from "#shared/xmpp/component";
import type { XmppConnection } from "#shared/xmpp/connection";
import { NS } from "#shared/xmpp/namespaces";
import { attr, type Element, elementsOf, xml } from "#shared/xmpp/xml";
import { LiveBridge } from "./live/live-bridge.ts";
import { LiveClient } from "./live/live-client.ts";
import { LiveFocus } from "./live/live-focus.ts";

function asComponent(prosody: Prosody): XmppConnection {
  const connection = createXmppComponent(prosody.componentLogin(), realRuntime, recordingLogger());
  connection.start();
  return connection;
}

describe("ways to the focus", function () {
  this.timeout(30_000);
  let prosody: Prosody;
  let focus: LiveFocus | undefined;
  let bridge: LiveBridge | undefined;
  let proxy: XmppConnection | undefined;
  const clients: LiveClient[] = [];
  const client = async (nick: string, room: string): Promise<LiveClient> => {
    const made = new LiveClient(prosody, `${room}@${prosody.mucDomain}`, nick);
    clients.push(made);
    await made.login();
    return made;
  };
  /** Two who asked by that address are in a call. */
  const call = async (room: string, address: string): Promise<void> => {
    bridge = new LiveBridge(prosody, "jvb1");
    await bridge.start();
    const [a, b] = [await client("aaaaaaaa", room), await client("bbbbbbbb", room)];
    expect(await a.askForConference(address)).to.deep.include({
      ready: true,
      focusJid: `focus@${prosody.authDomain}`,
    });
    await a.join();
    expect((await b.askForConference(address)).ready).to.equal(true);
    await b.join();
    await until(() => a.othersKnown("bbbbbbbb") && b.othersKnown("aaaaaaaa"));
  };
  const component = () => `jicofo.ts.component {
  enabled = true, domain = ${prosody.componentDomain}
  port = ${prosody.componentPort}, secret = ${prosody.componentSecret}
}`;
  const clientProxy = () => `jicofo.xmpp.client.client-proxy = ${prosody.componentDomain}`;

  beforeEach(async () => {
    prosody = await Prosody.start();
  });
  afterEach(async function () {
    if (this.currentTest?.state === "failed") console.error(focus?.output);
    await Promise.all(clients.splice(0).map((one) => one.stop()));
    await Promise.all([proxy?.stop(), bridge?.stop(), focus?.stop()]);
    proxy = bridge = focus = undefined;
    await prosody.stop();
  });

  it("by the component stream: answered there, with the account's address", async () => {
    focus = await LiveFocus.start(prosody, component());
    const address = prosody.componentDomain;
    await call("component", address);
    const a = clients[0] as LiveClient;
    const conference = xml("conference", { xmlns: NS.focus });
    expect(await a.answerTo("get", xml("x", { xmlns: "some:thing" }), address)).to.equal(
      "feature-not-implemented",
    );
    expect(await a.answerTo("set", conference, address)).to.equal("bad-request");
    expect(await a.answerTo("get", xml("query", { xmlns: NS.discoInfo }), address)).to.equal(
      "result",
    );
    // The login beside it still answers, and by its resource, which is the user's name.
    expect((await a.askForConference()).ready).to.equal(true);
  });

  it("by the component stream again after the server was away, and not before it is let in", async () => {
    focus = await LiveFocus.start(prosody, component());
    await prosody.down("SIGKILL");
    await prosody.up();
    const restarted = realRuntime.clock.now();
    await until(() => (focus?.output.split("XMPP connection online").length ?? 0) > 4);
    expect(realRuntime.clock.now() - restarted).to.be.below(3000);
    await call("again", prosody.componentDomain);
  });

  it("says which key to change when the component's secret is wrong, and serves the other ways", async () => {
    focus = await LiveFocus.start(
      prosody,
      `${component()}\njicofo.ts.component.secret = wrong\n${clientProxy()}`,
      /check jicofo\.ts\.component\.secret/,
    );
    await until(() => focus?.output.includes("check jicofo.ts.component.secret") === true);
    expect(focus.output).not.to.include("wrong");
    const a = await client("aaaaaaaa", "other");
    expect((await a.askForConference()).ready).to.equal(true);
  });

  it("tries no component connection unless told", async () => {
    focus = await LiveFocus.start(prosody, clientProxy());
    await until(() => prosody.output.includes("Authenticated as focus@"));
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(prosody.output).not.to.match(/component.*(authenticated|Handshake)/i);
    expect(focus.output).not.to.include("xmpp_connection=component");
  });

  it("by mod_client_proxy: known to it by directed presence, also after both were away", async () => {
    // What the module does, spoken by a component: stock Prosody has no such module.
    const known: string[] = [];
    const open = new Map<string, { readonly to: string; readonly id: string }>();
    proxy = asComponent(prosody);
    const connection = proxy;
    connection.onStanza((stanza) => {
      const from = attr(stanza, "from") ?? "";
      if (stanza.name === "presence" && from.startsWith(`focus@${prosody.authDomain}/`)) {
        if (attr(stanza, "type") === undefined) known.push(from);
        else known.splice(0, known.length, ...known.filter((one) => one !== from));
      }
    });
    const forward = async (iq: Element): Promise<Element | undefined> => {
      const target = known.at(-1);
      const asking = attr(iq, "from") ?? "";
      if (target === undefined) throw new Error("the focus is not known");
      open.set(target, { to: asking, id: attr(iq, "id") ?? "" });
      const copy = xml("iq", {
        type: attr(iq, "type"),
        to: target,
        from: `${prosody.componentDomain}/${asking}`,
      });
      for (const child of elementsOf(iq)) copy.append(child);
      const reply = await connection.request(copy);
      if (reply.kind !== "result" && reply.kind !== "error") throw new Error(reply.kind);
      // Exactly the address asked for, with the client's address inside.
      expect(attr(reply.iq, "to")).to.equal(`${prosody.componentDomain}/${asking}`);
      expect(attr(reply.iq, "from")).to.equal(target);
      const payload = elementsOf(reply.iq)[0];
      return reply.kind === "result" ? iqResult(iq, payload) : iqAnswer(iq, "error", payload);
    };
    connection.handleIq({ type: "set", name: "conference", ns: NS.focus }, ({ iq }) => forward(iq));
    await until(() => connection.state === "online");
    focus = await LiveFocus.start(prosody, clientProxy());
    await until(() => known.length > 0);
    expect(known).to.deep.equal([`focus@${prosody.authDomain}/focus`]);
    await call("proxied", prosody.componentDomain);
    const a = clients[0] as LiveClient;
    const conference = xml("conference", { xmlns: NS.focus });
    expect(await a.answerTo("set", conference, prosody.componentDomain)).to.equal("bad-request");
    await prosody.down("SIGKILL");
    known.length = 0;
    await prosody.up();
    // Whoever comes first: the module asks for presence when it is loaded.
    connection.onState(({ state }) => {
      const ask = xml("presence", { to: `focus@${prosody.authDomain}`, type: "subscribe" });
      if (state === "online") connection.send(ask);
    });
    await until(() => known.length > 0);
  });
});
