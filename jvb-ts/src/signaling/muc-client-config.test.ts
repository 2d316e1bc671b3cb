import { expect } from "chai";
import {
  isSameAccount,
  type MucClientConfig,
  mucClientFaultText,
  parseMucClient,
} from "./muc-client-config.ts";

const complete: Record<string, string> = {
  hostname: "xmpp.example.org",
  username: "jvb",
  password: "secret",
  MUC_JIDS: "a@muc.example.org, b@muc.example.org",
  muc_nickname: "jvb-1",
};

function parse(over: Record<string, string> = {}): MucClientConfig | string {
  const parsed = parseMucClient("shard", Object.entries({ ...complete, ...over }));
  return parsed.ok ? parsed.value : mucClientFaultText(parsed.error);
}

describe("MUC client configuration", () => {
  it("fills in the defaults", () => {
    expect(parse()).to.deep.include({
      port: 5222,
      domain: "xmpp.example.org",
      mucJids: ["a@muc.example.org", "b@muc.example.org"],
      disableCertificateVerification: false,
      securityMode: "required",
    });
  });

  it("does not insist on TLS on the loopback", () => {
    expect(parse({ hostname: "127.0.0.1" })).to.include({ securityMode: "ifpossible" });
  });

  for (const [over, error] of [
    [{ password: "" }, "password is missing"],
    [{ port: "x" }, "port is not a port number"],
    [{ SECURITY_MODE: "maybe" }, "security_mode must be one of required, ifpossible, disabled"],
  ] as const) {
    it(`refuses: ${error}`, () => expect(parse(over)).to.equal(error));
  }

  it("names every missing property, and the one that is misspelt", () => {
    const parsed = parseMucClient("shard", [
      ["hostname", "x"],
      ["username", "jvb"],
      ["muc_jid", "a@muc.x"],
      ["muc_nickname", "jvb-1"],
    ]);
    expect(!parsed.ok && parsed.error).to.deep.equal([
      { property: "password", message: "is missing", misspelt: undefined },
      { property: "muc_jids", message: "is missing", misspelt: "muc_jid" },
    ]);
  });

  it("compares accounts as upstream does", () => {
    const a = parse();
    const b = parse({ password: "other", MUC_JIDS: "c@muc" });
    const c = parse({ username: "other" });
    if (typeof a === "string" || typeof b === "string" || typeof c === "string") {
      throw new Error("not parsed");
    }
    expect(isSameAccount(a, b)).to.equal(true);
    expect(isSameAccount(a, c)).to.equal(false);
  });
});
