/** Every item of the checklist of the specification (jicofo 12) is shown by a test, or is for later. */
import { readFileSync } from "node:fs";
import { expect } from "chai";

const root = new URL("../../", import.meta.url);
const items = new Map(
  Object.entries(
    JSON.parse(readFileSync(new URL("./checklist.json", import.meta.url), "utf8")) as Readonly<
      Record<string, string>
    >,
  ),
);

describe("the checklist of the focus", () => {
  it("has an entry for each of its 164 items", () => {
    const ids = Array.from({ length: 164 }, (_, at) => `J-${`${at + 1}`.padStart(3, "0")}`);
    expect([...items.keys()]).to.deep.equal(ids);
  });

  it("names tests and conversations that exist", () => {
    const missing = [...items].filter(([, shown]) => {
      if (shown.startsWith("later: ")) return false;
      const [file = "", ...title] = shown.split(": ");
      return !readFileSync(new URL(file, root), "utf8").includes(title.join(": "));
    });
    expect(missing).to.deep.equal([]);
  });
});
