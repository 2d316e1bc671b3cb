import { expect } from "chai";
import { nextName } from "./page/guest-names.ts";
import { bridgeState, people } from "./page/server-rows.ts";
import { linesByTrack } from "./page/stream-lines.ts";

describe("the servers' view", () => {
  it("says of a bridge the worst that the focus says", () => {
    const well = { operational: true, overloaded: false, drain: false };
    const say = (more: object) => bridgeState({ ...well, ...more });
    expect(say({})).to.deep.equal({ word: "operational", kind: "ok" });
    expect(say({ overloaded: true })).to.deep.equal({ word: "overloaded", kind: "warn" });
    expect(say({ drain: true, overloaded: true }).word).to.equal("drained");
    expect(say({ "graceful-shutdown": true }).word).to.equal("shutting down");
    expect(say({ "failing-ice": true, overloaded: true }).word).to.equal("ICE fails");
    expect(say({ operational: false }).word).to.equal("not operational");
  });

  it("lists who is alone in a room, and the bridge of everybody else", () => {
    const conferences = {
      "a@conference": { chat_room: { members: { x1: { role: "OWNER" } } }, participants: {} },
      "b@conference": {
        chat_room: { members: { y1: { role: "OWNER" }, y2: {}, y3: {} } },
        participants: {
          y1: { jingle_session: { state: "ACTIVE" } },
          y2: { jingle_session: null },
        },
        conference_sources: { y1: { sources: [{}, {}] } },
        colibri_session_manager: { participants: { y1: { bridge: "jvb2" } } },
      },
    };
    expect(people(conferences).map((one) => Object.values(one).join(" "))).to.deep.equal([
      "a@conference x1 OWNER alone, no session yet – 0",
      "b@conference y1 OWNER ACTIVE jvb2 2",
      "b@conference y2 – no session yet – 0",
      "b@conference y3 – no session yet – 0",
    ]);
    expect(people({ error: "no answer" })).to.deep.equal([]);
  });
});

describe("the call page", () => {
  it("shows the layers of a track by their height", () => {
    const line = (height: number | undefined, track = "t") => ({
      track,
      height,
      text: `${height}p`,
    });
    const lines = linesByTrack([line(360), line(undefined, "u"), line(180), line(720)]);
    expect([...lines]).to.deep.equal([
      ["t", "720p\n360p\n180p"],
      ["u", "undefinedp"],
    ]);
  });

  it("names each window of a browser differently", () => {
    const kept = new Map<string, string>();
    const store = {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => void kept.set(key, value),
    };
    const names = Array.from({ length: 128 }, () => nextName(store, () => 0.99));
    expect(new Set(names).size).to.equal(128);
    for (const name of names) expect(name).to.match(/^[A-Z][a-z]+$/);
    kept.set("names", "nonsense");
    expect(nextName(store, () => 0)).to.match(/^[A-Z][a-z]+$/);
  });
});
