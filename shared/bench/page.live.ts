/** The page in a real browser: no script fails, nothing is fetched, values can be read. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { type Browser, chromium, type Page } from "playwright-core";
import { newFrame } from "./cpu-profile.ts";
import { renderFlame } from "./flame.ts";
import { renderPage } from "./page.ts";
import { sampleResult } from "./sample.ts";

describe("the benchmark's pages in a browser", () => {
  const folder = mkdtempSync(join(tmpdir(), "jitsi-ts-page-"));
  let browser: Browser;
  before(async () => {
    browser = await chromium.launch({
      executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
      args: ["--no-sandbox"],
    });
  });
  after(async () => {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Opens a text as a file on a phone; the list fills with whatever goes wrong. */
  async function open(text: string): Promise<{ page: Page; wrong: string[] }> {
    const file = join(folder, "page.html");
    writeFileSync(file, text);
    const page = await browser.newPage({ viewport: { width: 360, height: 740 } });
    const wrong: string[] = [];
    page.on("pageerror", (error) => wrong.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") wrong.push(message.text());
    });
    page.on("request", (request) => {
      if (request.url() !== `file://${file}`) wrong.push(`fetched ${request.url()}`);
    });
    await page.goto(`file://${file}`);
    return { page, wrong };
  }

  const widthOf = (page: Page): Promise<number> =>
    page.evaluate("document.documentElement.scrollWidth");

  it("reads out bars, quantiles and series, and fits a phone", async () => {
    const { page, wrong } = await open(renderPage([sampleResult(), sampleResult({ row: "b" })]));
    expect(await widthOf(page)).to.equal(360);
    const say = (figure: number) => page.locator("figure .say").nth(figure).textContent();
    await page.locator("figure").nth(0).locator(".bar").first().hover();
    expect(await say(0)).to.match(/^five-people, ours: [\d.]+ µs \(/);
    const lines = page.locator("figure:has(.cursor)");
    for (let i = 0; i < (await lines.count()); i++) {
      await lines.nth(i).locator("svg").hover();
      const read = await lines.nth(i).locator(".say").textContent();
      expect(read).to.match(/^[\d.]+ (%|s): ours [\d.]+ (ms|MiB), java [\d.]+ /);
    }
    await page.mouse.move(0, 0);
    expect(await say(0)).to.include("Point at a plot");
    expect(wrong).to.deep.equal([]);
    await page.close();
  });

  it("enlarges a bar of the flame graph and goes back", async () => {
    const root = newFrame("row");
    const [left, right] = [newFrame("left"), newFrame("right")];
    left.total = left.self = 30;
    right.total = right.self = 70;
    root.total = 100;
    root.children.set("l", left).set("r", right);
    const { page, wrong } = await open(renderFlame(root, { title: "row", about: "" }));
    const width = async (at: number) =>
      Math.round((await page.locator(".f").nth(at).boundingBox())?.width ?? 0);
    const whole = await width(0);
    // Largest first.
    expect(await width(1)).to.be.closeTo(whole * 0.7, 1);
    await page.locator(".f").nth(2).click();
    expect(await width(2)).to.equal(whole);
    expect(await page.locator(".f").nth(1).isVisible()).to.equal(false);
    expect(await page.locator(".say").textContent()).to.include("left: 30.0 %");
    await page.keyboard.press("Escape");
    expect(await width(2)).to.be.closeTo(whole * 0.3, 1);
    expect(wrong).to.deep.equal([]);
    await page.close();
  });
});
