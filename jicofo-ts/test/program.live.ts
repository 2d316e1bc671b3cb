// The program itself: run with `mocha … 'jicofo-ts/test/program.live.ts'`.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";

const main = new URL("../src/main.ts", import.meta.url).pathname;

/** A started program; what it printed and its exit status. */
class Program {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  stderr = "";
  stdout = "";

  constructor(...args: string[]) {
    this.child = spawn(process.execPath, ["--conditions=source", main, ...args]);
    this.child.stderr?.on("data", (data: Buffer) => {
      this.stderr += data.toString();
    });
    this.child.stdout?.on("data", (data: Buffer) => {
      this.stdout += data.toString();
    });
    this.ended = new Promise((resolve) => this.child.once("close", resolve));
  }
}

/** A server that counts connections and drops them at once. */
async function dropping(): Promise<{ server: Server; port: number; count: () => number }> {
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  return { server, port, count: () => connections };
}

describe("the focus as a program", function () {
  this.timeout(15_000);
  let folder = "";
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "jicofo-start-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  const write = (text: string): string => {
    const file = join(folder, "j.conf");
    writeFileSync(file, text);
    return file;
  };
  const account = (port: number): string =>
    `jicofo { xmpp.client { hostname = 127.0.0.1, port = ${port}, domain = auth.x, xmpp-domain = x, password = hunter2 }`;

  for (const [name, text, line] of [
    ["a wrong port", "rest.port = 70000 }", /^jicofo-ts: .*j\.conf:2: jicofo\.rest\.port: .*; /],
    ["broken HOCON", "rest {", /^jicofo-ts: .*j\.conf:\d/],
    [
      "visitors, whose limit is missing",
      "visitors.enabled = true }",
      /^jicofo-ts: .*j\.conf:2: jicofo\.visitors\.enabled: is not built yet: /,
    ],
    [
      "an authentication that does not exist",
      "authentication { enabled = true, type = SHIBBOLETH } }",
      /^jicofo-ts: .*j\.conf:2: jicofo\.authentication\.type: /,
    ],
  ] as const) {
    it(`says so in one line and ends with 78: ${name}`, async () => {
      const program = new Program("--config", write(`${account(1)}\n${text}`));
      expect(await program.ended).to.equal(78);
      expect(program.stderr).to.match(line);
      expect(program.stderr.trimEnd()).not.to.contain("\n");
    });
  }

  it("checks the configuration without starting, and shows no secret", async () => {
    const xmpp = await dropping();
    const brewery = 'bridge.brewery-jid = "b@internal.auth.x"';
    const file = write(`${account(xmpp.port)}\nocto.enabled = true, ${brewery} }`);
    const program = new Program("--config", file, "--check-config");
    expect(await program.ended).to.equal(0);
    expect(program.stderr).to.equal("");
    expect(program.stdout).to.match(/j\.conf:2: jicofo\.octo\.enabled: is not built yet/);
    expect(program.stdout).to.match(/client\.password = \(hidden\) +.*j\.conf:1 +works/);
    expect(program.stdout).to.match(/Fit to start, with 1 warning\.\n$/);
    expect(program.stdout).not.to.contain("hunter2");
    expect(xmpp.count()).to.equal(0);
    xmpp.server.close();
  });

  it("R25: names the key of a taken port, before anybody has seen it", async () => {
    const xmpp = await dropping();
    const rest = await dropping();
    const file = write(`${account(xmpp.port)}\nrest.port = ${rest.port} }`);
    const program = new Program("--config", file);
    expect(await program.ended).to.equal(78);
    expect(program.stderr).to.match(
      /^jicofo-ts: jicofo\.rest\.port: 127\.0\.0\.1:\d+ is taken by another program; stop it or set jicofo\.rest\.port/m,
    );
    expect(xmpp.count()).to.equal(0);
    xmpp.server.close();
    rest.server.close();
  });

  it("keeps trying where no server answers, with nothing else to do, and says so once", async () => {
    const xmpp = await dropping();
    const program = new Program("--config", write(`${account(xmpp.port)}\nrest.enabled = off }`));
    for (let tries = 0; tries < 100 && xmpp.count() < 4; tries++) await sleep(100);
    expect(xmpp.count()).to.be.within(4, 8);
    program.child.kill("SIGTERM");
    expect(await program.ended).to.equal(143);
    const said = [...program.stderr.matchAll(/still trying: (.*)/g)].map(([, why]) => why);
    expect(said).to.have.length.within(1, 3);
    expect(new Set(said).size).to.equal(said.length);
    expect(program.stderr).not.to.contain("hunter2");
    xmpp.server.close();
  });
});
