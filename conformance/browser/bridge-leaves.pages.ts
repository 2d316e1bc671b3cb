/** R23: a bridge goes in order while people are on it: they go on over the other one at once. */
import { expect } from "chai";
import { type Calls, explainFailures, itInFull, npmClient, startCalls } from "./calls.ts";
import { allOn, type Bridge, longestGap, post, restart, usedAndOther } from "./faults.ts";
import { expectMedia } from "./pages.ts";

const ways: readonly {
  readonly name: string;
  go(bridge: Bridge): Promise<unknown>;
  /** Makes it an ordinary bridge again. */
  restore(bridge: Bridge): Promise<unknown>;
  readonly run: typeof itInFull;
}[] = [
  {
    name: "is told to drain over HTTP",
    go: (bridge) => post(bridge, "/colibri/drain/enable"),
    restore: (bridge) => post(bridge, "/colibri/drain/disable"),
    run: it,
  },
  {
    name: "is told to shut down gracefully over HTTP",
    go: (bridge) => post(bridge, "/colibri/shutdown", { "graceful-shutdown": "true" }),
    restore: restart,
    run: itInFull,
  },
  {
    name: "is told to shut down at once over HTTP",
    go: (bridge) => post(bridge, "/colibri/shutdown", { "graceful-shutdown": "false" }),
    restore: restart,
    run: itInFull,
  },
  { name: "gets SIGTERM", go: ({ program }) => program.stop(), restore: restart, run: it },
];

describe("R23 a bridge that goes", () => {
  let calls: Calls;
  let round = 0;

  before(async () => {
    calls = await startCalls({
      client: npmClient,
      bridges: 2,
      bridgeConfig: "videobridge.rest.shutdown.enabled = true",
    });
  });
  after(() => calls?.stop());
  explainFailures(() => calls);
  /** Makes the bridge of the last case an ordinary one again. */
  let restored: () => Promise<unknown> = async () => undefined;
  afterEach(async () => {
    await calls.closePages();
    await restored();
  });

  for (const { name, go, restore, run } of ways) {
    run(`${name}: the call goes on over the other bridge`, async () => {
      const room = `leaves${++round}`;
      const pages = await Promise.all([1, 2].map((number) => calls.open(room, number)));
      await expectMedia(pages, { bridges: calls.stack.bridges });
      const { used, other } = await usedAndOther(calls, pages);
      restored = () => restore(used);
      const gap = await longestGap(pages, async () => {
        await go(used);
        await allOn(calls, pages, other);
      });
      await expectMedia(pages, { bridges: [other] });
      expect(gap).to.be.below(3000);
    });
  }
});
