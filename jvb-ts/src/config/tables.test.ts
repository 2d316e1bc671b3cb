import { expect } from "chai";
import { allKeys as keysOf, legacyName } from "#shared/config/key-table";
import { surfaceList } from "#shared/testing/surface";
import { allKeys } from "./tables.ts";

describe("configuration keys of the bridge", () => {
  const keys = keysOf(allKeys);
  const paths = keys.flatMap(({ path, spec }) => [path, ...(spec.older ?? []).map(legacyName)]);

  it("are all that upstream reads", () => {
    const known = new Set(paths);
    expect(surfaceList("jvb-keys").filter((path) => !known.has(path))).to.deep.equal([]);
  });

  it("are declared once", () => {
    const declared = keys.map(({ path }) => path);
    expect(declared.filter((path, at) => declared.indexOf(path) !== at)).to.deep.equal([]);
  });

  it("stop the start where a missing feature would leave more open than configured", () => {
    const restricting = keys.filter(
      ({ spec }) => spec.state?.kind === "not-built" && spec.state.restricts === true,
    );
    expect(restricting.map(({ path }) => path)).to.deep.equal([]);
  });

  it("know the legacy properties that upstream reads", () => {
    const known = new Set(keys.flatMap(({ spec }) => (spec.legacy ?? []).map(legacyName)));
    const expected = surfaceList("jvb-properties");
    expect(expected.filter((name) => !known.has(name))).to.deep.equal([]);
  });
});
