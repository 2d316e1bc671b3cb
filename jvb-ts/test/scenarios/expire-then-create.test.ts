/** The focus expires a conference and creates it again in the next stanza, as upstream's does. */
import { expect } from "chai";
import type { ColibriOutcome } from "../../src/worker-messages.ts";
import { creation, endpointRequest, modify, said } from "./requests.ts";
import { Stage } from "./stage.ts";

describe("expire, then create at once", () => {
  const cases = [
    { name: "the whole conference", expire: modify({ expire: true }) },
    {
      name: "its only endpoint",
      expire: modify({ endpoints: [endpointRequest("aaaa1111", { expire: true })] }),
    },
  ];
  for (const { name, expire } of cases) {
    it(`B-152 succeeds after ${name} was expired`, async () => {
      const stage = new Stage();
      await stage.join("aaaa1111");
      const old = stage.bridge.conferenceOf("meeting-1");
      const answers: ColibriOutcome[] = [];
      const create = modify({
        create: true,
        name: "room@conference.example",
        endpoints: [creation("aaaa1111")],
      });
      const update = modify({ endpoints: [endpointRequest("aaaa1111", { initialLastN: 3 })] });
      for (const request of [expire, create, update]) {
        void stage.bridge.colibri(request).then((outcome) => void answers.push(outcome));
      }
      await stage.run(50);
      expect(answers.map(said)).to.deep.equal(["ok", "ok", "ok"]);
      const now = stage.bridge.conferenceOf("meeting-1");
      expect(now).to.be.a("string").and.not.equal(old);
      const stats = await stage.stats();
      expect(stats).to.include({ conferences: 1, endpoints: 1, total_conferences_created: 2 });
    });
  }

  it("B-002 is a conflict without the expire", async () => {
    const stage = new Stage();
    await stage.join("aaaa1111");
    expect(said(await stage.ask(modify({ create: true })))).to.equal(
      "conference_already_exists: Conference already exists for ID: meeting-1",
    );
  });
});
