/** One sender per codec, another layer for each receiver: VP9 and AV1 in layers of one stream, H.264. */
import { expect } from "chai";
import { until } from "#shared/testing/until";
import { type Calls, explainFailures, newestClient, startCalls } from "./calls.ts";
import { askForHeight, type CallPage, expectMedia } from "./pages.ts";

/** What a receiver decodes of the first page's camera: codec by name, lines of the picture. */
async function decoded(page: CallPage): Promise<{ codec: string; lines: number } | undefined> {
  return (await page.page.evaluate(`(async () => {
    const connection = call.conference.jvbJingleSession.peerconnection.peerconnection;
    const stats = await connection.getStats();
    const video = [...stats.values()].find((row) => row.type === "inbound-rtp" && row.kind === "video" && row.framesPerSecond > 0);
    return video && { codec: stats.get(video.codecId)?.mimeType ?? "", lines: video.frameHeight };
  })()`)) as { codec: string; lines: number } | undefined;
}

const { path: client, reason } = newestClient();

for (const { codec, layers } of [
  { codec: "VP9", layers: [180, 360] },
  { codec: "AV1", layers: [180, 360] },
  { codec: "H264", layers: [] },
])
  describe(`a call in ${codec}`, () => {
    let calls: Calls;
    let pages: CallPage[] = [];

    before(async function () {
      if (client === undefined) {
        console.log(`      skipped: ${reason}`);
        this.skip();
      }
      calls = await startCalls({ client, focusConfig: "jicofo.codec.video.av1.enabled = true" });
      pages = [
        await calls.open(codec, 1, { codec, lines: "720" }),
        await calls.open(codec, 2, { codec }),
      ];
    });
    after(() => calls?.stop());
    explainFailures(() => calls);

    it("two see and hear each other", async () => {
      await expectMedia(pages, { bridges: calls.stack.bridges });
      expect((await decoded(pages[1]!))?.codec).to.equal(`video/${codec}`);
    });

    if (layers.length > 0)
      it(`gives each receiver the layer it asks for: ${layers.join(" and ")} lines`, async () => {
        const [, second] = pages;
        for (const lines of [...layers, ...layers]) {
          await askForHeight(second!, lines);
          await until(
            `it sees ${lines} lines`,
            async () => (await decoded(second!))?.lines === lines,
            20_000,
          );
          await expectMedia(pages, { bridges: calls.stack.bridges });
        }
      });
  });
