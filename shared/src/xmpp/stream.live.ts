// Against a real Prosody on loopback: run with `mocha … 'shared/src/xmpp/*.live.ts'`.
import { createHash } from "node:crypto";
import { connect as connectTcp, createServer, type Server, type Socket } from "node:net";
import { expect } from "chai";
import forge from "node-forge";
import { realRuntime } from "../runtime/real-runtime.ts";
import { iqResult } from "../stanza/iq.ts";
import { Prosody } from "../testing/prosody.ts";
import { recordingLogger } from "../testing/recording-logger.ts";
import { until } from "../testing/until.ts";
import { createXmppClient, type XmppClientOptions } from "./client.ts";
import { createXmppComponent } from "./component.ts";
import type { StateChange, XmppConnection } from "./connection.ts";
import { NS } from "./namespaces.ts";
import { attr, type Element, xml } from "./xml.ts";

describe("streams to a real Prosody", function () {
  this.timeout(30_000);
  let prosody: Prosody;
  let proxy: CuttableProxy;
  const open: XmppConnection[] = [];

  before(async () => {
    prosody = await Prosody.start();
    proxy = await CuttableProxy.start(prosody.c2sPort);
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((connection) => connection.stop()));
  });
  after(async () => {
    proxy.stop();
    await prosody.stop();
  });

  function client(overrides: Partial<XmppClientOptions> = {}, lines = recordingLogger()) {
    const connection = createXmppClient({ ...prosody.login(), ...overrides }, realRuntime, lines);
    open.push(connection);
    connection.start();
    return connection;
  }

  it("logs in with SCRAM and a fixed resource", async () => {
    const connection = client();
    await online(connection);
    expect(connection.jid).to.equal("focus@auth.meet.example/focus");
    const reply = await connection.request(
      xml("iq", { type: "get", to: prosody.authDomain }, xml("query", { xmlns: NS.discoInfo })),
    );
    expect(reply.kind).to.equal("result");
    expect((await connection.request(ping("nobody@nowhere.example"))).kind).to.equal("error");
  });

  it("logs in anonymously without a password", async () => {
    const connection = client({ domain: prosody.domain, password: undefined, resource: undefined });
    await online(connection);
    expect(connection.jid).to.match(/@meet\.example\//);
  });

  const keyPrefix = "jicofo.xmpp.client";
  const account = (port: number): string => `for focus@auth.meet.example at 127.0.0.1:${port}`;

  it("names account, server and keys when the login is refused", async () => {
    const lines = recordingLogger();
    client({ password: "wrong", keyPrefix }, lines);
    await until(() => lines.messages("error").length > 0);
    expect(lines.messages("error")[0]).to.equal(
      `XMPP login refused: not-authorized ${account(prosody.c2sPort)}; check ${keyPrefix}.username and password. Still trying, next in 2 s`,
    );
  });

  it("names account, server and keys when nothing listens there", async () => {
    const lines = recordingLogger();
    client({ port: 1, keyPrefix }, lines);
    await until(() => lines.messages("warn").length > 0);
    expect(lines.messages("warn")[0]).to.equal(
      `XMPP connection failed, still trying: connect ECONNREFUSED 127.0.0.1:1, ${account(1)}; check ${keyPrefix}.hostname and port`,
    );
  });

  for (const security of ["ifpossible", "disabled"] as const) {
    it(`says that the server does not know the domain (TLS ${security})`, async () => {
      const lines = recordingLogger();
      client({ domain: "nowhere.example", keyPrefix, security }, lines);
      await until(() => lines.messages("warn").length > 0);
      expect(lines.messages("warn")[0]).to.contain("stream error host-unknown");
      expect(lines.messages("warn")[0]).to.match(
        /does not serve the domain nowhere\.example, check jicofo\.xmpp\.client\.domain$/,
      );
    });
  }

  it("says that the password is wrong, once, and keeps trying", async () => {
    const lines = recordingLogger();
    const connection = client({ password: "wrong" }, lines);
    await wait(3500);
    expect(connection.state).to.equal("connecting");
    const said = lines.messages().filter((line) => line.includes("password"));
    expect(said).to.have.length(1);
    expect(
      prosody.output.match(/authentication.*fail|not-authorized|Client connected/gi)?.length ?? 0,
    ).to.be.greaterThan(1);
  });

  it("gives way to another program with its account and resource", async () => {
    const lines = recordingLogger();
    const first = client({}, lines);
    await online(first);
    const second = client();
    await online(second);
    await wait(3000);
    expect(first.state).to.equal("connecting");
    expect(second.state).to.equal("online");
    expect(second.sessions).to.equal(1);
    expect(lines.messages("error").join()).to.contain("another program logged in as focus@auth");
  });

  it("answers IQs, refuses unknown ones and carries 650 KB stanzas", async () => {
    const a = client();
    const account = { username: "jvb", password: "jvb", resource: "jvb" };
    const b = client({ ...account, maxStanzaChars: 1024 * 1024 });
    await Promise.all([online(a), online(b)]);
    b.handleIq({ type: "set", name: "echo", ns: "urn:test" }, async ({ iq, payload }) =>
      iqResult(iq, xml("echo", { xmlns: "urn:test", size: String(payload.children[0]).length })),
    );
    const text = 'é<&"x'.repeat(50_000);
    const reply = await a.request(
      xml(
        "iq",
        { type: "set", to: "jvb@auth.meet.example/jvb" },
        xml("echo", { xmlns: "urn:test" }, text),
      ),
    );
    expect(reply.kind).to.equal("result");
    if (reply.kind === "result") {
      expect(attr(reply.iq.children[0] as Element, "size")).to.equal(String(text.length));
    }
    const unknown = await a.request(
      xml(
        "iq",
        { type: "get", to: "jvb@auth.meet.example/jvb" },
        xml("what", { xmlns: "urn:test" }),
      ),
    );
    expect(unknown.kind === "error" && unknown.error.condition).to.equal("service-unavailable");
  });

  it("X1: refuses one stanza, not the stream, and counts it for resumption", async () => {
    const lines = recordingLogger();
    const victim = client({ port: proxy.port }, lines);
    const attacker = client({ username: "jvb", password: "jvb", resource: "jvb" });
    const states: StateChange[] = [];
    await Promise.all([online(victim), online(attacker)]);
    victim.onState((change) => states.push(change));
    const deep = Array(200)
      .fill("a")
      .reduce((inner: Element | undefined) => xml("a", {}, inner), undefined);
    const wide = Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`a${at}`, at]));
    for (const payload of [
      xml("deep", { xmlns: "urn:test" }, deep),
      xml("wide", { xmlns: "urn:test", ...wide }),
      xml("long", { xmlns: "urn:test" }, "x".repeat(400_000)),
      xml("named", { xmlns: "urn:test" }, xml("a\u0387", {})),
    ]) {
      const to = "focus@auth.meet.example/focus";
      const reply = await attacker.request(xml("iq", { type: "set", to }, payload));
      expect(reply.kind === "error" && reply.error.condition, payload.name).to.equal(
        "policy-violation",
      );
    }
    expect(lines.messages("warn")).to.deep.equal(Array(4).fill("Left out a stanza"));
    // The counts of both sides still agree: the session can be taken up.
    proxy.cut();
    await until(() => states.length >= 2);
    expect(states.map(({ state, resumed }) => `${state} ${resumed}`)).to.deep.equal([
      "connecting false",
      "online true",
    ]);
  });

  it("X1: bytes that are no UTF-8 cost the stanza they are in, and not the stream", async () => {
    const lines = recordingLogger();
    const victim = client({ port: proxy.port }, lines);
    await online(victim);
    const states: StateChange[] = [];
    victim.onState((change) => states.push(change));
    const heard: string[] = [];
    victim.onStanza((el) => heard.push(`${el.name} ${attr(el, "id")}`));
    // In the server's place, for the real one reads what it passes on.
    proxy.inject("<message id='1'><body>\u00e9</body></message><message id='2'><body>");
    proxy.inject(Buffer.from([0xc3]));
    await wait(20);
    proxy.inject(Buffer.from([0x28, 0xff]));
    proxy.inject("</body></message><message id='3'/>");
    await until(() => heard.includes("message 3"));
    expect(heard).to.deep.equal(["message 1", "message 3"]);
    expect(lines.messages("warn")).to.deep.equal(["Left out a stanza"]);
    expect(states).to.deep.equal([]);
  });

  it("X1: a peer that sends the server no UTF-8 loses its own stream, and nobody else does", async () => {
    const victim = client();
    await online(victim);
    const states: StateChange[] = [];
    victim.onState((change) => states.push(change));
    const heard: string[] = [];
    victim.onStanza((el) => heard.push(`${el.name} ${attr(el, "id")}`));
    const { componentDomain, componentSecret } = prosody;
    const peer = connectTcp(prosody.componentPort, "127.0.0.1");
    let said = "";
    let ended = false;
    peer.on("data", (data: Buffer) => {
      said += data.toString("latin1");
    });
    peer.on("close", () => {
      ended = true;
    });
    peer.on("error", () => {});
    peer.write(
      `<stream:stream xmlns='jabber:component:accept' xmlns:stream='${NS.stream}' to='${componentDomain}'>`,
    );
    await until(() => / id=['"]/.test(said));
    const id = / id=['"]([^'"]*)/.exec(said)?.[1] ?? "";
    const proof = createHash("sha1").update(`${id}${componentSecret}`).digest("hex");
    peer.write(`<handshake>${proof}</handshake>`);
    await until(() => said.includes("<handshake"));
    const to = (id: number) =>
      `<message id='${id}' from='x@${componentDomain}' to='${victim.jid}'>`;
    peer.write(`${to(1)}<body>x</body></message>${to(2)}<body>`);
    await until(() => heard.includes("message 1"));
    peer.write(Buffer.from([0xc3, 0x28, 0xff]));
    peer.write("</body></message>");
    await until(() => ended);
    expect((await victim.request(ping(prosody.authDomain))).kind).to.equal("result");
    expect(heard).to.deep.equal(["message 1"]);
    expect(states).to.deep.equal([]);
  });

  it("resumes after the TCP connection is cut and loses nothing", async () => {
    const a = client({ port: proxy.port });
    const b = client({ username: "jvb", password: "jvb", resource: "jvb" });
    await Promise.all([online(a), online(b)]);
    const states: StateChange[] = [];
    a.onState((change) => states.push(change));
    const got: string[] = [];
    const gotBack: string[] = [];
    b.onStanza((el) => el.name === "message" && got.push(attr(el, "id") ?? ""));
    a.onStanza((el) => el.name === "message" && gotBack.push(attr(el, "id") ?? ""));
    let sent = 0;
    const say = () => {
      const id = String(sent++);
      a.send(xml("message", { to: "jvb@auth.meet.example/jvb", id }, xml("body", {}, id)));
      b.send(xml("message", { to: "focus@auth.meet.example/focus", id }, xml("body", {}, id)));
    };
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 20; i++) say();
      if (round === 1) proxy.stall();
      for (let i = 0; i < 20; i++) say();
      await wait(50);
      proxy.cut();
      for (let i = 0; i < 20; i++) say();
      const answer = a.request(ping(prosody.authDomain), 5000);
      await online(a);
      expect((await answer).kind).to.equal("result");
    }
    await until(() => got.length >= sent && gotBack.length >= sent);
    const expected = Array.from({ length: sent }, (_, i) => String(i));
    expect(got).to.deep.equal(expected);
    expect(gotBack).to.deep.equal(expected);
    expect(
      states.filter(({ state }) => state === "online").map(({ resumed }) => resumed),
    ).to.deep.equal([true, true, true]);
  });

  it("R16: notices a half-open connection and resumes on another", async () => {
    const lines = recordingLogger();
    const a = client({ port: proxy.port, pingIntervalMs: 1000, pingTimeoutMs: 1000 }, lines);
    await online(a);
    const lost = connectionLost(a);
    const began = performance.now();
    proxy.stall();
    await lost;
    expect(performance.now() - began).to.be.below(5000);
    expect(lines.messages("warn").join()).to.contain("ping timed out");
    await online(a);
    expect(a.sessions).to.equal(1);
    expect((await a.request(ping(prosody.authDomain))).kind).to.equal("result");
  });

  it("R16: leaves a server that keeps its window closed, and loses nothing", async () => {
    const lines = recordingLogger();
    const a = client({ port: proxy.port }, lines);
    const account = { username: "jvb", password: "jvb", resource: "jvb" };
    const b = client({ ...account, maxStanzaChars: 1024 * 1024 });
    await Promise.all([online(a), online(b)]);
    const got: string[] = [];
    b.onStanza((el) => el.name === "message" && got.push(attr(el, "id") ?? ""));
    const lost = connectionLost(a);
    proxy.pause();
    const body = "x".repeat(900_000);
    for (let id = 0; id < 20; id++) {
      const to = "jvb@auth.meet.example/jvb";
      a.send(xml("message", { to, id: String(id) }, xml("body", {}, body)));
    }
    await lost;
    expect(lines.messages("warn").join()).to.contain("does not read");
    await online(a);
    await until(() => got.length === 20);
    expect(got).to.deep.equal(Array.from({ length: 20 }, (_, id) => String(id)));
    expect(a.sessions).to.equal(1);
  });

  it("comes back after Prosody restarts, as a fresh session", async () => {
    const a = client();
    await online(a);
    const states: StateChange[] = [];
    a.onState((change) => states.push(change));
    const lost = a.request(ping("focus@auth.meet.example/nobody-answers"), 20_000);
    await prosody.down("SIGKILL");
    await until(() => a.state === "connecting");
    await wait(1000);
    await prosody.up();
    await online(a);
    expect(states.at(-1)).to.deep.equal({ state: "online", resumed: false });
    expect(["disconnected", "error"]).to.include((await lost).kind);
  });

  it("speaks as a component", async () => {
    const component = createXmppComponent(prosody.componentLogin(), realRuntime, recordingLogger());
    open.push(component);
    component.start();
    await online(component);
    expect(component.jid).to.equal("focus.meet.example");
    component.handleIq({ type: "set", name: "conference", ns: NS.focus }, ({ iq }) => iqResult(iq));
    const a = client();
    await online(a);
    const reply = await a.request(
      xml("iq", { type: "set", to: "focus.meet.example" }, xml("conference", { xmlns: NS.focus })),
    );
    expect(reply.kind).to.equal("result");
    const back = await component.request(ping("focus@auth.meet.example/focus"));
    expect(back.kind).to.equal("result");
    await prosody.down();
    await until(() => component.state === "connecting");
    await prosody.up();
    await online(component);
  });

  it("refuses a component with the wrong secret, and says so", async () => {
    const lines = recordingLogger();
    const component = createXmppComponent(
      {
        name: "component",
        host: "127.0.0.1",
        port: prosody.componentPort,
        domain: prosody.componentDomain,
        secret: "wrong",
      },
      realRuntime,
      lines,
    );
    open.push(component);
    component.start();
    await until(() => lines.messages().some((line) => line.includes("not-authorized")));
  });

  it("requires TLS when told so", async () => {
    const lines = recordingLogger();
    const connection = client({ security: "required" }, lines);
    await until(() => lines.messages().some((line) => line.includes("TLS is required")));
    expect(connection.state).to.equal("connecting");
  });

  describe("with TLS", () => {
    let secure: Prosody;
    const good = selfSigned("auth.meet.example");

    before(async () => {
      secure = await Prosody.start({
        requireEncryption: true,
        certificates: { "auth.meet.example.crt": good.cert, "auth.meet.example.key": good.key },
      });
    });
    after(async () => {
      await secure.stop();
    });

    it("logs in when the certificate is trusted", async () => {
      const connection = client({ port: secure.c2sPort, security: "required", ca: good.cert });
      await online(connection);
    });

    it("logs in when certificates are not verified", async () => {
      const connection = client({ port: secure.c2sPort, disableCertificateVerification: true });
      await online(connection);
    });

    it("refuses an unknown certificate, and says so", async () => {
      const lines = recordingLogger();
      const connection = client({ port: secure.c2sPort }, lines);
      await until(() => lines.messages().some((line) => /self.signed/i.test(line)));
      expect(connection.state).to.equal("connecting");
    });

    it("refuses a certificate for another name", async () => {
      const lines = recordingLogger();
      const other = selfSigned("other.example");
      const connection = client({ port: secure.c2sPort, ca: other.cert }, lines);
      await until(() => lines.messages("warn").length > 0);
      expect(connection.state).to.equal("connecting");
    });

    it("cannot log in in clear where TLS is required", async () => {
      const lines = recordingLogger();
      client({ port: secure.c2sPort, security: "disabled" }, lines);
      await until(() => lines.messages("warn").length > 0);
    });
  });
});

function ping(to: string): Element {
  return xml("iq", { type: "get", to }, xml("ping", { xmlns: NS.ping }));
}

/** However soon it is back: who asks now and then may miss that it was away. */
function connectionLost(connection: XmppConnection): Promise<void> {
  return new Promise((resolve) => {
    const stop = connection.onState(({ state }) => {
      if (state === "online") return;
      stop();
      resolve();
    });
  });
}

async function online(connection: XmppConnection): Promise<void> {
  await until(() => connection.state === "online");
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function selfSigned(name: string): { cert: string; key: string } {
  const keys = forge.pki.rsa.generateKeyPair(2048);
  const cert = forge.pki.createCertificate();
  cert.publicKey = keys.publicKey;
  cert.serialNumber = "01";
  cert.validity.notBefore = new Date(Date.now() - 86_400_000);
  cert.validity.notAfter = new Date(Date.now() + 86_400_000);
  const subject = [{ name: "commonName", value: name }];
  cert.setSubject(subject);
  cert.setIssuer(subject);
  cert.setExtensions([
    { name: "basicConstraints", cA: true },
    { name: "subjectAltName", altNames: [{ type: 2, value: name }] },
  ]);
  cert.sign(keys.privateKey, forge.md.sha256.create());
  return {
    cert: forge.pki.certificateToPem(cert),
    key: forge.pki.privateKeyToPem(keys.privateKey),
  };
}

/** A TCP relay whose connections a test can cut, or stall first so that written data is lost. */
class CuttableProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #pairs = new Set<[Socket, Socket]>();

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async start(target: number): Promise<CuttableProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const proxy = new CuttableProxy(server, address.port);
    server.on("connection", (near) => {
      const far = connectTcp(target, "127.0.0.1");
      const pair: [Socket, Socket] = [near, far];
      proxy.#pairs.add(pair);
      for (const socket of pair) {
        socket.on("error", () => {});
        socket.on("close", () => {
          near.destroy();
          far.destroy();
          proxy.#pairs.delete(pair);
        });
      }
      near.pipe(far);
      far.pipe(near);
    });
    return proxy;
  }

  stall(): void {
    for (const [near, far] of this.#pairs) {
      near.unpipe();
      far.unpipe();
      near.resume();
      far.resume();
    }
  }

  /** Reads nothing more: the windows close. */
  pause(): void {
    for (const sockets of this.#pairs) {
      for (const socket of sockets) {
        socket.unpipe();
        socket.pause();
      }
    }
  }

  /** Says something to the clients as if the server did. */
  inject(data: string | Buffer): void {
    for (const [near] of this.#pairs) near.write(data);
  }

  cut(): void {
    for (const [near, far] of this.#pairs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  }

  stop(): void {
    this.cut();
    this.#server.close();
  }
}
