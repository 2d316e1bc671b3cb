/** `npm start` as a person uses it: the real command, the printed address, Ctrl-C. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { basename } from "node:path";
import { expect } from "chai";
import type { Browser } from "playwright-core";
import { logReport } from "./calls.ts";
import { controlC, lan, leftovers, npmStart, onLoopback, root, type Started } from "./npm-start.ts";
import { CallPage, expectMedia, launchBrowser } from "./pages.ts";

/** All media comes from one of those addresses. */
async function expectMediaFrom(addresses: readonly string[], pages: readonly CallPage[]) {
  for (const page of pages)
    for (const { ip } of (await page.seen()).pairs) expect(addresses).to.include(ip);
}

/** Addresses that the page was told of its bridge. */
async function candidatesOf({ page }: CallPage): Promise<string[]> {
  return (await page.evaluate(`(() => {
    const { remoteDescription } = call.conference.jvbJingleSession.peerconnection.peerconnection;
    return [...remoteDescription.sdp.matchAll(/^a=candidate:(?:\\S+ ){4}(\\S+)/gm)].map(([, ip]) => ip);
  })()`)) as string[];
}

describe("npm start", () => {
  let browser: Browser;
  let taken: Server;
  let started: Started | undefined;
  const pages: CallPage[] = [];
  const open = async (address: string, room: string, number: number) => {
    const page = await CallPage.open(browser, { url: address, room, number });
    pages.push(page);
    return page;
  };

  before(async () => {
    browser = await launchBrowser();
    taken = createServer().listen(5222, "127.0.0.1");
    await new Promise((resolve, reject) =>
      taken
        .once("listening", resolve)
        .once("error", resolve as () => void)
        .once("close", reject),
    );
  });
  after(async () => {
    await browser.close();
    taken.close();
  });

  beforeEach(() => {
    started = undefined;
    pages.length = 0;
  });
  afterEach(async function () {
    // What a test that ran out of time leaves running would be in the way of the next.
    const child = started?.child;
    if (started !== undefined && child?.exitCode === null && child.signalCode === null)
      await controlC(started);
    if (this.currentTest?.state !== "failed") return;
    console.error(
      [
        ...pages.map((page) => page.report()),
        logReport("npm start", "its output", started?.output() ?? "did not start"),
        ...(existsSync(`${root}.state`)
          ? readdirSync(`${root}.state`, { encoding: "utf8", recursive: true })
          : []
        )
          .filter((name) => name.endsWith(".log"))
          .map((name) => `${root}.state/${name}`)
          .map((file) => logReport(basename(file, ".log"), file, readFileSync(file, "utf8"))),
      ].join("\n"),
    );
  });

  it("prints an address at which two pages talk, beside a port that was taken; Ctrl-C leaves nothing behind", async () => {
    started = await npmStart();
    try {
      expect(started.output()).to.contain("port 5222 (XMPP) is taken; using");
      const first = await open(started.url, "start", 1);
      const second = await open(started.url, "start", 2);
      await expectMedia([first, second]);
      await expectMediaFrom(["127.0.0.1", ...lan], [first, second]);
      const view = await browser.newPage();
      await view.goto(`${started.url}servers`);
      await view.waitForSelector('td:has-text("start@conference.meet.demo")');
      expect(await view.locator("td .ok", { hasText: "connected" }).count()).to.be.at.least(2);
      await Promise.all([first.close(), second.close(), view.close()]);
    } finally {
      expect(await controlC(started)).to.equal(0);
    }
    expect(leftovers()).to.deep.equal([]);
  });

  it("lets two windows meet that open the printed address and press Join", async () => {
    started = await npmStart("--port", "0", ...onLoopback);
    const windows = await browser.newContext({ permissions: ["clipboard-write"] });
    const { url } = started;
    const join = async () => {
      const page = await windows.newPage();
      await page.goto(url);
      const name = await page.inputValue("#name");
      await page.click("#join button");
      await page.waitForSelector('body[data-state="in the room"]', { timeout: 20_000 });
      return { page, name };
    };
    try {
      const first = await join();
      const alone = first.page.locator("#alone");
      await alone.waitFor();
      expect(await alone.textContent()).to.contain(`You are alone here. Open this link`);
      expect(await first.page.getAttribute("#alone-link", "href")).to.equal(`${url}?room=demo`);
      await first.page.click("#alone-copy");
      await first.page.waitForSelector('#alone-copy:has-text("Link copied")');
      const view = await windows.newPage();
      await view.goto(`${url}servers`);
      await view.waitForSelector('tr:has-text("demo@"):has-text("alone, no session yet")');

      const second = await join();
      expect(second.name)
        .to.match(/^[A-Z][a-z]+$/)
        .and.not.to.equal(first.name);
      for (const [{ page }, other] of [
        [first, second.name],
        [second, first.name],
      ] as const) {
        await page.waitForSelector(`.tile:has(.label:text-is("${other}"))`);
        await page.locator("#alone").waitFor({ state: "hidden" });
      }
      await view.waitForSelector('tr:has-text("demo@"):has-text("ACTIVE"):has(td:text-is("jvb1"))');
      await second.page.click("#leave");
      await alone.waitFor();
      // Chromium sometimes never closes windows one of which is on its way to another address.
      await second.page.locator("#join button").waitFor();
      await windows.close();
    } finally {
      await controlC(started);
    }
    const log = readFileSync(`${root}.state/prosody/prosody.log`, "utf8");
    expect(log).to.match(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S+\s+info/m);
    expect(leftovers()).to.deep.equal([]);
  });

  it("--https --bridges 2 serves everything through one secure origin", async () => {
    started = await npmStart("--https", "--bridges", "2", "--port", "0");
    try {
      // As a phone gets it: the page on every address, named by the network's, and so the media.
      const { protocol, hostname, port } = new URL(started.url);
      expect([protocol, hostname]).to.deep.equal(["https:", lan[0] ?? "127.0.0.1"]);
      const onAll = await browser.newPage({ ignoreHTTPSErrors: true });
      expect((await onAll.goto(`https://127.0.0.1:${port}/`))?.status()).to.equal(200);
      await onAll.close();
      expect(started.output()).to.match(/browser warns of the self-made certificate/);
      const first = await open(started.url, "secure", 1);
      const second = await open(started.url, "secure", 2);
      await expectMedia([first, second]);
      await expectMediaFrom(["127.0.0.1", ...lan], [first, second]);
      expect(await candidatesOf(first)).to.include.members([...lan]);
      const plain = await first.page.evaluate(
        "performance.getEntriesByType('resource').map((entry) => entry.name).filter((name) => /^(ws|http):/.test(name))",
      );
      expect(plain).to.deep.equal([]);
      await Promise.all([first.close(), second.close()]);
    } finally {
      await controlC(started);
    }
    expect(leftovers()).to.deep.equal([]);
  });

  it("refuses a second start beside the first, and SIGTERM ends everything", async () => {
    started = await npmStart("--port", "0", ...onLoopback);
    const second = await npmStart("--port", "0", ...onLoopback).then(
      ({ url }) => `a second demo at ${url}`,
      (error: unknown) => String(error),
    );
    const ended = new Promise((resolve) => started?.child.once("exit", resolve));
    started.child.kill("SIGTERM");
    expect(await ended).to.equal(0);
    expect(second).to.contain(`runs already: ${started.url} (pid `);
    expect(leftovers()).to.deep.equal([]);
  });
});
