import { expect } from "chai";
import { renderPage } from "./page.ts";
import { linearTicks, logTicks } from "./plots.ts";
import { sampleResult } from "./sample.ts";

describe("the page of the benchmark", () => {
  const page = renderPage([
    sampleResult(),
    sampleResult({ row: "one-to-thirty", cpu: { ours: 9, java: 41, limit: 1.9 }, void: 1 }),
    sampleResult({ row: "focus", group: "Focus", cpu: { ours: 2 } }),
  ]);

  it("is one file: it fetches nothing", () => {
    expect(page).to.not.match(/(src|href)="(?!#)/);
    expect(page).to.not.match(/https?:|@import|url\(/);
  });

  it("says when, on what and how it was measured", () => {
    for (const text of ["2026-11-21", "Sample CPU", "v24.0.0", "17.0.15", "0123456789", "1 of 15"])
      expect(page).to.include(text);
    expect(page).to.include("void, 1 x round: steal 2.0 %");
  });

  it("shows what was not measured as such, not as beaten", () => {
    expect(page).to.include("java was not measured: JITSI_UPSTREAM is not set");
    expect(page).to.match(/<span class="word open">not measured/);
  });

  it("counts the targets", () => {
    // The first row meets its four, the second misses both of CPU, the third has none to divide by.
    expect(page).to.match(/<h2>6 of 12 targets met, 4 not measured<\/h2>/);
  });

  it("writes no text of a result as markup", () => {
    expect(page).to.include("jitsi-videobridge &lt;2.3&gt; &amp; Java 17");
    expect(page).to.not.include("<2.3>");
  });

  it("names each picture", () => {
    const pictures = page.match(/<svg /g)?.length ?? 0;
    expect(pictures).to.be.greaterThan(15);
    expect(
      page.match(/<svg [^>]*role="img" aria-labelledby="plot-\d+-t plot-\d+-d"/g),
    ).to.have.length(pictures);
    expect(page.match(/<title id="plot-/g)).to.have.length(pictures);
    const [shown] = page.split("<script>");
    expect(shown).to.not.match(/NaN|undefined|Infinity/);
  });

  it("marks a try-out", () => {
    expect(renderPage([sampleResult({ quick: true, rounds: 1 })])).to.include("A try-out");
    expect(page).to.not.include("A try-out");
    expect(renderPage([])).to.include("Nothing was measured yet");
  });

  it("names the rows that may not be quoted, as the README does", () => {
    const short = renderPage([sampleResult(), sampleResult({ row: "short", rounds: 4 })]);
    expect(short)
      .to.include("<b>Not to be quoted</b>, for fewer than 5")
      .and.to.include(": short.");
    expect(page).to.include(": one-to-thirty.");
    expect(renderPage([sampleResult()])).to.not.include("Not to be quoted");
  });

  it("puts ticks where people expect them", () => {
    expect(linearTicks(70)).to.deep.equal([0, 20, 40, 60, 80]);
    expect(linearTicks(0.9)).to.deep.equal([0, 0.25, 0.5, 0.75, 1]);
    expect(linearTicks(0)).to.deep.equal([0, 1]);
    expect(logTicks(0.23, 6)).to.deep.equal([0.2, 0.5, 1, 2, 5, 10]);
    expect(logTicks(0.002, 900)).to.deep.equal([0.001, 0.01, 0.1, 1, 10, 100, 1000]);
  });
});
