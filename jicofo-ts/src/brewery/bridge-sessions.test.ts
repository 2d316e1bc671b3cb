import { expect } from "chai";
import { NS } from "#shared/xmpp/namespaces";
import { type Element, xml } from "#shared/xmpp/xml";
import { BridgeSessions } from "./bridge-sessions.ts";

const bridge = "brewery@x/jvb1";

function presence(...sessions: string[]): Element {
  const items = sessions.map((jid) => xml("item", { jid, role: "moderator" }));
  return xml("presence", {}, xml("x", { xmlns: NS.mucUser }, items));
}

describe("BridgeSessions", () => {
  it("knows a process by its address, and a restart beside the old session by a second one", () => {
    const sessions = new BridgeSessions();
    const news = (...jids: string[]) => sessions.handlePresence(bridge, presence(...jids));
    expect(news("jvb@x/a")).to.equal("same");
    expect(news("jvb@x/a")).to.equal("same");
    expect(news("jvb@x/a", "jvb@x/b")).to.equal("shadowed");
    expect(news("jvb@x/b", "jvb@x/a")).to.equal("shadowed");
    expect(news("jvb@x/b")).to.equal("replaced");
    expect(news("jvb@x/b")).to.equal("same");
    sessions.forget(bridge);
    expect(news("jvb@x/c")).to.equal("same");
  });

  it("takes anybody for the same after we were out of the room", () => {
    const sessions = new BridgeSessions();
    const news = (...jids: string[]) => sessions.handlePresence(bridge, presence(...jids));
    news("jvb@x/a");
    sessions.forgetAll();
    expect(news("jvb@x/b")).to.equal("same");
    expect(news("jvb@x/c")).to.equal("replaced");
  });

  it("has no news where real addresses are hidden", () => {
    const sessions = new BridgeSessions();
    expect(sessions.handlePresence(bridge, xml("presence"))).to.equal("same");
    expect(sessions.handlePresence(bridge, presence())).to.equal("same");
  });
});
