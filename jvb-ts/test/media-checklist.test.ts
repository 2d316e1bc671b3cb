/**
 * Every item of the media checklist of the specification (jvb-media 15) is shown by a test whose
 * title carries its id, or is for later, or is otherwise on purpose. `media-checklist.json` says which.
 */
import { readFileSync } from "node:fs";
import { expect } from "chai";

const root = new URL("../../", import.meta.url);
const items = Object.entries(
  JSON.parse(readFileSync(new URL("./media-checklist.json", import.meta.url), "utf8")) as Readonly<
    Record<string, string>
  >,
);

describe("the media checklist of the bridge", () => {
  it("has an entry for each of its 185 items", () => {
    const ids = Array.from({ length: 185 }, (_, at) => `M-${`${at + 1}`.padStart(3, "0")}`);
    expect(items.map(([id]) => id)).to.deep.equal(ids);
  });

  it("names files whose tests carry the id", () => {
    const missing = items.filter(([id, shown]) => {
      if (shown.startsWith("later: ") || shown.startsWith("otherwise: ")) return false;
      const title = new RegExp(`["\`][^"\`\n]*${id}[^"\`\n]*["\`]`);
      return !title.test(readFileSync(new URL(shown, root), "utf8"));
    });
    expect(missing).to.deep.equal([]);
  });
});
