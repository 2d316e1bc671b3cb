import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { holdsStill, stateOf } from "./earlier-result.ts";

describe("what a stage found earlier", () => {
  const passed = { passed: 3, failed: 0, skipped: 0, retried: 0, problems: [], state: "a" };

  it("holds where it passed on the same state", () => {
    expect(holdsStill(passed, "a")).to.equal(true);
    expect(holdsStill(passed, "b")).to.equal(false);
    expect(holdsStill({ ...passed, failed: 1 }, "a")).to.equal(false);
  });

  it("does not hold where something was skipped", () => {
    expect(holdsStill({ ...passed, skipped: 1 }, "a")).to.equal(false);
  });

  describe("the state", () => {
    const PATH = process.env["PATH"] ?? "";
    let root: string;
    const write = (file: string, text: string) => writeFileSync(join(root, file), text);
    beforeEach(() => {
      root = mkdtempSync(join(tmpdir(), "state-"));
      // Without the variables of a hook of git, which name another repository.
      const git = (...args: string[]) => execFileSync("git", args, { cwd: root, env: { PATH } });
      git("init", "--quiet");
      write("known", "1");
      write(".gitignore", "bin\n");
      git("add", ".");
      git("-c", "user.name=x", "-c", "user.email=x@x", "commit", "--quiet", "-m", "x");
      write("new", "1");
      mkdirSync(join(root, "bin"));
    });
    afterEach(() => rmSync(root, { recursive: true }));
    const state = (env: NodeJS.ProcessEnv = {}) => stateOf(root, { PATH, ...env });

    it("is the same for the same", () => {
      expect(state()).to.equal(state());
    });

    for (const [what, change] of [
      ["a known file", () => write("known", "2")],
      ["a file that git does not know", () => write("new", "2")],
      ["where a new link leads", () => symlinkSync("/nowhere", join(root, "link"))],
    ] as const)
      it(`tells ${what}`, () => {
        const before = state();
        change();
        expect(state()).not.to.equal(before);
      });

    it("tells upstream's folder", () => {
      expect(state({ JITSI_UPSTREAM: "/u" })).not.to.equal(state());
    });

    it("tells whether there is java", () => {
      const bin = join(root, "bin");
      const before = state({ PATH: `${bin}:${PATH}` });
      write("bin/java", "");
      chmodSync(join(bin, "java"), 0o755);
      expect(state({ PATH: `${bin}:${PATH}` })).not.to.equal(before);
    });

    it("tells who runs it", () => {
      const before = state();
      const { getuid } = process;
      process.getuid = () => 4711;
      try {
        expect(state()).not.to.equal(before);
      } finally {
        if (getuid !== undefined) process.getuid = getuid;
      }
    });
  });
});
