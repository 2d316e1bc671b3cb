import { expect } from "chai";
import { RtcpWalker } from "#shared/rtp/rtcp-walk";
import { decodeTwcc } from "#shared/rtp/twcc";
import { DuplicateWindow } from "./duplicate-window.ts";
import { NackGenerator } from "./nack-generator.ts";
import { RateTracker } from "./rate-tracker.ts";
import { ReceiveStats } from "./receive-stats.ts";
import { HistoryRewriter, PlainRewriter } from "./resumable-rewriter.ts";
import { SenderReportLog } from "./sender-report-log.ts";
import { TransportCcReceiver } from "./transport-cc-receiver.ts";

const starts = [0, 1, 0x7fff, 0xfffe, 0xffff];

describe("hiding discarded packets", () => {
  it("without history (M-034)", () => {
    const rewriter = new PlainRewriter();
    expect(rewriter.accept(0xfffd)).to.equal(0xfffd);
    rewriter.reject(0xfffe);
    expect(rewriter.accept(0xffff)).to.equal(0xfffe);
    rewriter.reject(0);
    expect(rewriter.accept(1)).to.equal(0xffff);
  });
  for (const start of starts)
    it(`without history, no number twice: what a shift overtook is refused, from ${start}`, () => {
      const rewriter = new PlainRewriter();
      const at = (i: number) => (start + i) & 0xffff;
      expect(rewriter.accept(at(0))).to.equal(at(0));
      expect(rewriter.accept(at(2))).to.equal(at(2));
      expect(rewriter.accept(at(1))).to.equal(at(1));
      rewriter.reject(at(4));
      expect(rewriter.accept(at(3))).to.equal(-1);
      expect(rewriter.accept(at(5))).to.equal(at(3));
      const sent = new Set([at(0), at(1), at(2), at(3)]);
      for (let i = 6; i < 40_000; i++) sent.add(rewriter.accept(at(i)));
      expect(sent.size).to.equal(39_998);
      expect(rewriter.accept(at(40_001))).to.equal(at(39_999));
      expect(rewriter.accept(at(40_000))).to.equal(at(39_998));
    });
  it("with history (M-035)", () => {
    const rewriter = new HistoryRewriter();
    const a = (seq: number) => rewriter.rewrite(seq, true);
    const r = (seq: number) => rewriter.rewrite(seq, false);
    expect(a(0xfffd)).to.equal(0xfffd);
    r(0xfffe);
    expect(a(0xffff)).to.equal(0xfffe);
    r(0xfffc);
    expect(a(0xfffb)).to.equal(0xfffc);
    r(1);
    r(2);
    expect(a(3)).to.equal(0);
    expect(a(0)).to.equal(0xffff);
    expect(a(6)).to.equal(3);
    r(4);
    expect(rewriter.gapsLeft).to.equal(1);
    for (let seq = 5; seq <= 1005; seq++) expect(a(seq)).to.equal(seq - 3);
    expect(a(3)).to.equal(0);
  });
  for (const start of starts)
    it(`in order, any discards leave contiguous numbers, from ${start}`, () => {
      const plain = new PlainRewriter();
      const history = new HistoryRewriter();
      let expected = start;
      for (let i = 0; i < 3000; i++) {
        const seq = (start + i) & 0xffff;
        const accept = i === 0 || (i * 7919) % 5 > 1;
        const out = history.rewrite(seq, accept);
        if (!accept) {
          plain.reject(seq);
          continue;
        }
        expect(out).to.equal(expected);
        expect(plain.accept(seq)).to.equal(expected);
        expected = (expected + 1) & 0xffff;
      }
    });
});

describe("duplicates", () => {
  for (const start of starts)
    it(`are recognised within 1500 numbers, from ${start}`, () => {
      const window = new DuplicateWindow();
      const at = (i: number) => (start + i) & 0xffff;
      for (let i = 0; i < 2500; i++) {
        if (i % 10 === 3) continue;
        if (window.isDuplicate(at(i))) expect.fail(`${i} is new`);
        if (!window.isDuplicate(at(i))) expect.fail(`${i} is a duplicate`);
        // A hole within the window may still be filled, once.
        if (i <= 1400) continue;
        const isHole = (i - 1400) % 10 === 3;
        if (window.isDuplicate(at(i - 1400)) === isHole) expect.fail(`${i - 1400}`);
      }
      expect(window.isDuplicate(at(20_000))).to.equal(false);
      expect(window.isDuplicate(at(19_999))).to.equal(false);
    });
});

describe("NACK generation", () => {
  const into = new Uint16Array(512);
  const take = (nack: NackGenerator, now: number, rttMs = -1) => [
    ...into.subarray(0, nack.collect(into, now, rttMs)),
  ];
  for (const start of starts) {
    const at = (i: number) => (start + i) & 0xffff;
    it(`asks at once and ten times in all (M-106), from ${start}`, () => {
      const nack = new NackGenerator();
      nack.handlePacket(at(1), 0);
      expect(nack.dueAt).to.equal(Number.POSITIVE_INFINITY);
      nack.handlePacket(at(3), 0);
      const times: number[] = [];
      for (let now = nack.dueAt; Number.isFinite(now); now = nack.dueAt) {
        expect(take(nack, now)).to.deep.equal([at(2)]);
        times.push(now);
      }
      expect(times).to.deep.equal([0, 150, 300, 450, 600, 750, 900, 1050, 1200, 1350]);
    });
    it(`asks for a whole gap (M-107) and stops on arrival, from ${start}`, () => {
      const nack = new NackGenerator();
      nack.handlePacket(at(1), 0);
      nack.handlePacket(at(10), 0);
      expect(take(nack, 0)).to.deep.equal([2, 3, 4, 5, 6, 7, 8, 9].map(at));
      for (const i of [5, 2, 3, 4, 6, 9, 8]) nack.handlePacket(at(i), 10);
      expect(take(nack, 150)).to.deep.equal([at(7)]);
      nack.handlePacket(at(7), 160);
      expect(nack.dueAt).to.equal(Number.POSITIVE_INFINITY);
    });
    it(`asks for one more loss alone, and again after a round trip at the earliest, from ${start}`, () => {
      const nack = new NackGenerator();
      for (const i of [1, 3]) nack.handlePacket(at(i), 0);
      expect(take(nack, 0, 200)).to.deep.equal([at(2)]);
      nack.handlePacket(at(5), 50);
      expect(nack.dueAt).to.equal(50);
      expect(take(nack, 50, 200)).to.deep.equal([at(4)]);
      expect(nack.dueAt).to.equal(200);
      expect(take(nack, 199, 200)).to.deep.equal([]);
      expect(take(nack, 200, 200)).to.deep.equal([at(2)]);
      expect(nack.dueAt).to.equal(250);
      nack.handlePacket(at(2), 210);
      expect(take(nack, 250, 20)).to.deep.equal([at(4)]);
      expect(nack.dueAt).to.equal(400);
    });
    it(`forgets everything at a jump (M-108), from ${start}`, () => {
      const nack = new NackGenerator();
      for (const i of [1, 3, 3000]) nack.handlePacket(at(i), 0);
      expect(nack.dueAt).to.equal(Number.POSITIVE_INFINITY);
      nack.handlePacket(at(3002), 0);
      expect(take(nack, 0)).to.deep.equal([at(3001)]);
    });
  }
});

describe("reception statistics", () => {
  for (const start of starts)
    it(`expected 17, lost 6 (M-121), from ${start}`, () => {
      const stats = new ReceiveStats();
      for (const i of [0, 1, 3, 5, 6, 7, 8, 9, 11, 13, 16])
        stats.handlePacket((start + i) & 0xffff, 0, 100, 0, 90_000);
      stats.closeInterval();
      expect(stats.expected()).to.equal(17);
      expect(stats.cumulativeLost).to.equal(6);
      expect(stats.fractionLost).to.equal(Math.floor((6 * 256) / 17));
      expect(stats.hasNews()).to.equal(false);
    });
  it("late packets take back a loss, large jumps count none", () => {
    const stats = new ReceiveStats();
    for (const seq of [10, 12, 11, 5000, 4990]) stats.handlePacket(seq, 0, 1, 0, 90_000);
    expect(stats.cumulativeLost).to.equal(-1);
  });
  it("jitter of M-122, in ms", () => {
    const stats = new ReceiveStats();
    const arrivals = [10, 30, 49, 74, 90, 111, 139];
    const jitters = arrivals.map((arrival, i) => {
      stats.handlePacket(i, i * 1800, 100, arrival, 90_000);
      return stats.jitterMs;
    });
    const expected = [0, 0, 0.0625, 0.3711, 0.5979, 0.623, 1.0841];
    for (const [i, value] of expected.entries()) expect(jitters[i]).to.be.closeTo(value, 0.001);
  });
});

describe("round trip (M-123)", () => {
  it("is what remains without the receiver's delay", () => {
    const log = new SenderReportLog();
    log.sent(7, 0x1234, 1000);
    const delay = Math.round((50 * 65536) / 1000);
    expect(log.roundTrip(7, 0x1234, delay, 1060)).to.be.closeTo(10, 0.1);
    expect(log.roundTrip(7, 0x1235, delay, 1060)).to.equal(-1);
    expect(log.roundTrip(7, 0, 0, 1060)).to.equal(-1);
    expect(log.roundTrip(7, 0x1234, delay, 9000)).to.equal(-1);
    log.sent(8, 0, 1000);
    expect(log.roundTrip(8, 0, delay, 1060)).to.be.closeTo(10, 0.1);
  });
});

describe("rates", () => {
  it("cover one second and go back to zero", () => {
    const tracker = new RateTracker();
    expect(tracker.rate(0)).to.equal(0);
    for (let now = 0; now < 3000; now += 10) tracker.add(1000, now);
    expect(tracker.rate(2999)).to.be.closeTo(100_000, 3000);
    expect(tracker.rate(4100)).to.equal(0);
    tracker.add(1000, 4100);
    expect(tracker.rate(4100)).to.equal(50_000);
  });
});

interface Report {
  readonly seqs: readonly number[];
  readonly lost: number;
  readonly base: number;
}

function reports(receiver: TransportCcReceiver, now: number): Report[] {
  const bytes = new Uint8Array(1500);
  const all: Report[] = [];
  for (;;) {
    const length = receiver.write(bytes, 0, 1, now);
    if (length === 0) return all;
    expect(length).to.be.at.most(1200);
    const walker = new RtcpWalker();
    walker.start(bytes, 0, length);
    walker.next();
    const seqs: number[] = [];
    let lost = 0;
    let base = -1;
    const ok = decodeTwcc(bytes, 0, walker.length, (seq, received) => {
      if (base < 0) base = seq;
      if (received) seqs.push(seq);
      else lost++;
    });
    expect(ok).to.equal(true);
    all.push({ seqs, lost, base });
  }
}

describe("transport-cc recording", () => {
  for (const start of starts) {
    const at = (i: number) => (start + i) & 0xffff;
    it(`reports eleven unmarked packets after 100 ms (M-126), then what was missing (M-127) or came late (M-128), from ${start}`, () => {
      const receiver = new TransportCcReceiver();
      for (let i = 0; i <= 10; i++) {
        receiver.handlePacket(at(i), false, 5, i * 10, i * 10);
        expect(receiver.due).to.equal(i === 10);
      }
      const [report] = reports(receiver, 100);
      expect(report?.seqs).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(at));
      receiver.handlePacket(at(20), true, 5, 120, 120);
      expect(receiver.due).to.equal(true);
      expect(reports(receiver, 120)).to.deep.equal([{ seqs: [at(20)], lost: 9, base: at(11) }]);
      receiver.handlePacket(at(15), true, 5, 140, 140);
      expect(reports(receiver, 140)).to.deep.equal([{ seqs: [at(15)], lost: 0, base: at(15) }]);
    });
    it(`reports a marked packet after 20 ms, from ${start}`, () => {
      const receiver = new TransportCcReceiver();
      receiver.handlePacket(at(0), false, 5, 0, 0);
      receiver.handlePacket(at(1), false, 5, 10, 10);
      receiver.handlePacket(at(2), true, 5, 20, 20);
      expect(receiver.due).to.equal(true);
      expect(reports(receiver, 20)[0]?.seqs).to.deep.equal([0, 1, 2].map(at));
    });
  }
  it("reports wide gaps whole (M-129)", () => {
    const receiver = new TransportCcReceiver();
    for (let i = 0; i < 7; i++) receiver.handlePacket(i * 10_000, false, 5, i, i);
    const all = reports(receiver, 100);
    expect(all.reduce((sum, one) => sum + one.seqs.length, 0)).to.equal(7);
    expect(receiver.lost).to.equal(6 * 9999);
  });
  it("survives random numbers", () => {
    const receiver = new TransportCcReceiver();
    let seed = 1;
    for (let i = 0; i < 3000; i++) {
      seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
      receiver.handlePacket(seed & 0xffff, false, 5, i, i);
      if (receiver.due) reports(receiver, i);
    }
  });
});
