/** Random signalling, clients that come and vanish, and time: the books must balance at the end. */
import { expect } from "chai";
import { testSeed, withSeed } from "#shared/testing/virtual-runtime";
import type { ColibriOutcome } from "../../src/worker-messages.ts";
import { audioSource, creation, endpointRequest, modify, transportRequest } from "./requests.ts";
import { Stage } from "./stage.ts";

const meetings = ["m1", "m2", "m3"];
const ids = ["e1", "e2", "e3", "e4"];

describe("random operations", () => {
  for (let round = 0; round < 20; round++) {
    it(`leave nothing behind, round ${round}`, async () => {
      const stage = new Stage();
      const { random } = stage.runtime;
      for (let skip = 0; skip < round * 7; skip++) random.int(2);
      const pick = <T>(from: readonly T[]): T => from[random.int(from.length)] as T;
      let asked = 0;
      const answers: ColibriOutcome[] = [];
      for (let step = 0; step < 150; step++) {
        const meetingId = pick(meetings);
        const id = pick(ids);
        const request = pick([
          () => modify({ meetingId, create: true, endpoints: [creation(id)] }),
          () => modify({ meetingId, endpoints: [creation(id)] }),
          () => modify({ meetingId, endpoints: [endpointRequest(id, { expire: true })] }),
          () => modify({ meetingId, expire: true }),
          () => {
            const sources = [audioSource(id, random.int(2 ** 32))];
            return modify({ meetingId, endpoints: [endpointRequest(id, { sources })] });
          },
          () => {
            const transport = transportRequest({ iceRestart: random.int(2) === 0 });
            return modify({ meetingId, endpoints: [endpointRequest(id, { transport })] });
          },
        ])();
        asked++;
        void stage.bridge.colibri(request).then((outcome) => void answers.push(outcome));
        if (random.int(4) === 0) await stage.run(random.int(5000));
      }
      await stage.run(1000);
      withSeed(testSeed(), () => expect(answers.length).to.equal(asked));
      for (const meetingId of meetings) {
        void stage.bridge.colibri(modify({ meetingId, expire: true }));
      }
      await stage.run(100);
      const stats = await stage.stats();
      withSeed(testSeed(), () => {
        expect(stats).to.include({ conferences: 0, endpoints: 0 });
        expect(stage.io.open.size).to.equal(0);
        expect(stage.io.ufrags.size).to.equal(0);
        expect(stats["total_conferences_created"]).to.equal(stats["total_conferences_completed"]);
        expect(stage.log.messages("error")).to.deep.equal([]);
      });
    });
  }
});
