import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";

const root = fileURLToPath(new URL("../..", import.meta.url));

describe("the door of the npm scripts", () => {
  let clone: string;
  before(() => {
    clone = mkdtempSync(join(tmpdir(), "clone-"));
    for (const name of ["run.mjs", "orphan.mjs", "setup.mjs", "setup-help.txt"])
      cpSync(join(root, "shared/tooling", name), join(clone, "shared/tooling", name));
    cpSync(join(root, "shared/demo/help.txt"), join(clone, "shared/demo/help.txt"));
  });
  after(() => rmSync(clone, { recursive: true }));

  const run = (...words: string[]) =>
    execFileSync(process.execPath, ["shared/tooling/run.mjs", ...words], {
      cwd: clone,
      encoding: "utf8",
    });

  it("prints the help of a fresh clone at once, without any package", () => {
    expect(run("start", "--help")).to.match(/^npm start -- .*--bridges N +number .* 1 to 8/s);
    expect(run("setup", "--help")).to.contain("--programs");
  });

  for (const [what, spawned] of [
    ["", (file: string) => `"${process.execPath}", ["${file}"], { stdio: "inherit" }`],
    [
      ", behind a shell that lives on",
      (file: string) => `"${process.execPath} ${file}; true", { stdio: "inherit", shell: true }`,
    ],
  ] as const) {
    it(`ends with npm, also when that is killed${what}`, async () => {
      const child = `
        import { whenOrphaned } from ${JSON.stringify(join(root, "shared/tooling/orphan.mjs"))};
        whenOrphaned(() => { console.log("orphaned"); process.exit(); });
        setInterval(() => {}, 1000);
        console.log("up");`;
      const file = join(clone, "child.mjs");
      writeFileSync(file, child);
      const npm = `require("node:child_process").spawn(${spawned(file)})`;
      const started = spawn(process.execPath, ["-e", npm], {
        env: { ...process.env, npm_lifecycle_event: "start" },
        stdio: ["ignore", "pipe", "inherit"],
      });
      const said: string[] = [];
      for await (const text of started.stdout.setEncoding("utf8")) {
        said.push(String(text).trim());
        if (said.length === 1) started.kill("SIGKILL");
      }
      expect(said).to.deep.equal(["up", "orphaned"]);
    });
  }

  it("has a line of help for every option of the demo", () => {
    const source = readFileSync(join(root, "shared/demo/main.ts"), "utf8");
    const options = [...source.matchAll(/\.option\("([^"]+)"/g)].map(([, name]) => `  --${name}`);
    expect(options).to.include.members(["  --bridges", "  --https"]);
    const help = readFileSync(join(root, "shared/demo/help.txt"), "utf8").split("\n");
    for (const option of options)
      expect(help.filter((line) => line.startsWith(`${option} `))).to.have.length(1);
  });
});
