/** `npm start` as a person uses it: the real command, the printed address, Ctrl-C. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { basename } from "node:path";
import { expect } from "chai";
import type { Browser } from "playwright-core";
import { logReport } from "./calls.ts";
import { controlC, leftovers, npmStart, root, type Started } from "./npm-start.ts";
import { CallPage, expectMedia, launchBrowser } from "./pages.ts";

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
  afterEach(function () {
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

  it("--https --bridges 2 serves everything through one secure origin", async () => {
    started = await npmStart("--https", "--bridges", "2", "--port", "0");
    try {
      expect(started.url).to.match(/^https:/);
      const first = await open(started.url, "secure", 1);
      const second = await open(started.url, "secure", 2);
      await expectMedia([first, second]);
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
    started = await npmStart("--port", "0");
    const second = await npmStart("--port", "0").then(
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
