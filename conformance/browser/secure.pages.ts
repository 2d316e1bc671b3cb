/** A secure domain from one command: guests wait for somebody with an account, who then is owner. */
import { readFileSync } from "node:fs";
import { expect } from "chai";
import type { Browser } from "playwright-core";
import { until } from "#shared/testing/until";
import { logReport, newestClientInFull, npmClient } from "./calls.ts";
import { controlC, leftovers, npmStart, onLoopback, root, type Started } from "./npm-start.ts";
import { CallPage, expectMedia, launchBrowser, type Query } from "./pages.ts";

const waiting = "waiting for a host";

/** The accounts that the command printed. */
function accounts(started: Started): ReadonlyMap<string, string> {
  const lines = started.output().matchAll(/Account\s+(\S+)\s+password (\S+)/g);
  return new Map([...lines].map(([, name = "", password = ""]) => [name, password]));
}

/** Role of each member as the focus has it, by the person's page. */
async function roles(started: Started, room: string, pages: readonly CallPage[]) {
  const response = await fetch(`${started.url}servers.json`);
  const { focus } = (await response.json()) as {
    focus: {
      conferences: Record<string, { chat_room: { members: Record<string, { role: string }> } }>;
    };
  };
  const members = focus.conferences[`${room}@conference.meet.demo`]?.chat_room.members ?? {};
  const found = new Map<string, string | undefined>();
  for (const page of pages) found.set(page.name, members[await page.id()]?.role);
  return Object.fromEntries(found);
}

const newest = newestClientInFull();
for (const [name, client, reason] of [
  ["the client library from npm", npmClient, ""],
  ["the newest client library", newest.path, newest.reason],
] as const)
  describe(`npm start -- --secure with ${name}`, () => {
    let browser: Browser;
    let started: Started;
    const pages: CallPage[] = [];
    let round = 0;

    before(async function () {
      if (client === undefined) {
        console.log(`      ${reason}`);
        this.skip();
      }
      browser = await launchBrowser();
      started = await npmStart("--secure", "--port", "0", "--client", client, ...onLoopback);
    });
    after(async () => {
      await browser?.close();
      if (started === undefined) return;
      expect(await controlC(started)).to.equal(0);
      expect(leftovers()).to.deep.equal([]);
    });
    afterEach(async function () {
      if (this.currentTest?.state === "failed") {
        console.error(pages.map((page) => page.report()).join("\n"));
        for (const server of ["jicofo-ts", "prosody/prosody"])
          console.error(
            logReport(server, server, readFileSync(`${root}.state/${server}.log`, "utf8")),
          );
      }
      for (const page of pages.splice(0)) await page.close();
    });

    const open = async (room: string, number: number, state?: string, query: Query = {}) => {
      const page = await CallPage.open(browser, {
        url: started.url,
        room,
        number,
        query,
        ...(state === undefined ? {} : { state }),
      });
      pages.push(page);
      return page;
    };
    const logIn = async ({ page }: CallPage, account: string, password: string) => {
      await page.fill("#account", account);
      await page.fill("#password", password);
      await page.click("#login button");
    };

    it("a guest waits until somebody with an account opens the room; both talk, and only that one is owner", async () => {
      const room = `secure${++round}`;
      const [[account, password] = ["", ""]] = accounts(started);
      const guest = await open(room, 1, waiting);
      const host = await open(room, 2, waiting);
      expect(await roles(started, room, [])).to.deep.equal({});
      await logIn(host, account, "not it");
      await until(
        "the wrong password is refused",
        async () =>
          (await host.page.textContent("#login-problem"))?.includes("password is wrong") === true,
      );
      await logIn(host, account, password);
      await host.reach();
      await guest.reach();
      await expectMedia([host, guest]);
      expect(await roles(started, room, [host, guest])).to.deep.equal({
        p1: "PARTICIPANT",
        p2: "OWNER",
      });
      expect(await host.evaluate((window) => window.call.conference?.isModerator())).to.equal(true);
      expect(await guest.evaluate((window) => window.call.conference?.isModerator())).to.equal(
        false,
      );
    });

    it("a guest who logs in during the call becomes owner too, and opens other rooms until it logs out", async () => {
      const room = `secure${++round}`;
      const [[account, password] = ["", ""], [other, others] = ["", ""]] = accounts(started);
      const host = await open(room, 1, waiting);
      await logIn(host, account, password);
      await host.reach();
      const guest = await open(room, 2);
      await expectMedia([host, guest]);
      await guest.page.click("#login-open");
      await logIn(guest, other, others);
      await until("the guest is owner", async () => {
        const { p2 } = await roles(started, room, [guest]);
        return p2 === "OWNER";
      });
      await expectMedia([host, guest]);
      // The same browser is known by its session.
      const next = await guest.page.context().newPage();
      await next.goto(`${started.url}?room=secure${++round}&name=again`);
      await next.waitForSelector('body[data-state="in the room"]', { timeout: 20_000 });
      // Until it logs out.
      await next.click("#logout");
      await next.waitForEvent("load");
      await next.goto(`${started.url}?room=secure${++round}&name=again`);
      await next.waitForSelector(`body[data-state="${waiting}"]`, { timeout: 20_000 });
    });

    // The library of 2022 asks by XMPP whatever it is told.
    if (client !== npmClient)
      it("a guest who asks by HTTP waits just so", async () => {
        const room = `secure${++round}`;
        const [[account, password] = ["", ""]] = accounts(started);
        const guest = await open(room, 1, waiting, { http: "1" });
        const host = await open(room, 2, waiting);
        await logIn(host, account, password);
        await Promise.all([host.reach(), guest.reach()]);
        await expectMedia([host, guest]);
        expect(await roles(started, room, [host, guest])).to.deep.equal({
          p1: "PARTICIPANT",
          p2: "OWNER",
        });
      });
  });
