/** Calls of pages that encrypt their frames end to end: the bridge forwards what it cannot read. */
import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { until } from "#shared/testing/until";
import { type Calls, explainFailures, newestClient, startCalls } from "./calls.ts";
import { askForHeight, type CallPage, expectMedia } from "./pages.ts";
import { UdpRelay } from "./relays.ts";

const cipher = readFileSync(new URL("in-page/frame-cipher.ts", import.meta.url), "utf8");
const workerSource = `${stripTypeScriptTypes(cipher)}\ncipherFrames(self);`;

/** Has the loaded page encrypt with that key, with the library's own switch, from the start on. */
function encrypt(page: CallPage, key: readonly number[]): Promise<unknown> {
  return page.page.evaluate(`(() => {
    const source = URL.createObjectURL(new Blob([${JSON.stringify(workerSource)}], { type: "text/javascript" }));
    const Plain = Worker;
    window.Worker = class extends Plain {
      constructor(url, options) {
        const isCipher = options?.name === "E2EE Worker";
        super(isCipher ? source : url, options);
        if (isCipher) this.addEventListener("message", ({ data }) => { window.frames_ = data; });
      }
    };
    const { prototype } = JitsiMeetJS.JitsiConnection;
    const make = prototype.initJitsiConference;
    prototype.initJitsiConference = function (name, options) {
      const conference = make.call(this, name, {
        ...options,
        e2ee: { externallyManagedKey: true },
        enableEncodedTransformSupport: true,
      });
      conference.toggleE2EE(true);
      conference.setMediaEncryptionKey({ encryptionKey: new Uint8Array(${JSON.stringify(key)}), index: 0 });
      return conference;
    };
  })()`);
}

interface Frames {
  readonly encrypted: number;
  readonly decrypted: number;
  readonly failed: number;
}

async function frames(page: CallPage, kind: "pictures" | "sound" = "pictures"): Promise<Frames> {
  const counted = (await page.page.evaluate(`window.frames_?.${kind}`)) as Frames | undefined;
  return counted ?? { encrypted: 0, decrypted: 0, failed: 0 };
}

/** What the page's connection to the bridge counted of the video that it receives. */
async function received(page: CallPage): Promise<{ nacks: number; repeated: number }> {
  return (await page.page.evaluate(`(async () => {
    const connection = call.conference.jvbJingleSession.peerconnection.peerconnection;
    const rows = [...(await connection.getStats()).values()];
    const video = rows.filter((row) => row.type === "inbound-rtp" && row.kind === "video");
    const sum = (name) => video.reduce((all, row) => all + (row[name] ?? 0), 0);
    return { nacks: sum("nackCount"), repeated: sum("retransmittedPacketsReceived") };
  })()`)) as { nacks: number; repeated: number };
}

const height = async (page: CallPage) => (await page.seen()).heights["p1/video"];
const key = Array.from({ length: 16 }, (_, at) => 17 * at);
const newest = newestClient();

if (newest.path === undefined) {
  describe("a call encrypted end to end", () => {
    before(() => console.log(`      skipped: ${newest.reason}`));
    it.skip(`pictures, sound, layers and repairs (${newest.reason})`);
  });
} else {
  const client = newest.path;
  describe("a call encrypted end to end", () => {
    let calls: Calls;
    let relay: UdpRelay;
    let sender: CallPage;
    let receiver: CallPage;

    const enter = async (
      number: number,
      with_: readonly number[],
      query: Readonly<Record<string, string>> = {},
    ): Promise<CallPage> => {
      const page = await calls.open("secret", number, { codec: "VP8", ...query }, false);
      await encrypt(page, with_);
      await page.join();
      return page;
    };

    before(async () => {
      calls = await startCalls({ client });
      const { mediaPort = 0 } = calls.stack.bridges[0] ?? {};
      relay = await UdpRelay.open(mediaPort);
      sender = await enter(1, key, { lines: "720", noisy: "1" });
      receiver = await enter(2, key, { relay: `${mediaPort}:${relay.port}` });
    });
    after(async () => {
      await calls?.stop();
      relay?.close();
    });
    explainFailures(() => calls);

    it("two see and hear each other", async () => {
      await expectMedia([sender, receiver]);
      for (const page of [sender, receiver]) {
        for (const kind of ["pictures", "sound"] as const) {
          const { encrypted, decrypted, failed } = await frames(page, kind);
          expect(encrypted, `${kind} encrypted`).to.be.above(20);
          expect(decrypted, `${kind} decrypted`).to.be.above(20);
          expect(failed, `${kind} that no key opens`).to.equal(0);
        }
      }
    });

    it("layers switch down and up", async () => {
      for (const lines of [180, 360, 180]) {
        await askForHeight(receiver, lines);
        await until(
          `it sees ${lines} lines`,
          async () => (await height(receiver)) === lines,
          20_000,
        );
        await expectMedia([sender, receiver]);
      }
    });

    it("what is lost is sent again, and the picture goes on", async () => {
      await askForHeight(receiver, 360);
      await until("it sees 360 lines", async () => (await height(receiver)) === 360, 20_000);
      const before = { ...(await received(receiver)), ...(await frames(receiver)) };
      relay.shape({ down: { loss: 0.05, delayMs: 25 }, up: { delayMs: 25 } });
      await receiver.mark();
      await sleep(10_000);
      const after = { ...(await received(receiver)), ...(await frames(receiver)) };
      const { gapMs = Number.POSITIVE_INFINITY, count = 0 } =
        (await receiver.seen()).sources["p1/video"] ?? {};
      relay.shape({});
      expect(after.nacks, "requests").to.be.above(before.nacks);
      expect(after.repeated, "repeats").to.be.above(before.repeated + 5);
      expect(after.failed, "frames that no key opens").to.equal(before.failed);
      expect(count, "pictures").to.be.above(80);
      expect(gapMs).to.be.below(1_500);
    });

    it("somebody with another key is sent everything and sees nothing", async () => {
      const stranger = await enter(3, key.toReversed());
      await until("frames came", async () => (await frames(stranger)).failed > 100, 20_000);
      const { sources } = await stranger.seen();
      expect(sources["p1/video"]?.count ?? 0).to.equal(0);
      expect((await frames(stranger)).decrypted).to.equal(0);
      await stranger.close();
      await expectMedia([sender, receiver]);
    });
  });
}
