import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";

/** The launcher in a checkout whose program only prints its arguments. */
describe("the launcher of the focus", () => {
  let root = "";
  before(() => {
    root = mkdtempSync(join(tmpdir(), "launcher-"));
    const arch = process.arch === "arm64" ? "arm64" : "x64";
    for (const folder of [
      "jicofo-ts/bin",
      "shared/bin",
      "dist/jicofo-ts",
      `node_modules/node-linux-${arch}/bin`,
    ]) {
      mkdirSync(join(root, folder), { recursive: true });
    }
    for (const file of ["jicofo-ts/bin/jicofo-ts", "shared/bin/launch.sh"])
      cpSync(new URL(`../../${file}`, import.meta.url).pathname, join(root, file));
    symlinkSync(process.execPath, join(root, `node_modules/node-linux-${arch}/bin/node`));
    const program = `process.stdout.write([...process.execArgv, ...process.argv.slice(2)]
      .filter((word) => !word.startsWith("--max-semi-space")).join(" "));\n`;
    writeFileSync(join(root, "dist/jicofo-ts/main.mjs"), program);
  });
  after(() => rmSync(root, { recursive: true }));

  const run = (...words: string[]): Promise<string> => runWith({}, ...words);
  const runWith = (variables: Record<string, string>, ...words: string[]): Promise<string> =>
    new Promise((resolve) => {
      const launcher = join(root, "jicofo-ts/bin/jicofo-ts");
      const env = { PATH: process.env["PATH"], ...variables };
      const child = execFile(launcher, words, { env }, (_error, stdout, stderr) => {
        resolve(`${child.exitCode} ${stdout}${stderr}`);
      });
    });

  for (const word of ["--help", "-h", "--version"]) {
    it(`hands ${word} to the program, configured or not`, async () => {
      expect(await run(word)).to.equal(`0 ${word} --compat-name=java:jicofo.jar`);
    });
  }

  it("bounds the heap as asked, and starts with no bound that is nonsense", async () => {
    for (const [size, mebibytes] of [
      ["512m", 512],
      ["3g", 3072],
      ["524288K", 512],
      ["268435456", 256],
      ["008m0", undefined],
      ["foo", undefined],
      ["3gb", undefined],
      ["3gm", undefined],
      ["m", undefined],
      ["3", undefined],
    ] as const) {
      const said = await runWith({ JICOFO_MAX_MEMORY: size }, "--version");
      expect(said).to.match(
        mebibytes === undefined
          ? new RegExp(`^78 jicofo-ts: JICOFO_MAX_MEMORY=${size} is no size .* such as 512m or 3g;`)
          : new RegExp(`^0 --max-old-space-size=${mebibytes} --version `),
      );
    }
    expect(await runWith({ JICOFO_MAX_MEMORY: "" }, "--version")).to.match(/^0 --version /);
  });

  it("hands on misspelt words, for the program to refuse them", async () => {
    expect(await run("--config", "x", "--strct")).to.match(/^0 --config x --strct --compat-name=/);
  });

  it("has no default where the packaged file is missing", async () => {
    expect(await run("--strict")).to.match(/^2 jicofo-ts: no configuration: /);
    expect(await run("--check-config", "--all")).to.match(/^2 jicofo-ts: no configuration: /);
    expect(await run("--confg", "x")).to.match(/^0 --confg x --compat-name=/);
    expect(await run("foo")).to.match(/^0 foo --compat-name=/);
    expect(await run("--check-config", "foo")).to.match(/^0 --check-config foo --compat-name=/);
  });
});
