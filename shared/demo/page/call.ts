/**
 * The call page: one conference over lib-jitsi-meet, seen and steered by a person. Everything
 * about the deployment comes from `config.json`; the query may set `room` (`demo` unless it does) and
 * `name` (with both the page joins by itself) and, for experiments, `p2p=1`, `http=1` (conference request by HTTP), `channel=sctp|websocket` and
 * `codec=VP8|VP9|H264|AV1`.
 */

import { StreamFigures } from "./figures.ts";
import { nextName } from "./guest-names.ts";
import type { JitsiConference, JitsiConnection, JitsiTrack } from "./jitsi.d.ts";
import { Login } from "./login.ts";
import { nameSecondVideo } from "./name-second-video.ts";
import { queueParameters } from "./queue-parameters.ts";
import { retireGoneSources } from "./retire-gone-sources.ts";
import { Tiles } from "./tiles.ts";

interface Deployment {
  readonly domain: string;
  readonly muc: string;
  readonly focus: string;
  readonly anonymousDomain?: string;
}

const element = <T extends HTMLElement>(id: string): T => {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no element #${id}`);
  return found as T;
};

const query = new URLSearchParams(location.search);
const meet = window.JitsiMeetJS;
const events = meet.events;

const base = new URL(".", location.href);
const at = (path: string, scheme: "http" | "ws" = "http") => {
  const url = new URL(path, base);
  if (scheme === "ws") url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
};

let connection: JitsiConnection | undefined;
let conference: JitsiConference | undefined;
let shared: JitsiTrack | undefined;
const local: JitsiTrack[] = [];
const tiles = new Tiles(
  element("tiles"),
  requestLayers,
  (person, source) => conference?._signalingLayer?.getPeerSourceInfo(person, source)?.muted,
);
const figures = new StreamFigures();

function problem(text: string): void {
  const box = element("problem");
  box.textContent = text;
  box.hidden = false;
  element("state").textContent = text;
}

/** Says for a few seconds, on the call, what did not work; the call goes on. */
function notice(text: string, cause: unknown = ""): void {
  const why = cause instanceof Error ? cause.message : String(cause);
  const line = element("notice");
  line.textContent = why === "" ? text : `${text}: ${why}`;
  setTimeout(() => {
    line.textContent = "";
  }, 6000);
}

function state(text: string): void {
  element("state").textContent = text;
  document.body.dataset["state"] = text;
}

/** Tells the bridge which heights the tiles can show: more for the one on stage, less for many. */
function requestLayers(): void {
  if (conference === undefined) return;
  const remote = tiles.remoteSources();
  const height = remote.length <= 2 ? 720 : remote.length <= 6 ? 360 : 180;
  const stage = remote.filter((source) => tiles.isOnStage(source));
  conference.setReceiverConstraints({
    lastN: -1,
    onStageSources: stage,
    selectedSources: [],
    defaultConstraints: { maxHeight: stage.length > 0 ? 180 : height },
    constraints: Object.fromEntries(stage.map((source) => [source, { maxHeight: 1080 }])),
  });
}

/** Until somebody comes: why nothing is to be seen, and what to do about it. */
function showWhetherAlone(): void {
  const present = conference?.isJoined() === true;
  const alone = present && conference?.getParticipants().length === 0;
  element("alone").hidden = !alone;
  // The same button stands beside the link then.
  element("link").hidden = alone;
}

function addLocal(track: JitsiTrack): void {
  local.push(track);
  tiles.add("me", `${element<HTMLInputElement>("name").value} (you)`, track);
  track.addEventListener(events.track["TRACK_MUTE_CHANGED"] ?? "", () => {
    tiles.refresh(track);
    describeButtons();
  });
  if (track.getVideoType?.() === "desktop") {
    track.addEventListener(events.track["LOCAL_TRACK_STOPPED"] ?? "", () => {
      if (track === shared) void stopShare();
    });
  }
}

/** The local microphone or camera. */
function device(type: "audio" | "video"): JitsiTrack | undefined {
  return local.find((each) => each.getType() === type && each.getVideoType?.() !== "desktop");
}

/** Each button says what a click on it does, and is lit while its device is off or the screen shared. */
function describeButtons(): void {
  const describe = (id: string, on: boolean, text: string) => {
    const button = element(id);
    button.textContent = text;
    button.classList.toggle("on", on);
  };
  const silent = device("audio")?.isMuted() === true;
  const dark = device("video")?.isMuted() === true;
  describe("mute", silent, silent ? "Unmute" : "Mute");
  describe("camera", dark, dark ? "Camera on" : "Camera off");
  describe("share", shared !== undefined, shared === undefined ? "Share screen" : "Stop sharing");
}

async function enter(deployment: Deployment, room: string, name: string): Promise<void> {
  state("connecting");
  const first = query.get("codec")?.toUpperCase() ?? "VP8";
  const codecs = [first, ...["VP8", "VP9", "H264", "AV1"].filter((codec) => codec !== first)];
  const options: Record<string, unknown> = {
    hosts: {
      domain: deployment.domain,
      muc: deployment.muc,
      focus: deployment.focus,
      ...(deployment.anonymousDomain === undefined
        ? {}
        : { anonymousdomain: deployment.anonymousDomain }),
    },
    serviceUrl: `${at("xmpp-websocket", "ws")}?room=${encodeURIComponent(room)}`,
    enableWebsocketResume: false,
    p2p: { enabled: query.get("p2p") === "1" },
    // VP8 unless asked: its simulcast lets every receiver have its own layer.
    videoQuality: { codecPreferenceOrder: codecs, preferredCodec: codecs[0] },
    bridgeChannel: { preferSctp: query.get("channel") !== "websocket" },
    ...(query.get("http") === "1" ? { conferenceRequestUrl: at("conference-request/v1") } : {}),
  };
  const opened = new meet.JitsiConnection(null, null, options);
  connection = opened;
  opened.addEventListener(events.connection["CONNECTION_FAILED"] ?? "", (reason: string) =>
    problem(`no connection to the XMPP server: ${reason}`),
  );
  opened.addEventListener(events.connection["CONNECTION_ESTABLISHED"] ?? "", () =>
    join(opened, options, room, name, deployment),
  );
  opened.connect();
}

function join(
  opened: JitsiConnection,
  options: Record<string, unknown>,
  room: string,
  name: string,
  deployment: Deployment,
): void {
  state("joining");
  const joined = opened.initJitsiConference(room, options);
  conference = joined;
  const login =
    deployment.anonymousDomain === undefined ? undefined : new Login(joined, deployment.domain);
  const on = (event: string, listener: (...args: never[]) => void) => {
    const key = events.conference[event];
    if (key !== undefined) joined.on(key, listener);
  };
  on("CONFERENCE_JOINED", () => {
    state("in the room");
    login?.inRoom();
    requestLayers();
    showWhetherAlone();
  });
  on("CONFERENCE_FAILED", (reason: string) => {
    if (login === undefined || reason !== meet.errors.conference["AUTHENTICATION_REQUIRED"])
      return problem(`the conference failed: ${reason}`);
    state("waiting for a host");
    login.waitForHost();
  });
  on("USER_ROLE_CHANGED", () => login?.roleChanged());
  on("CONFERENCE_LEFT", () => state("left"));
  on("TRACK_ADDED", (track: JitsiTrack) => {
    if (track.isLocal()) return;
    tiles.add(track.getParticipantId(), nameOf(track.getParticipantId()), track);
    requestLayers();
  });
  on("TRACK_REMOVED", (track: JitsiTrack) => {
    tiles.remove(track);
    if (!track.isLocal()) requestLayers();
  });
  on("TRACK_MUTE_CHANGED", (track: JitsiTrack) => tiles.refresh(track));
  joined.addCommandListener("SourceInfo", (_, id) => tiles.refreshPerson(id));
  on("USER_JOINED", (id: string) => {
    tiles.person(id, nameOf(id));
    showWhetherAlone();
  });
  on("USER_LEFT", (id: string) => {
    tiles.leave(id);
    showWhetherAlone();
  });
  on("DISPLAY_NAME_CHANGED", (id: string) => tiles.person(id, nameOf(id)));
  on("DOMINANT_SPEAKER_CHANGED", (id: string) =>
    tiles.speaker(id === joined.myUserId() ? "me" : id),
  );
  joined.setDisplayName(name);
  for (const track of local) void joined.addTrack(track);
  joined.join();
}

function nameOf(id: string): string {
  return conference?.getParticipantById(id)?.getDisplayName() ?? id;
}

async function toggle(type: "audio" | "video"): Promise<void> {
  const track = device(type);
  if (track === undefined)
    return notice(`There is no ${type === "audio" ? "microphone" : "camera"}`);
  await (track.isMuted() ? track.unmute() : track.mute());
  describeButtons();
}

async function stopShare(): Promise<void> {
  const track = shared;
  if (track === undefined) return;
  forgetShare(track);
  await conference?.removeTrack(track);
  await track.dispose();
}

function forgetShare(track: JitsiTrack): void {
  shared = undefined;
  local.splice(local.indexOf(track), 1);
  tiles.remove(track);
  describeButtons();
}

async function toggleShare(): Promise<void> {
  if (shared !== undefined) return stopShare();
  const captured = await meet.createLocalTracks({ devices: ["desktop"] });
  const track = captured.find((each) => each.getType() === "video");
  // A capture may bring the screen's sound, for which a call has no place beside the microphone.
  for (const other of captured) if (other !== track) await other.dispose();
  if (track === undefined) return;
  shared = track;
  addLocal(track);
  try {
    await conference?.addTrack(track);
  } catch (error) {
    forgetShare(track);
    await track.dispose();
    throw error;
  }
  describeButtons();
}

async function leave(): Promise<void> {
  const left = conference;
  conference = undefined;
  await left?.leave();
  for (const track of local) await track.dispose();
  await connection?.disconnect();
  location.href = linkTo(element<HTMLInputElement>("room").value.trim().toLowerCase()).href;
}

/** What others open to come into the room: it names the room only, never a person. */
function linkTo(room: string): URL {
  const link = new URL(base);
  link.searchParams.set("room", room);
  return link;
}

/** An address that means another machine to whoever it is sent to. */
function isLoopback({ hostname }: URL): boolean {
  return hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.");
}

async function copy(text: string, button: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch (error) {
    return notice("The link is not copied", error);
  }
  element(button).textContent = "Link copied";
  setTimeout(() => {
    element(button).textContent = "Copy link";
  }, 2000);
}

/** The name of this tab's person, kept while the tab is open; undefined where storage is off. */
const ownName = {
  get(): string | undefined {
    try {
      return sessionStorage.getItem("name") ?? undefined;
    } catch {
      return undefined;
    }
  },
  set(name: string): void {
    try {
      sessionStorage.setItem("name", name);
    } catch {
      // Then it is typed again.
    }
  },
};

/** A name to begin with, another one in each window. */
function proposedName(): string {
  try {
    return nextName(localStorage, Math.random);
  } catch {
    return nextName({ getItem: () => null, setItem: () => undefined }, Math.random);
  }
}

/** Camera and microphone, or what of the two there is. */
async function devices(): Promise<JitsiTrack[]> {
  const wanted = {
    resolution: 720,
    constraints: { video: { height: { ideal: 720, max: 720, min: 180 } } },
  };
  for (const list of [["audio", "video"], ["audio"], ["video"]]) {
    try {
      return await meet.createLocalTracks({ devices: list, ...wanted });
    } catch (error) {
      console.warn(`no ${list.join(" and ")}`, error);
    }
  }
  return [];
}

async function start(): Promise<void> {
  const name = element<HTMLInputElement>("name").value.trim();
  const room = element<HTMLInputElement>("room").value.trim().toLowerCase();
  const response = await fetch(at("config.json"));
  if (!response.ok)
    return problem("the demo server does not answer; is `npm start` still running?");
  const deployment = (await response.json()) as Deployment;
  element("join").hidden = true;
  element("call").hidden = false;
  element("title").textContent = room;
  ownName.set(name);
  const link = linkTo(room);
  // What stands in the address bar is passed on: whoever opens it must not come in under this name.
  history.replaceState(null, "", link);
  element("alone-text").textContent = isLoopback(link)
    ? "You are alone here. Open this link in another window of this machine:"
    : "You are alone here. Send this link to somebody:";
  element("alone-link").textContent = link.href;
  element<HTMLAnchorElement>("alone-link").href = link.href;
  for (const id of ["link", "alone-copy"]) element(id).onclick = () => void copy(link.href, id);
  for (const track of await devices()) addLocal(track);
  await enter(deployment, room, name);
}

meet.init({
  disableAudioLevels: true,
  disableThirdPartyRequests: true,
  enableAnalyticsLogging: false,
  // The March 2022 library needs these for named sources and a second video; newer ones always do.
  flags: {
    sourceNameSignaling: true,
    sendMultipleVideoStreams: true,
    receiveMultipleVideoStreams: true,
  },
});
meet.setLogLevel(meet.logLevels[query.get("log")?.toUpperCase() ?? "WARN"] ?? "warn");

queueParameters();
retireGoneSources();
nameSecondVideo(() => conference?.myUserId());

element<HTMLInputElement>("name").value = query.get("name") ?? ownName.get() ?? proposedName();
// One room for everybody who opens the printed address.
element<HTMLInputElement>("room").value = query.get("room") ?? "demo";
element<HTMLFormElement>("join").onsubmit = (event) => {
  event.preventDefault();
  start().catch((error: unknown) =>
    problem(error instanceof Error ? error.message : String(error)),
  );
};
element("mute").onclick = () =>
  void toggle("audio").catch((error: unknown) => notice("The microphone does not obey", error));
element("camera").onclick = () =>
  void toggle("video").catch((error: unknown) => notice("The camera does not obey", error));
element("share").onclick = () =>
  void toggleShare().catch((error: unknown) => notice("The screen is not shared", error));
element("leave").onclick = () => void leave();
element("details").onclick = (event) => {
  const plain = document.body.classList.toggle("plain");
  (event.currentTarget as HTMLElement).setAttribute("aria-pressed", String(!plain));
};
setInterval(() => {
  const now = conference;
  if (now !== undefined)
    void figures.poll(now).then((lines) => tiles.figures(lines, now.myUserId()));
}, 1000);

window.call = {
  get conference() {
    return conference;
  },
  local,
  tiles,
  toggleShare,
};
if (query.has("name") && query.has("room")) element<HTMLFormElement>("join").requestSubmit();
