/**
 * The load generator: a process of its own, to be pinned to a core. It is told by messages what to
 * do (`generator-messages.ts`) and says what came of it.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "#shared/logging/logger";
import { type PacketIo, SrtpProfile } from "../../src/media/packet-io.ts";
import { createDtlsEngine, defaultCipherSuites } from "../../src/net/native-dtls.ts";
import { type FocusAccount, LoadFocus } from "./focus.ts";
import type { FromGenerator, GeneratorSettings, SetUp, ToGenerator } from "./generator-messages.ts";
import { limitOptions, sessionKeys } from "./limit-setup.ts";
import { LoadPeer } from "./load-peer.ts";
import { LoadRun } from "./load-run.ts";
import { openLoadSockets } from "./load-sockets.ts";
import { SetUps } from "./set-ups.ts";
import { type Plan, planOf, workloads } from "./workload.ts";

const CONNECT_WITHIN_MS = 30_000;
/** All is as asked for so long before a window begins. */
const STEADY_MS = 2000;
const STEADY_WITHIN_MS = 60_000;
/** What is on its way at the end of a window still arrives. */
const DRAIN_MS = 500;

const log: Logger = {
  error: (text, _context, cause) => console.error(text, cause),
  warn: () => {},
  info: () => {},
  debug: () => {},
  enabled: () => false,
  child: () => log,
};

const say = (message: FromGenerator): void => {
  if (process.connected) process.send?.(message);
};

async function until(holds: () => boolean, what: string, withinMs: number): Promise<void> {
  const end = performance.now() + withinMs;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`);
    await sleep(20);
  }
}

/** A call that goes on: its sockets, its load, and how it ends. */
interface Call {
  readonly run: LoadRun;
  readonly io: PacketIo;
  close(): Promise<void>;
}

const profileOf = (settings: GeneratorSettings) =>
  settings.profile === "cm" ? SrtpProfile.AES128_CM_HMAC_SHA1_80 : SrtpProfile.AEAD_AES_128_GCM;

async function callBridge(
  settings: GeneratorSettings,
  plan: Plan,
  focus: LoadFocus,
): Promise<Call> {
  const { seed, ip } = settings;
  await until(() => focus.ready, "a bridge in the brewery", CONNECT_WITHIN_MS);
  const io = openLoadSockets(plan.participants.length, ip);
  const engine = createDtlsEngine({
    cipherSuites: defaultCipherSuites,
    srtpProfiles: [profileOf(settings)],
  });
  const certificate = engine.createCertificate();
  const peers = plan.participants.map(
    (_, at) => new LoadPeer(io, at, { engine, certificate }, log),
  );
  const sessions = peers.map(({ session }) => session);
  const run = new LoadRun({ plan, seed, io, sessions, peers });
  const meetings: string[] = [];
  for (let conference = 0; conference < plan.workload.conferences; conference++) {
    const from = conference * plan.workload.people;
    const people = plan.participants.slice(from, from + plan.workload.people);
    const { meetingId, transports } = await focus.create(`room${conference}`, people);
    meetings.push(meetingId);
    for (const [at, person] of people.entries()) {
      const peer = peers[from + at]!;
      await focus.accept(meetingId, person, peer.describe());
      peer.connect(transports[at]!);
    }
  }
  await until(
    () => {
      const failed = peers.find((peer) => peer.failed !== undefined)?.failed;
      if (failed !== undefined) throw new Error(failed);
      return peers.every((peer) => peer.connected);
    },
    "all connected",
    CONNECT_WITHIN_MS,
  );
  if (plan.workload.wantedHeight > 0)
    for (const peer of peers) peer.want(plan.workload.wantedHeight);
  return {
    run,
    io,
    async close() {
      run.stop();
      for (const meetingId of meetings) await focus.expire(meetingId);
      for (const peer of peers) peer.close();
      io.close();
    },
  };
}

/** Straight to the limit program, with keys that both are given. */
async function callLimit(settings: GeneratorSettings, plan: Plan): Promise<Call> {
  const { seed } = settings;
  const io = openLoadSockets(plan.participants.length, "127.0.0.1");
  const ports = io.localAddresses.map(({ port }) => port);
  const keys = plan.participants.map((_, at) => sessionKeys(profileOf(settings), seed + at));
  say({ kind: "limitSetup", options: limitOptions(plan, ports, keys) });
  const port = await new Promise<number>((resolve) => {
    onLimitPort = resolve;
  });
  const remote = { ip: "127.0.0.1", port };
  const sessions = keys.map((own, at) => {
    const session = io.openSession();
    io.bindAddress(session, at, remote);
    io.selectAddress(session, at, remote);
    io.setKeys(session, own);
    return session;
  });
  const run = new LoadRun({ plan, seed, io, sessions, peers: undefined });
  return {
    run,
    io,
    close() {
      run.stop();
      io.close();
      return Promise.resolve();
    },
  };
}
let onLimitPort: (port: number) => void = () => {};

/** Waits until everybody gets what was asked for; undefined when that never happens. */
async function steady(run: LoadRun): Promise<number | undefined> {
  const began = run.now;
  let since = began;
  while (run.now - began < STEADY_WITHIN_MS) {
    await sleep(100);
    if (!run.tally.isSteady(run.now)) since = run.now;
    else if (run.now - since > STEADY_MS) return since - began;
  }
  return undefined;
}

async function measure(call: Call, seconds: number, settle: boolean): Promise<void> {
  const { run, io } = call;
  const settled = settle ? await steady(run) : undefined;
  const unsteady = run.tally.unsteadyPairs(run.now);
  const from = run.now + 50;
  const to = from + seconds * 1000;
  run.tally.begin(from, to);
  await until(() => run.now >= from, "the window begins", 1000);
  const keyFrames = run.keyFrames;
  say({ kind: "windowBegins" });
  await sleep(to - run.now);
  say({ kind: "windowEnds" });
  await sleep(DRAIN_MS);
  const counters = io.counters();
  const sum = (read: (receiver: (typeof run.receivers)[number]) => number) =>
    run.receivers.reduce((total, receiver) => total + read(receiver), 0);
  say({
    kind: "measured",
    window: run.tally.end(),
    settledMs: settled,
    unsteady,
    keyFrames: run.keyFrames - keyFrames,
    nacksSent: sum((each) => each.nacksSent),
    plisSent: sum((each) => each.plisSent),
    nacksReceived: sum((each) => each.nacksReceived),
    ports: io.localAddresses.map(({ port }) => port),
    sendFailures: counters.sendUnready + counters.sendCongested + counters.sendRefused,
    authFailed: counters.authFailed,
  });
}

/** The first share of the time for endpoints that come in, the rest for ones that are created only. */
const JOINING_SHARE = 0.75;

async function measureSetUps(focus: LoadFocus, ip: string, seconds: number): Promise<void> {
  await until(() => focus.ready, "a bridge in the brewery", CONNECT_WITHIN_MS);
  const run = new SetUps(focus, ip, log);
  await run.open();
  const setUps: SetUp[] = [];
  const end = performance.now() + JOINING_SHARE * seconds * 1000;
  while (performance.now() < end) setUps.push(await run.join());
  say({ kind: "windowBegins" });
  const creations = await run.create((1 - JOINING_SHARE) * seconds * 1000);
  say({ kind: "windowEnds" });
  say({ kind: "setUpsDone", setUps, creations });
  await run.close();
}

let focus: LoadFocus | undefined;
let call: Call | undefined;

async function obey(message: ToGenerator): Promise<void> {
  switch (message.kind) {
    case "open": {
      const { settings } = message;
      const workload = workloads.find(({ name }) => name === settings.workload);
      if (workload === undefined) throw new Error(`no workload ${settings.workload}`);
      const plan = planOf(workload, settings.seed);
      const account: FocusAccount | undefined = settings.focus;
      if (account !== undefined) focus ??= new LoadFocus(account, log);
      call =
        focus === undefined
          ? await callLimit(settings, plan)
          : await callBridge(settings, plan, focus);
      call.run.start();
      say({ kind: "opened" });
      return;
    }
    case "limitPort":
      onLimitPort(message.port);
      return;
    case "measure":
      if (call === undefined) throw new Error("no call to measure");
      await measure(call, message.seconds, message.settle);
      return;
    case "setUps": {
      const { ip, focus: account } = message.settings;
      if (account === undefined) throw new Error("endpoints are set up by a bridge");
      focus ??= new LoadFocus(account, log);
      await measureSetUps(focus, ip, message.seconds);
      say({ kind: "closed" });
      return;
    }
    case "close":
      await call?.close();
      call = undefined;
      say({ kind: "closed" });
      return;
    default:
      throw new Error(`unknown message ${JSON.stringify(message satisfies never)}`);
  }
}

process.on("message", (message: ToGenerator) => {
  obey(message).catch((error: unknown) => {
    say({ kind: "failed", reason: error instanceof Error ? error.message : String(error) });
  });
});
process.on("disconnect", () => process.exit());
say({ kind: "ready" });
