/**
 * The focus as one object: everything but sockets. `main.ts` gives it real connections, tests and
 * simulations give it others.
 */
import type { HttpServer } from "#shared/http/server";
import type { Logger } from "#shared/logging/logger";
import type { Millis, Runtime } from "#shared/runtime/runtime";
import { iqRequest } from "#shared/stanza/iq";
import type { Unsubscribe, XmppConnection } from "#shared/xmpp/connection";
import type { BareJid, Jid } from "#shared/xmpp/jid";
import type { MucEvent, MucRoomDoor } from "#shared/xmpp/muc";
import { NS } from "#shared/xmpp/namespaces";
import { type Element, xml } from "#shared/xmpp/xml";
import { Authority } from "./authentication/authority.ts";
import { BridgeBrewery } from "./brewery/bridge-brewery.ts";
import type { BridgeEvent } from "./bridge/bridge.ts";
import { BridgeRegistry } from "./bridge/registry.ts";
import type { DebugObject } from "./conference/debug-state.ts";
import { uuid } from "./conference/state.ts";
import type { FocusSettings, HealthSettings } from "./config/settings.ts";
import { version } from "./config/version.ts";
import { handleAuthenticationIqs } from "./entry/authentication-iq.ts";
import { keepKnown } from "./entry/client-proxy.ts";
import { Components } from "./entry/components.ts";
import { handleConferenceIq } from "./entry/conference-iq.ts";
import { type AskForConference, conferenceRequests } from "./entry/conference-requests.ts";
import { addDebugRoutes } from "./entry/debug-routes.ts";
import { createGate } from "./entry/gate.ts";
import { type CheckResult, HealthChecker } from "./entry/health-checker.ts";
import { addConferenceRoute, addMetricsRoute, addPlainRoutes } from "./entry/http-routes.ts";
import { LoadRedistributor } from "./entry/load-redistributor.ts";
import { createMetrics, type FocusMetrics } from "./entry/metrics.ts";
import { addMoveRoutes } from "./entry/move-routes.ts";
import { addPinRoutes } from "./entry/pin-routes.ts";
import { Pins } from "./entry/pins.ts";
import { roomRules } from "./entry/room-rules.ts";
import { statsObject, updateGauges } from "./entry/stats.ts";
import type { Focus } from "./focus/door.ts";
import { createFocus } from "./focus/focus.ts";

/** What the focus reaches the world through. */
export interface JicofoPorts {
  readonly runtime: Runtime;
  readonly log: Logger;
  readonly client: XmppConnection;
  /** `client` itself where there is no second connection. */
  readonly service: XmppConnection;
  /** Where one is configured: the component stream on which clients may ask too. */
  readonly component?: XmppConnection | undefined;
  /** Our occupancy of a room over that connection. */
  openRoom(
    connection: XmppConnection,
    room: BareJid,
    nick: string,
    onEvent: (event: MucEvent) => void,
  ): MucRoomDoor;
  /** Feature URIs of an occupant; `undefined` when it did not answer. Never rejects. */
  discover(occupant: Jid, presence: Element): Promise<Iterable<string> | undefined>;
  /** Kinds of clients seen, for `/debug/xmpp-caps`. */
  caps(): DebugObject;
  /** Threads of this process. */
  threads(): number;
  /** Name of the operating system. */
  readonly os: string;
  /** Absent: no HTTP. Routes are added to it; it is started by whoever made it. */
  readonly http: HttpServer | undefined;
}

/** A running focus. */
export interface Jicofo {
  readonly focus: Focus;
  readonly bridges: BridgeRegistry;
  readonly metrics: FocusMetrics;
  /** Ends every conference and leaves every room; the connections stay. */
  stop(): Promise<void>;
}

/** How often authentication sessions are looked through for old ones (spec jicofo 2.4). */
const sessionCheckMs = 10_000;

/** Builds the focus and lets it work as soon as its connections are online. */
export function createJicofo(settings: FocusSettings, ports: JicofoPorts): Jicofo {
  const { runtime, log, client, service } = ports;
  const metrics = createMetrics(runtime.clock, version);
  const bridges = new BridgeRegistry(settings.bridges);
  const pins = new Pins();
  const entrances = ports.component ? [client, ports.component] : [client];
  const { authentication } = settings;
  const authority = authentication && new Authority(authentication, () => uuid(runtime.random));
  const judge = roomRules(settings.rooms);
  const judgeRoom = (room: string) => judge(room, components.address("breakout_rooms"));
  const focusJid = `${settings.client.username}@${settings.client.domain}`;
  let brewery: BridgeBrewery | undefined;
  const focus = createFocus(
    {
      conference: settings.conference,
      focusJid,
      sipGatewayEnabled: settings.sipGateway,
      authentication: authority && {
        external: authority.settings.type === "JWT",
        isAuthenticated: (member) => authority.isAuthenticated(member),
      },
      onEnded: (room) => authority?.conferenceEnded(room),
      pinOf: (room) => pins.versionFor(room, runtime.clock.wallNow()),
      componentAddress: (type) => components.address(type),
    },
    {
      runtime,
      log: log.child({}, "Focus"),
      client,
      service,
      bridges,
      openRoom: (room, nick, onEvent) =>
        judgeRoom(room) === undefined ? ports.openRoom(client, room, nick, onEvent) : undefined,
      discover: ports.discover,
      count: metrics.count,
      bridgeAnswered: (bridge) => brewery?.heard(bridge),
    },
  );
  /** Ends timers and takes listeners from connections that may outlive us. */
  const stops: (() => void)[] = [];
  const every = (interval: Millis, run: () => void) => {
    const timer = runtime.timers.every(interval, run);
    stops.push(() => timer.cancel());
  };
  brewery = startBrewery(settings, ports, bridges, stops, (event) => {
    if (event.kind === "removed") forgetBridge(metrics, event);
    focus.handleBridge(event);
  });
  const components = new Components();
  const gate =
    authority &&
    createGate({
      authority,
      focus,
      clock: runtime.clock,
      breakoutDomain: () => components.address("breakout_rooms"),
    });
  const ask = conferenceRequests({
    focus,
    metrics,
    log: log.child({}, "ConferenceRequests"),
    clock: runtime.clock,
    judgeRoom,
    gate,
  });
  handleConferenceIq(client, ask, settings.clientProxy);
  // The server vouches for who writes to the component; no address inside another counts there.
  if (ports.component) handleConferenceIq(ports.component, ask, undefined);
  if (authority !== undefined) {
    for (const entrance of entrances)
      handleAuthenticationIqs(entrance, authority, log.child({}, "Authentication"));
    every(sessionCheckMs, () => authority.expire(runtime.clock.now()));
  }
  const { clientProxy } = settings;
  // Where we are that component ourselves there is nobody to tell.
  if (clientProxy !== undefined && clientProxy !== settings.component?.domain)
    stops.push(keepKnown(client, clientProxy));
  const onOnline = () => {
    const { xmppDomain, replyTimeout } = settings.client;
    if (xmppDomain !== undefined)
      void components.discover(client, xmppDomain, replyTimeout, log.child({}, "Components"));
  };
  for (const connection of new Set([...entrances, service]))
    stops.push(
      countDisconnects(connection, metrics),
      connection.onLateReply(() => metrics.counter.xmpp_late_replies.inc()),
    );
  const noStates = client.onState(({ state }) => {
    if (state === "online") onOnline();
  });
  stops.push(noStates);
  if (client.state === "online") onOnline();

  const update = () =>
    updateGauges(metrics, focus.figures(), bridges, runtime.clock.now(), ports.threads());
  every(settings.metricsInterval, update);
  const health = settings.health && startHealth(settings.health, ports, focus, bridges);
  if (settings.loadRedistribution.enabled) {
    const redistribute = redistribution(settings, ports, focus, bridges, metrics);
    every(settings.loadRedistribution.interval, redistribute);
  }
  if (ports.http && settings.rest)
    addRoutes(ports.http, {
      settings,
      ports,
      focus,
      bridges,
      metrics,
      pins,
      components,
      health,
      ask,
      update,
      focusJid,
    });

  return {
    focus,
    bridges,
    metrics,
    async stop() {
      for (const stop of stops) stop();
      health?.stop();
      await focus.stop();
      await brewery?.stop();
    },
  };
}

function startBrewery(
  settings: FocusSettings,
  ports: JicofoPorts,
  registry: BridgeRegistry,
  stops: (() => void)[],
  onEvent: (event: BridgeEvent) => void,
): BridgeBrewery | undefined {
  const { bridgeBrewery, bridgeChecks, liveness } = settings;
  const { client, service, runtime } = ports;
  if (!bridgeBrewery) {
    ports.log.error("No bridge brewery is configured: no media; set jicofo.bridge.brewery-jid");
    return undefined;
  }
  const ownConnection = bridgeBrewery.connection === "service" && service !== client;
  const connection = ownConnection ? service : client;
  const account = (ownConnection ? settings.service : undefined) ?? settings.client;
  const log = ports.log.child({ brewery: bridgeBrewery.room }, "BridgeBrewery");
  let brewery: BridgeBrewery | undefined;
  const room = ports.openRoom(connection, bridgeBrewery.room, account.username, (event) =>
    brewery?.handle(event),
  );
  brewery = new BridgeBrewery({
    room,
    service,
    registry,
    checks: bridgeChecks,
    liveness,
    trustedDomains: [account.domain, ...settings.bridgeDomains],
    trustHidden: settings.trustHiddenBridges,
    replyTimeout: settings.conference.serviceReplyTimeout,
    keepMissing: ownConnection,
    runtime,
    log,
    onEvent,
  });
  const started = brewery;
  const noStates = connection.onState(({ state, resumed }) => {
    if (state === "online") started.handleSession(resumed);
    else started.handleDisconnected();
  });
  stops.push(noStates);
  if (connection.state === "online") brewery.handleSession(false);
  return brewery;
}

function countDisconnects(connection: XmppConnection, metrics: FocusMetrics): Unsubscribe {
  let online = connection.state === "online";
  return connection.onState(({ state }) => {
    if (online && state !== "online") metrics.counter.xmpp_disconnects.inc();
    online = state === "online";
  });
}

/** Labels of a bridge that is gone go too. */
function forgetBridge(metrics: FocusMetrics, { bridge }: BridgeEvent): void {
  const labels = [bridge.slice(bridge.indexOf("/") + 1)];
  metrics.bridgeGauge.bridge_endpoints.remove(labels);
  metrics.bridgeGauge.bridge_failing_ice.remove(labels);
}

/** What moves endpoints off bridges under stress, each time it is called. */
function redistribution(
  settings: FocusSettings,
  { runtime, log }: JicofoPorts,
  focus: Focus,
  bridges: BridgeRegistry,
  metrics: FocusMetrics,
): () => void {
  const redistributor = new LoadRedistributor(
    settings.loadRedistribution,
    (bridge, count) => focus.moveEndpoints(bridge, undefined, count),
    log.child({}, "LoadRedistributor"),
  );
  return () => {
    const now = runtime.clock.now();
    for (const [nick, moved] of redistributor.run(bridges.bridges(now), now)) {
      metrics.counter.load_redistributor_endpoints_moved.add(moved);
      metrics.bridgeCounter.bridge_endpoints_moved.add(moved, [nick]);
    }
  };
}

/** The three questions of spec jicofo 10.3: bridges, a test conference, the server. */
function startHealth(
  settings: HealthSettings,
  { runtime, log, client }: JicofoPorts,
  focus: Focus,
  bridges: BridgeRegistry,
): HealthChecker {
  const passed: CheckResult = { ok: true };
  const bridgesFit = async (): Promise<CheckResult> => {
    const all = bridges.bridges(runtime.clock.now());
    if (all.some((one) => one.operational && !one.gracefulShutdown)) return passed;
    const message = `No operational bridges available (total bridge count: ${all.length})`;
    return { ok: false, hard: true, message };
  };
  const conferenceStarts = async (): Promise<CheckResult> => {
    const random = new DataView(runtime.random.bytes(8).buffer).getBigInt64(0);
    const room = `${settings.roomNamePrefix}-${random}@${settings.mucService}`;
    const request = {
      room,
      from: undefined,
      sessionId: undefined,
      machineUid: undefined,
      token: undefined,
      properties: new Map([["rtcstatsEnabled", "false"]]),
    };
    const answer = await focus.request(request, { statistics: false });
    if (answer.ok && answer.value.ready) return passed;
    const late = !answer.ok && answer.error.condition === "remote-server-timeout";
    const message = late
      ? "Test conference failed to start due to timeout."
      : "Test conference failed to start.";
    return { ok: false, hard: !late, message };
  };
  const serverAnswers = async (): Promise<CheckResult> => {
    const ping = iqRequest("get", settings.xmppDomain, xml("ping", { xmlns: NS.ping }));
    const reply = await client.request(ping, 5000);
    if (reply.kind === "result" || reply.kind === "error") return passed;
    return { ok: false, hard: false, message: `XMPP ping failed: ${reply.kind}` };
  };
  const checker = new HealthChecker({
    ...settings,
    runtime,
    log: log.child({}, "HealthChecker"),
    parts: [bridgesFit, conferenceStarts, serverAnswers],
  });
  checker.start();
  return checker;
}

interface RouteSources {
  readonly settings: FocusSettings;
  readonly ports: JicofoPorts;
  readonly focus: Focus;
  readonly bridges: BridgeRegistry;
  readonly metrics: FocusMetrics;
  readonly pins: Pins;
  readonly components: Components;
  readonly health: HealthChecker | undefined;
  readonly ask: AskForConference;
  readonly update: () => void;
  readonly focusJid: string;
}

function addRoutes(http: HttpServer, sources: RouteSources): void {
  const { settings, ports, focus, bridges, metrics, health, components, focusJid } = sources;
  const { rest } = settings;
  if (!rest) return;
  const { clock } = ports.runtime;
  const plain = {
    focus,
    metrics,
    update: () => {
      sources.update();
      if (health) metrics.gauge.healthy.set(health.report().success ? 1 : 0);
    },
    stats: () =>
      statsObject({
        figures: focus.figures(),
        bridges: bridges.bridges(clock.now()),
        metrics,
        version,
        jigasiConfigured: settings.sipGateway,
        threads: ports.threads(),
        health: health?.report(),
      }),
    health: health && (() => health.report()),
    version,
    os: ports.os,
  };
  addPlainRoutes(http, plain);
  if (rest.prometheus) addMetricsRoute(http, plain);
  if (rest.conferenceRequest) addConferenceRoute(http, sources.ask);
  if (rest.moveEndpoints) addMoveRoutes(http, focus, bridges, clock);
  if (rest.pin) addPinRoutes(http, sources.pins, clock);
  if (rest.debug)
    addDebugRoutes(http, {
      focus,
      bridges,
      clock,
      strategy: settings.bridges.strategy,
      focusJid,
      jibriBrewery: settings.jibriBrewery,
      jibriSipBrewery: settings.jibriSipBrewery,
      jigasiBrewery: settings.jigasiBrewery,
      component: (type) => components.address(type),
      caps: () => ports.caps(),
    });
}
