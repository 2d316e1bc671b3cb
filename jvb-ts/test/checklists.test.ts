/**
 * Every item of the bridge's checklists (spec jvb-media 15, jvb-control 10) is shown by a test or a
 * conversation whose title carries its id, or is for later, or is otherwise on purpose.
 * `media-checklist.json` and `control-checklist.json` say which.
 */
import { readFileSync } from "node:fs";
import { expect } from "chai";

const root = new URL("../../", import.meta.url);

/** Titles of tests, and of conversations (`# TITLE [ids]`). */
const title = (id: string): RegExp =>
  new RegExp(`["\`][^"\`\n]*${id}[^"\`\n]*["\`]|^# .*\\[.*${id}.*\\]$`, "m");

for (const { name, file, letter, count } of [
  { name: "media", file: "media-checklist.json", letter: "M", count: 185 },
  { name: "control", file: "control-checklist.json", letter: "B", count: 151 },
]) {
  describe(`the ${name} checklist of the bridge`, () => {
    const text = readFileSync(new URL(`./${file}`, import.meta.url), "utf8");
    const items = Object.entries(JSON.parse(text) as Readonly<Record<string, string>>);

    it(`has an entry for each of its ${count} items`, () => {
      const ids = Array.from(
        { length: count },
        (_, at) => `${letter}-${`${at + 1}`.padStart(3, "0")}`,
      );
      expect(items.map(([id]) => id)).to.deep.equal(ids);
    });

    it("names files whose tests carry the id", () => {
      const missing = items.filter(([id, shown]) => {
        if (shown.startsWith("later: ") || shown.startsWith("otherwise: ")) return false;
        return !title(id).test(readFileSync(new URL(shown, root), "utf8"));
      });
      expect(missing).to.deep.equal([]);
    });
  });
}
