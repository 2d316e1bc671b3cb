/** A stack of our own on free loopback ports with the call page in front, for tests with pages. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { Ports } from "../../shared/demo/ports.ts";
import { createStack, type Stack } from "../../shared/demo/stack.ts";
import { serve } from "../../shared/demo/web.ts";
import { logFaults, processesOf, secretFaults } from "./log-faults.ts";
import { CallPage, launchBrowser, type Query } from "./pages.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The client library from npm, of March 2022. */
export const npmClient = join(root, "dist/client/lib-jitsi-meet.min.js");

/** A client library, or undefined with the reason to print. */
export interface FoundClient {
  readonly path: string | undefined;
  readonly reason: string;
}

/** The newest client library. */
export function newestClient(): FoundClient {
  const upstream = process.env["JITSI_UPSTREAM"];
  return upstream === undefined
    ? { path: undefined, reason: "JITSI_UPSTREAM is not set: no newest client library" }
    : { path: join(upstream, "client/lib-jitsi-meet.min.js"), reason: "" };
}

/** The newest client library where only the long tier has time for it. */
export function newestClientInFull(): FoundClient {
  return process.env["TEST_TIER"] === "test"
    ? { path: undefined, reason: "the newest client does this in npm run test:full" }
    : newestClient();
}

/** A test for which only the long tier has time: another way to what a test of the gate shows. */
export function itInFull(title: string, test: () => Promise<void>): void {
  if (process.env["TEST_TIER"] === "test") it.skip(`${title} (npm run test:full does this)`);
  else it(title, test);
}

export interface CallOptions {
  readonly client: string;
  readonly bridges?: number;
  /** Offer the bridge channel over WebSocket (default), or over SCTP alone. */
  readonly webSocket?: boolean;
  readonly sctp?: boolean;
  readonly hibernationSeconds?: number;
  /** Gives the port at which a bridge logs in, for a relay before Prosody's. */
  readonly bridgeLogin?: (bridge: string, c2sPort: number) => Promise<number>;
  /** More HOCON for the focus. */
  readonly focusConfig?: string;
  /** More HOCON for the bridges. */
  readonly bridgeConfig?: string;
  /** An error that what the test does must leave in the logs, and that is therefore no fault. */
  readonly expectedError?: RegExp;
}

export interface Calls {
  readonly stack: Stack;
  readonly browser: Browser;
  readonly url: string;
  /** Opens page `number` in `room` and keeps it for `closePages`; it joins at once unless told not to. */
  open(room: string, number: number, query?: Query, joins?: boolean): Promise<CallPage>;
  closePages(): Promise<void>;
  /** What bridge `index` (from 0) says at `/colibri/stats`. */
  bridgeStats(index?: number): Promise<Record<string, unknown>>;
  /** The ends of all consoles and logs, for a test that failed; `stop` then leaves the logs. */
  report(): string;
  /**
   * Ends everything, and fails when a program of ours has logged an error of its own, a password or
   * too much of one source, or when a process is left.
   */
  stop(): Promise<void>;
}

/** Prints, below each test of this block that fails, what its pages and servers said last. */
export function explainFailures(calls: () => Calls | undefined): void {
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(calls()?.report());
  });
}

/** The end of a server's log. */
export function logReport(name: string, file: string, text: string): string {
  const lines = text.trimEnd().split("\n").slice(-12);
  return [`  ${name}, end of ${file}:`, ...lines.map((line) => `    ${line.slice(0, 300)}`)].join(
    "\n",
  );
}

/** Starts Prosody, focus, bridges, the page and a browser. */
export async function startCalls(options: CallOptions): Promise<Calls> {
  const folder = mkdtempSync(join(tmpdir(), "jitsi-ts-"));
  const port = await new Ports().take("page", "tcp", 0);
  const stack = await createStack({
    folder,
    bridges: options.bridges ?? 1,
    mediaAddresses: ["127.0.0.1"],
    channelOrigin:
      options.webSocket === false ? undefined : { host: `127.0.0.1:${port}`, tls: false },
    sctp: options.sctp ?? true,
    usualPorts: false,
    ...(options.focusConfig === undefined ? {} : { focusConfig: options.focusConfig }),
    ...(options.bridgeConfig === undefined ? {} : { bridgeConfig: options.bridgeConfig }),
    ...(options.bridgeLogin === undefined ? {} : { bridgeLogin: options.bridgeLogin }),
    ...(options.hibernationSeconds === undefined
      ? {}
      : { hibernationSeconds: options.hibernationSeconds }),
  });
  let closeServer: () => Promise<void>;
  let browser: Browser;
  try {
    await stack.start();
    closeServer = await serve({
      host: "127.0.0.1",
      port,
      tls: undefined,
      client: options.client,
      domain: stack.domain,
      xmppHttpPort: stack.xmppHttpPort,
      focusPort: stack.focusPort,
      bridges: stack.bridges,
    });
    browser = await launchBrowser();
  } catch (error) {
    await stack.stop();
    throw error;
  }
  const url = `http://127.0.0.1:${port}/`;
  const pages = new Set<CallPage>();
  let keepLogs = false;
  const programs = [stack.focus, ...stack.bridges.map((each) => each.program)];
  const secrets = [...Object.values(stack.passwords), ...Object.values(stack.peoplesPasswords)];
  const faults = () => [
    ...secretFaults(stack.prosody.log(), secrets).map((fault) => `prosody: ${fault}`),
    ...programs.flatMap((program) =>
      logFaults(program.log(), secrets, options.expectedError).map(
        (fault) => `${program.name}: ${fault}`,
      ),
    ),
    ...processesOf(`${folder}/`).map((process) => `still there: ${process}`),
  ];
  return {
    stack,
    browser,
    url,
    async open(room, number, query = {}, joins = true) {
      const page = await CallPage.open(browser, { url, room, number, query, joins });
      pages.add(page);
      return page;
    },
    async closePages() {
      await Promise.all([...pages].map((page) => page.close()));
      pages.clear();
    },
    async bridgeStats(index = 0) {
      const response = await fetch(
        `http://127.0.0.1:${stack.bridges[index]?.privatePort}/colibri/stats`,
      );
      return (await response.json()) as Record<string, unknown>;
    },
    report() {
      keepLogs = true;
      return [
        ...[...pages].map((page) => page.report()),
        ...[stack.prosody, ...programs].map((program) =>
          logReport(program.name, program.logFile, program.log()),
        ),
      ].join("\n");
    },
    async stop() {
      await browser.close();
      await closeServer();
      await stack.stop();
      const found = faults();
      if (!keepLogs && found.length === 0) rmSync(folder, { recursive: true, force: true });
      if (found.length > 0) throw new Error([`faults of ${folder}:`, ...found].join("\n  "));
    },
  };
}
