/** The whole load for a moment: that everybody is set up. How fast is for a quiet machine. */
import { expect } from "chai";
import { conferenceSize, FocusBench, type ServerKind } from "./focus-bench.ts";

describe("the load of a focus", function () {
  this.timeout(90_000);

  for (const server of ["lean", "prosody"] satisfies ServerKind[]) {
    it(`is set up whole over ${server}, measured and counted`, async () => {
      const bench = await FocusBench.open("ours", server);
      try {
        const traffic = await bench.traffic(2);
        const { stanzas, bytes, kinds } = traffic?.sent ?? {
          stanzas: 0,
          bytes: 0,
          kinds: new Map(),
        };
        expect(kinds.get("iq set jingle session-initiate")).to.equal(2 * conferenceSize);
        expect(stanzas / 6).to.be.within(6, 15);
        expect(bytes / 6).to.be.within(8_000, 30_000);
        expect(await bench.start()).to.equal(undefined);
        const batch = await bench.batch({ conferences: 3, rate: 5, size: conferenceSize });
        expect(batch.complete).to.equal(9);
        expect(batch.joinToInitiate).to.have.length(9);
        expect(Math.min(...batch.joinToInitiate)).to.be.greaterThan(0);
        expect([batch.cpuMs > 0, batch.serverCpuMs > 0]).to.deep.equal([true, true]);
      } finally {
        await bench.close();
      }
    });
  }
});
