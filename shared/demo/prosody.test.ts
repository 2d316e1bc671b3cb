import { expect } from "chai";
import { prosodyConfiguration } from "./prosody.ts";

describe("Prosody's configuration", () => {
  it("gives the log the time as the programs' logs have it", () => {
    const text = prosodyConfiguration({
      folder: "/x",
      domain: "meet.demo",
      c2sPort: 1,
      httpPort: 2,
      accounts: {},
    });
    expect(text).to.match(/^log = .*timestamps = "%Y-%m-%d %H:%M:%S"/m);
  });
});
