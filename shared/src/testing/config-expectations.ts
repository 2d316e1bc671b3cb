/** How both programs take the mistakes that operators make in any configuration. */
import { expect } from "chai";
import type { ConfigTrial } from "./config-trial.ts";

/** What is known of a program's configuration. */
export interface ExpectedConfig {
  readonly trial: ConfigTrial<unknown>;
  /** Name of the file of `trial`. */
  readonly file: string;
  /** One line that is complete and warned of nowhere. */
  readonly complete: string;
  /** First part of all keys: `jicofo`. */
  readonly root: string;
  readonly portKey: string;
  readonly portDefault: number;
  readonly booleanKeys: readonly [string, string];
  readonly listKey: string;
  readonly textKey: string;
  /** Configurations with a mistake beside the password that stands in for `secret`. */
  readonly withPassword: (secret: string) => readonly string[];
}

/** Describes the tests. */
export function itTakesMistakes(config: ExpectedConfig): void {
  const { trial, file, complete, root, portKey, booleanKeys, listKey, textKey } = config;
  const [first, second] = booleanKeys;
  const misspelt = `${portKey}x`;

  it("says nothing of a complete configuration", () => {
    expect(trial.warnings(complete)).to.deep.equal([]);
  });

  it("warns of a misspelt key; --strict does not take it", () => {
    const line = `${file}:2: ${misspelt}: unknown key; did you mean ${portKey}?`;
    expect(trial.warnings(`${complete}\n${misspelt} = 5`)).to.deep.equal([line]);
    expect(trial.refusal(`${complete}\n${misspelt} = 5`, "--strict")).to.equal(line);
  });

  const mistakes: readonly (readonly [name: string, text: string, ...lines: string[]])[] = [
    [
      "text for a port",
      `${portKey} = many`,
      `2: ${portKey}: "many" is not a port number up to 65535, or -1 for none; correct it, or remove it for the default ${config.portDefault}`,
    ],
    [
      "a secret for a port",
      `${portKey} = Sup3rX`,
      `2: ${portKey}: the value (hidden) is not a port`,
    ],
    ["a port out of range", `${portKey} = 65536`, `2: ${portKey}: "65536" is not a port number`],
    ["1 for a boolean", `${first} = 1`, `2: ${first}: "1" is not true or false`],
    ["a text for a list", `${listKey} = plain`, `2: ${listKey}: "plain" is not a list`],
    ["an object for a text", `${textKey} { a = b }`, `2: ${textKey}: an object is not text`],
    ["an open brace", `${root} {\n`, "3: "],
    [
      "an unset variable",
      `${textKey} = \${REGION}`,
      `2: \${REGION} has no value; set REGION, or write`,
    ],
    ["an unquoted @", `${textKey} = a@b`, "2: @ may not stand outside quotes; put the text into"],
    ["a required file that is missing", 'include required("more.conf")', "2: "],
    [
      "a file of another machine",
      'include url("http://x/y")',
      "2: include url(…) is not supported; copy",
    ],
    [
      "two mistakes, both named",
      `${first} = 7\n${second} = 8`,
      `2: ${first}: "7" is not`,
      `3: ${second}: "8" is not`,
    ],
  ];
  for (const [name, text, ...lines] of mistakes) {
    it(`refuses ${name}, naming file, line and remedy`, () => {
      const refusal = trial.refusal(`${complete}\n${text}`);
      for (const line of lines) expect(refusal).to.contain(`${file}:${line}`);
      for (const line of refusal.split("\n")) expect(line).to.contain("; ");
    });
  }

  it("never prints passwords", () => {
    const secret = "hunter2";
    for (const text of config.withPassword(secret)) {
      expect(trial.refusal(text), text).not.to.contain(secret);
      expect(trial.refusal(text), text).not.to.equal("accepted");
    }
  });
}
