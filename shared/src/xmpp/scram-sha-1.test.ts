import { expect } from "chai";
import { ScramSha1 } from "./scram-sha-1.ts";

const account = { username: "user", password: "pencil" };
const nonce = "fyko+d2lbbFgONRv9qkxdawL";

describe("ScramSha1", () => {
  it("logs in as in the example of RFC 5802 §5", async () => {
    const scram = new ScramSha1(nonce);
    expect(await scram.response(account)).to.equal("n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL");
    scram.challenge("r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096");
    expect(await scram.response(account)).to.equal(
      "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    );
  });

  it("escapes names", async () => {
    const first = await new ScramSha1("x").response({ username: "a,b=c", password: "" });
    expect(first).to.equal("n,,n=a=2Cb=3Dc,r=x");
  });

  for (const [name, challenge] of [
    ["with a foreign nonce", "r=other,s=QSXCR+Q6sek8bf92,i=4096"],
    ["that adds nothing to our nonce", `r=${nonce},s=QSXCR+Q6sek8bf92,i=4096`],
    ["without salt", `r=${nonce}x,i=4096`],
    ["without iterations", `r=${nonce}x,s=QSXC`],
    ["with more iterations than anybody needs", `r=${nonce}x,s=QSXC,i=2000000000`],
    ["that is empty", ""],
  ] as const)
    it(`refuses a challenge ${name}`, async () => {
      const scram = new ScramSha1(nonce);
      await scram.response(account);
      scram.challenge(challenge);
      const error = await scram.response(account).catch((cause: unknown) => cause);
      expect(error).to.be.an("error");
    });
});
