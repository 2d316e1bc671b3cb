/** The bridge's process is stopped and goes on (SIGSTOP, a paused machine), and nobody else is. */
import { expect } from "chai";
import type { ColibriOutcome } from "../../src/worker-messages.ts";
import { audioSource, creation, endpointRequest, modify, said } from "./requests.ts";
import { Stage } from "./stage.ts";
import { opus } from "./talk.ts";

const SSRC = 1001;
/** Packets a second. */
const RATE = 50;

const isRtp = (bytes: Uint8Array): boolean => (bytes[1] ?? 0) < 192 || (bytes[1] ?? 0) > 223;

/** A call of two in which the first talks until `hangUp`. */
async function call() {
  const stage = new Stage();
  const talker = await stage.join("aaaa1111");
  const listener = await stage.join("bbbb2222");
  const sources = [audioSource("aaaa1111", SSRC)];
  await stage.ask(modify({ endpoints: [endpointRequest("aaaa1111", { sources })] }));
  let seq = 0;
  const talk = stage.every(1000 / RATE, () => talker.sendMedia(opus(SSRC, seq++)));
  await stage.run(5000);
  listener.messages.length = 0;
  listener.media.length = 0;
  const hangUp = (): void => {
    talk.cancel();
    stage.vanish(talker);
  };
  return { stage, listener, hangUp };
}

describe("R3: a bridge that is frozen", () => {
  for (const seconds of [1, 5, 15, 100]) {
    it(`R3: for ${seconds} s loses nobody and sends at most twice the usual afterwards`, async () => {
      const { stage, listener } = await call();
      await stage.stop(seconds * 1000);
      await stage.run(1000);
      const burst = listener.media.filter(isRtp).length;
      expect(burst).to.be.within(RATE * 0.9, RATE * 2);
      listener.media.length = 0;
      await stage.run(2000);
      expect(listener.media.filter(isRtp).length).to.be.within(RATE * 1.9, RATE * 2.1);
      await stage.run(30_000);
      expect(listener.classes()).to.not.include("EndpointConnectivityStatusChangeEvent");
      expect(await stage.stats()).to.include({
        conferences: 1,
        endpoints: 2,
        endpoints_disconnected: 0,
        healthy: true,
      });
      const debug = stage.bridge.debugStats("transit-stats");
      await stage.run(10);
      const dropped = (seconds - 1) * RATE;
      expect(await debug).to.satisfy(
        (one: Readonly<Record<string, number>>) =>
          one["standstills"] === 1 && Math.abs((one["packets_dropped"] ?? 0) - dropped) <= RATE / 5,
      );
      expect(stage.presences.every((stats) => stats.get("healthy") === "true")).to.equal(true);
      expect(
        stage.log.messages("warn").filter((line) => line.includes("stood still")),
      ).to.have.length(1);
    });
  }

  it("R3: for 15 s in the middle of a turn sends no more either", async () => {
    const { stage, listener } = await call();
    stage.io.inReceive = () => {
      stage.process.stop();
      stage.io.stopped = true;
      stage.runtime.advance(15_000);
    };
    stage.io.onReadable?.();
    stage.process.resume();
    stage.io.resume();
    await stage.run(1000);
    expect(listener.media.filter(isRtp).length).to.be.within(RATE * 0.9, RATE * 2);
    expect(
      stage.log.messages("warn").filter((line) => line.includes("stood still")),
    ).to.have.length(1);
  });

  it("R3: for 15 s notices afterwards who went away meanwhile", async () => {
    const { stage, listener, hangUp } = await call();
    const stopped = stage.stop(15_000);
    hangUp();
    await stopped;
    await stage.run(7000);
    expect(await stage.stats()).to.include({ endpoints: 2, endpoints_disconnected: 0 });
    stage.vanish(listener);
    await stage.run(130_000);
    expect(await stage.stats()).to.include({ conferences: 0, endpoints: 0 });
    expect(stage.io.open.size).to.equal(0);
  });

  it("R3: for 15 s carries out in order what the focus asked for meanwhile", async () => {
    const { stage } = await call();
    const old = stage.bridge.conferenceOf("meeting-1");
    const answers: ColibriOutcome[] = [];
    const stopped = stage.stop(15_000);
    const create = modify({ create: true, endpoints: [creation("aaaa1111")] });
    for (const request of [modify({ expire: true }), create]) {
      void stage.bridge.colibri(request).then((outcome) => void answers.push(outcome));
    }
    await stopped;
    await stage.run(100);
    expect(answers.map(said)).to.deep.equal(["ok", "ok"]);
    expect(stage.bridge.conferenceOf("meeting-1")).to.not.equal(old);
    expect(await stage.stats()).to.include({ conferences: 1, endpoints: 1 });
  });

  it("R3: who has not connected yet gets the time that passed back", async () => {
    const stage = new Stage();
    await stage.join("aaaa1111");
    await stage.ask(modify({ endpoints: [creation("bbbb2222")] }));
    await stage.stop(150_000);
    await stage.run(10_000);
    expect(await stage.stats()).to.include({ endpoints: 2 });
    await stage.run(200_000);
    expect(await stage.stats()).to.include({ endpoints: 1 });
  });
});
