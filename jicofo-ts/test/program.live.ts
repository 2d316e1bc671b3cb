// The program itself: run with `mocha … 'jicofo-ts/test/program.live.ts'`. Needs Prosody.
import { expect } from "chai";
import { freePort } from "#shared/testing/free-port";
import {
  type Account,
  droppingServer,
  itBehavesAsAProgram,
} from "#shared/testing/program-expectations";
import { StartedProgram } from "#shared/testing/started-program";

const main = new URL("../src/main.ts", import.meta.url).pathname;

const login = ({ port, authDomain, domain, password = "focus" }: Account): string =>
  `jicofo { xmpp.client { hostname = 127.0.0.1, port = ${port}, domain = ${authDomain}, xmpp-domain = ${domain}, password = ${password} }, bridge.brewery-jid = "jvbbrewery@internal.${authDomain}", rest.enabled = off }`;
const account = login({ port: 1, authDomain: "auth.x", domain: "x" });

describe("the focus as a program", function () {
  this.timeout(20_000);

  itBehavesAsAProgram({
    name: "jicofo-ts",
    main,
    helpStatus: 1,
    login,
    passwordKey: "jicofo.xmpp.client.password",
    notBuilt: ["jicofo.octo.enabled", "jicofo.octo.enabled = true"],
    mistakes: [
      [
        "an account without its domain",
        "jicofo.xmpp.client.xmpp-domain = x",
        /jicofo\.xmpp\.client\.domain: is required/,
      ],
      [
        "a wrong port",
        `${account}\njicofo.rest.port = 70000`,
        /x\.conf:2: jicofo\.rest\.port: .*; /,
      ],
      ["broken HOCON", `${account}\njicofo {`, /x\.conf:\d/],
      [
        "visitors, whose limit is missing",
        `${account}\njicofo.visitors.enabled = true`,
        /x\.conf:2: jicofo\.visitors\.enabled: is not built yet: /,
      ],
      [
        "an authentication that does not exist",
        `${account}\njicofo.authentication { enabled = true, type = SHIBBOLETH, login-url = x }`,
        /x\.conf:2: jicofo\.authentication\.type: .*; set /,
      ],
      [
        "a warning, when told to be strict",
        `${account}\njicofo.rest.prot = 1`,
        /x\.conf:2: jicofo\.rest\.prot: unknown key; did you mean jicofo\.rest\.port\?/,
        ["--strict"],
      ],
    ],
    ports: { "jicofo.rest.port": (port) => `jicofo.rest { enabled = on, port = ${port} }` },
  });

  it("serves HTTP while there is no XMPP server", async () => {
    const [port, xmpp] = [await freePort(), await droppingServer()];
    const domains = { authDomain: "auth.x", domain: "x" };
    const config = `${login({ port: xmpp.port, ...domains })}\njicofo.rest { enabled = on, port = ${port} }`;
    const focus = new StartedProgram({ main, config });
    await focus.until(() => focus.output.includes("XMPP connection failed"));
    expect((await fetch(`http://127.0.0.1:${port}/stats`)).status).to.equal(200);
    await focus.stop();
    xmpp.close();
  });
});
