/**
 * What both programs do when they are started, told to stop, or given a configuration that they
 * cannot start with: run as processes, by their `test/program.live.ts`.
 */
import { createServer, type Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { outputFaults } from "./output-faults.ts";
import { Prosody } from "./prosody.ts";
import { StartedProgram } from "./started-program.ts";

const PASSWORD = "hunter2";
/** A stop waits at least this long for an XMPP server that closes nothing. */
const HANGS_MS = 900;

/** An account on an XMPP server of the loopback address. */
export interface Account {
  readonly port: number;
  /** Of the server's accounts; `focus` and `jvb` are there. */
  readonly authDomain: string;
  readonly domain: string;
  readonly password?: string;
}

/** What is known of a program. */
export interface ExpectedProgram {
  /** Name of the launcher, which begins the lines about mistakes: `jvb-ts`. */
  readonly name: string;
  readonly main: string;
  readonly helpStatus: number;
  /** HOCON in one line with which it starts and logs in; nothing else listens or is connected to. */
  login(account: Account): string;
  /** Path of the password in `login`. */
  readonly passwordKey: string;
  /** A line of HOCON that asks for what is not built, and its key. */
  readonly notBuilt: readonly [key: string, line: string];
  /** Configurations that stop the start, the line that says so, and further words. */
  readonly mistakes: readonly (readonly [
    name: string,
    config: string,
    line: RegExp,
    words?: readonly string[],
  ])[];
  /** TCP ports by their keys, each with a line of HOCON that sets it. */
  readonly ports: Readonly<Record<string, (port: number) => string>>;
}

/** A server that counts connections and drops them at once. */
export async function droppingServer() {
  let connections = 0;
  const server: Server = createServer((socket) => {
    connections++;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  return { port, count: () => connections, close: () => server.close() };
}

/** Describes the tests. */
export function itBehavesAsAProgram(program: ExpectedProgram): void {
  const { name, main } = program;
  const running: StartedProgram[] = [];
  const start = (config?: string, ...words: string[]): StartedProgram => {
    const started = new StartedProgram({ main, words, ...(config !== undefined && { config }) });
    running.push(started);
    return started;
  };
  const nobody = (port: number): string =>
    program.login({ port, authDomain: "auth.x", domain: "x", password: PASSWORD });
  afterEach(async () => {
    const all = running.splice(0);
    await Promise.all(all.map((one) => one.stop()));
    // What it may say as an error is each test's own business.
    const rules = { expected: /./, forbidden: [PASSWORD] };
    expect(all.flatMap((one) => outputFaults(one.output, rules))).to.deep.equal([]);
  });

  for (const [word, status, text] of [
    ["--help", program.helpStatus, /^Usage: /],
    ["--version", 0, /^\S+ \S+\n$/],
  ] as const) {
    it(`${word} prints, and starts nothing`, async () => {
      const started = start(undefined, word);
      expect(await started.ended).to.equal(status);
      expect(started.stderr).to.equal("");
      expect(started.stdout).to.match(text).and.to.contain(name);
    });
  }

  for (const [what, config, line, words = []] of program.mistakes) {
    it(`says so in one line and ends with 78: ${what}`, async () => {
      const started = start(config, ...words);
      expect(await started.ended).to.equal(78);
      expect(started.stderr.startsWith(`${name}: `), started.stderr).to.equal(true);
      expect(started.stderr).to.match(line);
      expect(started.stderr.trimEnd()).not.to.contain("\n");
    });
  }

  it("checks the configuration without starting, and shows no secret", async () => {
    const xmpp = await droppingServer();
    const [key, line] = program.notBuilt;
    const started = start(`${nobody(xmpp.port)}\n${line}`, "--check-config");
    expect(await started.ended).to.equal(0);
    expect(started.stderr).to.equal("");
    expect(started.stdout).to.contain(`x.conf:2: ${key}: is not built yet`);
    const shown = started.stdout.split("\n").filter((one) => one.includes(program.passwordKey));
    expect(shown).to.have.length(1);
    expect(shown[0]).to.match(/ = \(hidden\) +.*x\.conf:1 +works/);
    expect(started.stdout).to.match(/Fit to start, with 1 warning\.\n$/);
    expect(started.stdout).not.to.contain(PASSWORD);
    expect(xmpp.count()).to.equal(0);
    xmpp.close();
  });

  for (const [key, line] of Object.entries(program.ports)) {
    it(`R25: names the key of a taken port, before anybody has seen it: ${key}`, async () => {
      const [xmpp, taken] = [await droppingServer(), await droppingServer()];
      const started = start(`${nobody(xmpp.port)}\n${line(taken.port)}`);
      expect(await started.ended).to.equal(78);
      const at = `127.0.0.1:${taken.port}`;
      const said = `${key}: ${at} is taken by another program; stop it or set ${key}`;
      expect(started.stderr)
        .to.match(/ SEVERE: .*\n$/)
        .and.to.contain(said);
      expect(xmpp.count()).to.equal(0);
      xmpp.close();
      taken.close();
    }).timeout(40_000);
  }

  it("keeps trying where no server answers, with nothing else to do, and says so once", async () => {
    const xmpp = await droppingServer();
    const started = start(nobody(xmpp.port));
    await started.until(() => xmpp.count() >= 4);
    started.kill("SIGTERM");
    expect(await started.ended).to.equal(143);
    expect(xmpp.count()).to.be.at.most(8);
    const said = [...started.stderr.matchAll(/still trying: (.*)/g)].map(([, why]) => why);
    expect(said).to.have.length.within(1, 3);
    expect(new Set(said).size).to.equal(said.length);
    expect(started.stderr).not.to.contain(PASSWORD);
    xmpp.close();
  });

  describe("whose XMPP server stands still while it stops", () => {
    let prosody: Prosody;
    before(async () => {
      prosody = await Prosody.start();
    });
    afterEach(() => prosody.resume());
    after(() => prosody.stop());

    /** Logged in, with a server that answers nothing any more, and told to stop. */
    async function stopping() {
      const { c2sPort: port, authDomain, domain } = prosody;
      const started = start(program.login({ port, authDomain, domain }));
      await started.until(() => started.output.includes("XMPP connection online"));
      await sleep(500);
      prosody.freeze();
      const at = performance.now();
      started.kill("SIGTERM");
      return { started, since: () => performance.now() - at };
    }

    it("R23 SIGTERM: waits for it, but not 5 s", async () => {
      const { started, since } = await stopping();
      expect(await started.ended).to.equal(143);
      expect(since(), "ms that the stop took").to.be.within(HANGS_MS, 5000);
    });

    it("R23 SIGTERM again: ends at once, with the same status", async () => {
      const { started, since } = await stopping();
      await sleep(200);
      expect(started.isRunning).to.equal(true);
      started.kill("SIGTERM");
      expect(await started.ended).to.equal(143);
      expect(since(), "ms that the stop took").to.be.below(HANGS_MS);
    });
  });
}
