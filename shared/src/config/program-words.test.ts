import { expect } from "chai";
import { ConfigError } from "./config-error.ts";
import { type ProgramWords, readWords } from "./program-words.ts";

const about: ProgramWords = {
  program: "jvb-ts",
  about: "A bridge.",
  version: "2.3",
  helpStatus: 0,
  environment: [["VIDEOBRIDGE_MAX_MEMORY", "bound of the heap"]],
};

function refusal(...argv: string[]): string {
  try {
    readWords(argv, about);
  } catch (error) {
    if (error instanceof ConfigError) return error.line;
    throw error;
  }
  return "started";
}

describe("readWords", () => {
  it("prints the usage with every option, and the version", () => {
    const help = readWords(["--config", "x", "--help"], about);
    expect(help).to.include({ kind: "print", status: 0 });
    expect(help.kind === "print" && help.text).to.match(
      /--config FILE[\s\S]*--strict[\s\S]*_MEMORY/,
    );
    expect(readWords(["-h"], { ...about, helpStatus: 1 })).to.include({ status: 1 });
    expect(readWords(["--version"], about)).to.deep.equal({
      kind: "print",
      text: "jvb-ts 2.3\n",
      status: 0,
    });
  });

  it("names every exit status in the usage", () => {
    const statuses = (helpStatus: number, others?: ProgramWords["exitStatuses"]) => {
      const help = readWords(["--help"], {
        ...about,
        helpStatus,
        ...(others && { exitStatuses: others }),
      });
      const text = help.kind === "print" ? help.text : "";
      const listed = text.slice(text.indexOf("Exit status:")).matchAll(/^ {2}(\d+) {2}/gm);
      return [...listed].map(([, status]) => Number(status));
    };
    expect(statuses(0)).to.deep.equal([0, 1, 70, 78, 129, 130, 143]);
    expect(statuses(1, [[2, "no file"]])).to.deep.equal([0, 1, 2, 70, 78, 129, 130, 143]);
    const help = readWords(["--help"], { ...about, helpStatus: 1 });
    expect(help.kind === "print" && help.text).to.match(/^ {2}1 +.*--help, as upstream's/m);
  });

  it("checks the configuration instead of starting", () => {
    const asked = { kind: "check", all: false, warnings: [] };
    expect(readWords(["--config", "x", "--check-config"], about)).to.deep.equal(asked);
    expect(readWords(["--all", "--check-config"], about)).to.deep.equal({ ...asked, all: true });
    expect(refusal("--all")).to.match(/^unknown option --all/);
    expect(refusal("--check-confg")).to.match(/did you mean --check-config\?/);
  });

  it("takes a file named --help for a file where = says so, else for the question", () => {
    expect(readWords(["--config=--help"], about)).to.deep.equal({ kind: "start", warnings: [] });
    expect(readWords(["--config", "--help"], about)).to.include({ kind: "print" });
  });

  it("refuses words that nothing knows, naming the nearest", () => {
    expect(refusal("--confg", "x")).to.equal("unknown option --confg; did you mean --config?");
    expect(refusal("-config=/etc/x")).to.equal("unknown option -config; did you mean --config?");
    expect(refusal("--Strict")).to.equal("unknown option --Strict; did you mean --strict?");
    expect(refusal("--colour=red")).to.equal("unknown option --colour; see jvb-ts --help");
    expect(refusal("jvb.conf")).to.match(/^unexpected argument jvb.conf; write --config jvb.conf/);
  });

  it("misses the file of --config, whatever follows", () => {
    const line = "--config needs a file; write --config FILE";
    for (const words of [[], ["--compat-name=java:x.jar"], ["--check-config"], ["-Da=b"]])
      expect(refusal("--config", ...words)).to.equal(line);
    expect(refusal("--config=")).to.equal(line);
  });

  it("starts with Java's options, the launchers' mark and, warning, upstream's former options", () => {
    const inert = ["-Xmx3g", "-XX:+UseG1GC", "-Da=b", "--strict", "--compat-name=java:x.jar"];
    expect(readWords(inert, about)).to.deep.equal({ kind: "start", warnings: [] });
    const former = readWords(["--apis=rest,", "--host", "localhost", "--secret=abc"], about);
    expect(former.kind === "start" && former.warnings.map(({ message }) => message)).to.deep.equal([
      "--apis has no effect",
      "--host has no effect",
      "--secret has no effect",
    ]);
  });
});
