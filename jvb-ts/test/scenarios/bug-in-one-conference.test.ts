/** A broken invariant of ours ends the conference in which it happened, and no other. */
import { expect } from "chai";
import { Bug } from "#shared/runtime/bug";
import { Conference } from "../../src/conference/conference.ts";
import { Endpoint } from "../../src/conference/endpoint.ts";
import { EndpointHandle } from "../../src/media/endpoint-handle.ts";
import { PacketPath } from "../../src/media/packet-path.ts";
import { SpeechActivity } from "../../src/media/speech-activity.ts";
import { fakeDtls } from "../../src/transport/dtls/fake-dtls.test.ts";
import type { Client } from "./client.ts";
import { audioSource, creation, endpointRequest, modify, said } from "./requests.ts";
import { sabotage } from "./sabotage.ts";
import { Stage } from "./stage.ts";
import { opus, talk } from "./talk.ts";

const TRIGGER = Uint8Array.of(30, 66, 85, 71);
const ENDED = "Bug in a conference, ending it";
const LEFT_OUT = "Bug while looking at a conference, leaving it out";

/** A DTLS engine that breaks when it sees the trigger. */
function fragileDtls() {
  const engine = fakeDtls({ fingerprint: "BB:01" });
  return {
    ...engine,
    createSession: (...args: Parameters<typeof engine.createSession>) => {
      const session = engine.createSession(...args);
      const handle = session.handleDatagram.bind(session);
      session.handleDatagram = (datagram, now) => {
        if (datagram[0] === TRIGGER[0]) throw new Bug("the trigger");
        return handle(datagram, now);
      };
      return session;
    },
  };
}

/** A call that breaks, and one that does not. */
class Calls {
  readonly stage: Stage;
  readonly victim: Client;
  readonly talker: Client;
  readonly listener: Client;

  private constructor(stage: Stage, [victim, talker, listener]: [Client, Client, Client]) {
    this.stage = stage;
    this.victim = victim;
    this.talker = talker;
    this.listener = listener;
  }

  static async start(): Promise<Calls> {
    const stage = new Stage({}, fragileDtls());
    const victim = await stage.join("aaaa1111", {}, "m1");
    await stage.join("dddd4444", {}, "m1");
    const talker = await stage.join("bbbb2222", {}, "m2");
    const listener = await stage.join("cccc3333", {}, "m2");
    for (const [meetingId, id, ssrc] of [
      ["m1", "aaaa1111", 6],
      ["m2", "bbbb2222", 7],
    ] as const) {
      const endpoints = [endpointRequest(id, { sources: [audioSource(id, ssrc)] })];
      expect(said(await stage.ask(modify({ meetingId, endpoints })))).to.equal("ok");
    }
    return new Calls(stage, [victim, talker, listener]);
  }

  /** Bridge-local id of the meeting that breaks. */
  get broken(): string {
    return this.stage.bridge.conferenceOf("m1") ?? "";
  }

  async heard(): Promise<number> {
    return (await talk(this.stage, this.talker, this.listener, 7, 20)).length;
  }

  async debugged(): Promise<string[]> {
    const states: Record<string, unknown>[] = [];
    const debug = this.stage.bridge.debug(undefined, undefined, "full");
    void debug.then((state) => void states.push(state));
    await this.stage.run(20);
    return Object.keys(states[0] ?? {});
  }
}

interface Case {
  readonly step: string;
  /** Puts the bug there. */
  readonly plant: (calls: Calls) => () => void;
  /** Has the step done. */
  readonly act?: (calls: Calls) => unknown;
  /** The meeting is still there afterwards: somebody only looked. */
  readonly survives?: true;
  /** Error lines; one that ends the meeting when not given. */
  readonly logged?: readonly string[];
}

const inMeeting = ({ meetingId }: Conference): boolean => meetingId === "m1";
const isVictim = ({ id }: { readonly id: string }): boolean => id === "aaaa1111";
const hearsVictim = (speech: SpeechActivity): boolean =>
  speech.order(() => false).includes("aaaa1111");
const say = ({ victim }: Calls): void => victim.say({ kind: "LastNChangedEvent", lastN: 3 });
const socketOf = ({ stage, victim, broken }: Calls) => {
  const { channelPassword: password } = victim;
  stage.worker.handle({
    kind: "channelOpen",
    socket: 1,
    conference: broken,
    endpoint: "aaaa1111",
    password,
  });
};

const cases: readonly Case[] = [
  {
    step: "the timer of a conference",
    plant: () => sabotage(Conference.prototype, "handleTimeout", inMeeting),
    act: ({ stage }) => stage.run(2000),
  },
  {
    step: "the timer of an endpoint",
    plant: () => sabotage(Endpoint.prototype, "handleTimeout", isVictim),
    act: ({ stage }) => stage.run(30_000),
  },
  {
    step: "the tick of the packet path",
    plant: () => sabotage(SpeechActivity.prototype, "handleTimeout", hearsVictim),
  },
  {
    step: "a request",
    plant: () => sabotage(Conference.prototype, "handleRequest", inMeeting),
    act: async ({ stage }) => {
      const endpoints = [endpointRequest("aaaa1111")];
      const answer = await stage.ask(modify({ meetingId: "m1", endpoints }));
      expect(said(answer)).to.equal("internal-server-error: Internal error");
    },
  },
  {
    step: "a message of the data channel",
    plant: () => sabotage(EndpointHandle.prototype, "setLastN", isVictim),
    act: say,
  },
  {
    step: "the opening of a WebSocket",
    plant: () => sabotage(Conference.prototype, "endpointForChannel", inMeeting),
    act: socketOf,
  },
  {
    step: "a WebSocket that is open",
    plant: () => sabotage(Endpoint.prototype, "handleSocketOpen", isVictim),
    act: (calls) => {
      socketOf(calls);
      calls.stage.worker.handle({ kind: "channelReady", socket: 1 });
    },
  },
  {
    step: "a message of a WebSocket",
    plant: () => sabotage(Endpoint.prototype, "handleSocketText", isVictim),
    act: (calls) => {
      socketOf(calls);
      calls.stage.worker.handle({ kind: "channelText", socket: 1, text: "{}" });
    },
  },
  {
    step: "the end of a WebSocket",
    plant: () => sabotage(Endpoint.prototype, "handleSocketClosed", isVictim),
    act: (calls) => {
      socketOf(calls);
      calls.stage.worker.handle({ kind: "channelClosed", socket: 1, code: 1001 });
    },
  },
  {
    step: "a media event",
    plant: () => sabotage(Conference.prototype, "handleMediaEvent", inMeeting),
    act: ({ stage, victim }) => talk(stage, victim, victim, 6, 100),
  },
  {
    step: "a media packet",
    plant: () => sabotage(SpeechActivity.prototype, "addLevel", (_, [id]) => id === "aaaa1111"),
    act: ({ victim }) => victim.sendMedia(opus(6, 1)),
  },
  {
    step: "a connectivity check",
    plant: () => sabotage(Endpoint.prototype, "handleStun", isVictim),
    act: ({ stage }) => stage.run(10_000),
  },
  { step: "a DTLS record", plant: () => () => {}, act: ({ victim }) => victim.sendMedia(TRIGGER) },
  {
    step: "what comes after a standstill",
    plant: () => sabotage(Conference.prototype, "handleStandstill", inMeeting),
    act: ({ stage }) => stage.stop(1500),
  },
  {
    step: "its own end",
    plant: () => {
      const mends = [
        sabotage(EndpointHandle.prototype, "setLastN", isVictim),
        sabotage(EndpointHandle.prototype, "remove", isVictim),
      ];
      return () => {
        for (const mend of mends) mend();
      };
    },
    act: say,
    logged: [ENDED, "Bug while ending a conference"],
  },
  {
    step: "a debug state",
    plant: () => sabotage(EndpointHandle.prototype, "forwardedSources", isVictim),
    act: async (calls) => {
      const other = calls.stage.bridge.conferenceOf("m2");
      expect(await calls.debugged()).to.deep.equal([other]);
      expect(await calls.debugged()).to.deep.equal([other]);
    },
    survives: true,
    logged: [LEFT_OUT],
  },
  {
    step: "its speakers",
    plant: ({ broken }) =>
      sabotage(PacketPath.prototype, "speechOrder", (_, [id]) => id === broken),
    act: async ({ stage, broken }) => {
      const answers: unknown[] = [];
      void stage.bridge.speakers(broken).then((value) => void answers.push(value));
      await stage.run(20);
      expect(answers).to.deep.equal([undefined]);
    },
    survives: true,
    logged: [LEFT_OUT],
  },
  {
    step: "its statistics",
    plant: () => sabotage(EndpointHandle.prototype, "snapshot", isVictim),
    act: async ({ stage }) => {
      await stage.run(12_000);
      expect(await stage.stats()).to.include({ conferences: 2, endpoints: 4 });
    },
    survives: true,
    logged: [LEFT_OUT],
  },
];

describe("a bug in one conference", () => {
  for (const { step, plant, act, survives, logged = [ENDED] } of cases) {
    it(`in ${step} leaves the media of the other alone`, async () => {
      const calls = await Calls.start();
      const { stage } = calls;
      stage.expectedBugs = logged.length;
      expect(await calls.heard()).to.equal(20);
      const mend = plant(calls);
      try {
        await act?.(calls);
        expect(await calls.heard()).to.equal(20);
        expect(stage.log.messages("error")).to.deep.equal(logged);
        const endpoints = [endpointRequest("aaaa1111")];
        const late = said(await stage.ask(modify({ meetingId: "m1", endpoints })));
        const gone = "conference_not_found: Conference not found for ID: m1";
        expect(late).to.equal(survives === true ? "ok" : gone);
      } finally {
        mend();
      }
      expect(await stage.stats()).to.include(
        survives === true ? { conferences: 2, endpoints: 4 } : { conferences: 1, endpoints: 2 },
      );
      if (survives === true) return;
      await stage.join("aaaa1111", {}, "m1");
      expect(await stage.stats()).to.include({ conferences: 2, endpoints: 3 });
    });
  }

  it("while it is made tells the focus, and the next try succeeds", async () => {
    const calls = await Calls.start();
    const { stage } = calls;
    stage.expectedBugs = 1;
    const mend = sabotage(PacketPath.prototype, "addConference", () => true);
    const request = modify({ meetingId: "m3", create: true, endpoints: [creation("eeee5555")] });
    const refused = await stage.ask(request);
    mend();
    expect(refused.ok).to.equal(false);
    expect(stage.log.messages("error")).to.deep.equal(["Bug while creating a conference"]);
    expect(await calls.heard()).to.equal(20);
    expect(said(await stage.ask(request))).to.equal("ok");
  });

  it("that is nobody's ends none, and fills no log", async () => {
    const calls = await Calls.start();
    const { stage } = calls;
    stage.expectedBugs = 5;
    const { io } = stage;
    const { send } = io;
    let thrown = 0;
    io.send = (slab) => {
      io.rows.sent += slab.count;
      thrown++;
      throw new Bug("injected into the sender");
    };
    await talk(stage, calls.talker, calls.listener, 7, 100);
    io.send = send;
    expect(thrown).to.be.greaterThan(50);
    const lines = stage.log.messages("error");
    expect(new Set(lines)).to.deep.equal(new Set(["Bug in a media worker, going on"]));
    expect(lines.length).to.be.within(1, 4);
    expect(await calls.heard()).to.equal(20);
    expect(await stage.stats()).to.include({ conferences: 2, endpoints: 4 });
  });
});
