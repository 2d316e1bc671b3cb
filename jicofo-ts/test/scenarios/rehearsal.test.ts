/** The play that a focus gives for itself when it has started. */
import { expect } from "chai";
import { VirtualRuntime } from "#shared/testing/virtual-runtime";
import { rehearse } from "../../src/main/rehearsal.ts";
import { settings } from "./authentication-world.ts";

describe("the rehearsal of a focus", () => {
  for (const more of [
    "",
    'jicofo.authentication { enabled = true, type = XMPP, login-url = "a.b" }',
  ]) {
    it(`plays whole conferences and leaves nothing behind ${more && "with authentication"}`, async () => {
      const runtime = new VirtualRuntime();
      let well: boolean | undefined;
      const began = runtime.clock.now();
      void rehearse(settings(more), runtime).then((result) => {
        well = result;
      });
      while (well === undefined && runtime.clock.now() < began + 10_000)
        await runtime.advanceAsync(1);
      expect(well).to.equal(true);
      expect(runtime.clock.now() - began).to.be.below(500);
      // The session's own, for a server that does not close the stream.
      await runtime.advanceAsync(3_000);
      expect(runtime.pendingTimers).to.equal(0);
    });
  }
});
