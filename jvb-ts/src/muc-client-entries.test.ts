import { expect } from "chai";
import { loadConfig } from "#shared/config/config";
import { ConfigError } from "#shared/config/config-error";
import { configFolder } from "#shared/testing/config-trial";
import { recordingLogger } from "#shared/testing/recording-logger";
import { mucClients } from "./muc-client-entries.ts";

const KEY = "videobridge.apis.xmpp-client.configs";
const COMPLETE = 'hostname=h, username=u, password=p, muc_jids="a@x", muc_nickname=n';

describe("MUC client entries", () => {
  const folder = configFolder("jvb.conf");

  function read(text: string, reachable = false): { ids: string[]; log: string; refused: string } {
    const config = loadConfig({
      argv: ["--config", folder.write(text)],
      env: {},
      tables: [],
      anyBelow: [KEY],
    });
    const log = recordingLogger();
    const lines = (): string => log.messages().join("\n");
    try {
      const clients = mucClients(config, config.get(KEY), reachable, log);
      return { ids: clients.map(({ id }) => id), log: folder.short(lines()), refused: "" };
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return { ids: [], log: "", refused: folder.short(error.line) };
    }
  }

  const incomplete = `${KEY} {\n one {\n  hostname = h\n  username = u\n  muc_jid = "a@x"\n  muc_nickname = n\n }\n}`;
  const faults = [
    `jvb.conf:2: ${KEY}.one.password: is missing; add password = … to this entry`,
    `jvb.conf:5: ${KEY}.one.muc_jids: is missing; rename muc_jid to muc_jids`,
  ];

  it("refuses to run with no connection at all, naming file, line, key and remedy", () => {
    expect(read(incomplete).refused).to.equal(faults.join("\n"));
  });

  it("B-065 leaves the entry out while something else is usable", () => {
    const lines = faults.map((line) => `Leaving out an incomplete XMPP connection: ${line}`);
    expect(read(incomplete, true)).to.deep.include({ ids: [], log: lines.join("\n") });
    const other = read(`${incomplete}\n${KEY}.two { ${COMPLETE} }`);
    expect(other).to.deep.include({ ids: ["two"], log: lines.join("\n") });
  });

  it("runs without any entry, and says that nothing can reach it", () => {
    expect(read("").log).to.match(/^No focus can reach this bridge/);
    expect(read("", true).log).to.equal("");
  });
});
