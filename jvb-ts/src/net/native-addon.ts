/**
 * Loads the native addon and says what it offers. The three files around it (`native-packet-io`,
 * `native-dtls`, `native-srtp`) are its only users.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

/** Handles of the addon: only it can look inside. */
declare const handle: unique symbol;
export interface NativeIdentity {
  readonly [handle]: "identity";
}
export interface NativeDtlsContext {
  readonly [handle]: "dtls-context";
}
export interface NativeDtlsSession {
  readonly [handle]: "dtls-session";
}
export interface NativeSrtpSession {
  readonly [handle]: "srtp-session";
}

/** Address, port and errno name (empty: bound). */
export type NativeBinding = readonly [ip: string, port: number, code: string];

/** Functions of one worker's sockets; see packet-io.ts and native/src/packet-io.c. */
export interface NativeSockets {
  receive(slab: number, again: boolean): number;
  send(slab: number, count: number): number;
  sendTo(socket: number, ip: string, port: number, bytes: Uint8Array): void;
  openSession(): number;
  closeSession(session: number): void;
  bindAddress(session: number, socket: number, ip: string, port: number): boolean;
  unbindAddress(session: number, socket: number, ip: string, port: number): void;
  selectAddress(session: number, socket: number, ip: string, port: number): boolean;
  setKeys(
    session: number,
    profile: number,
    localKey: Uint8Array,
    localSalt: Uint8Array,
    remoteKey: Uint8Array,
    remoteSalt: Uint8Array,
    cryptex: boolean,
  ): boolean;
  registerUfrag(ufrag: string): boolean;
  unregisterUfrag(ufrag: string): void;
  /** Columns of an `RxSlab` in their order of declaration. */
  registerRx(...columns: readonly ArrayBufferView[]): number;
  /** Columns of a `TxSlab` in their order of declaration. */
  registerTx(...columns: readonly ArrayBufferView[]): number;
  /** Fills the array in the order of `counterNames`. */
  counters(out: Float64Array): void;
  close(): void;
}

/** State number, deadline in ms (NaN: none), datagrams, application data. */
export type NativeDtlsStep = readonly [
  state: number,
  deadline: number,
  datagrams: readonly Uint8Array[],
  data: readonly Uint8Array[],
];

export interface NativeAddon {
  openPacketIo(
    group: string,
    addresses: readonly (readonly [ip: string, port: number])[],
    receiveBuffer: number,
    worker: number,
    workers: number,
    now: number,
    onReadable: () => void,
    /** Kept up to date: 0 while `receive` would find nothing. */
    more: Uint8Array,
  ): readonly [
    sockets: NativeSockets | undefined,
    results: readonly NativeBinding[],
    local: readonly NativeBinding[] | undefined,
  ];

  dtlsCertificate(
    commonName: string,
  ): readonly [identity: NativeIdentity, fingerprintSha256: string];
  dtlsContext(identity: NativeIdentity, ciphers: string, profiles: string): NativeDtlsContext;
  dtlsSession(context: NativeDtlsContext, client: boolean, mtu: number): NativeDtlsSession;
  dtlsStart(session: NativeDtlsSession, now: number): NativeDtlsStep;
  dtlsReceive(session: NativeDtlsSession, datagram: Uint8Array, now: number): NativeDtlsStep;
  dtlsSend(session: NativeDtlsSession, data: Uint8Array): NativeDtlsStep;
  dtlsTimeout(session: NativeDtlsSession, now: number): NativeDtlsStep;
  dtlsClose(session: NativeDtlsSession): NativeDtlsStep;
  dtlsError(session: NativeDtlsSession): string;
  dtlsFingerprint(session: NativeDtlsSession, digest: string): string | undefined;
  dtlsKeys(
    session: NativeDtlsSession,
  ): readonly [profile: number, material: Uint8Array] | undefined;
  dtlsCipher(session: NativeDtlsSession): string | undefined;

  srtpSession(
    profile: number,
    localKey: Uint8Array,
    localSalt: Uint8Array,
    remoteKey: Uint8Array,
    remoteSalt: Uint8Array,
    cryptex: boolean,
  ): NativeSrtpSession;
  srtpProtect(
    session: NativeSrtpSession,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): number;
  srtpProtectRepeatable(
    session: NativeSrtpSession,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): number;
  srtcpProtect(
    session: NativeSrtpSession,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): number;
  srtpUnprotect(
    session: NativeSrtpSession,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): number;
  srtcpUnprotect(
    session: NativeSrtpSession,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): number;
}

/** The addon is not built or does not fit this machine. `message` is one line for the operator. */
export class NativeAddonError extends Error {
  readonly code = "native-addon";

  constructor(reason: string, options: ErrorOptions = {}) {
    super(`native addon ${reason}; build it: node jvb-ts/native/build.mjs`, options);
    this.name = "NativeAddonError";
  }
}

function isAddon(value: unknown): value is NativeAddon {
  return (
    typeof value === "object" &&
    value !== null &&
    "openPacketIo" in value &&
    "dtlsSession" in value &&
    "srtpSession" in value
  );
}

/** `JVB_NATIVE` names another build (sanitizers); else beside the bundle, else from the sources. */
function findAddon(): string {
  const named = process.env["JVB_NATIVE"];
  if (named !== undefined) return named;
  const places = ["../native/jvb-native.node", "../../../dist/native/jvb-native.node"];
  const paths = places.map((place) => fileURLToPath(new URL(place, import.meta.url)));
  const path = paths.find((candidate) => existsSync(candidate));
  if (path === undefined) throw new NativeAddonError("is missing");
  return path;
}

let loaded: NativeAddon | undefined;

/**
 * The addon of this process; each thread has its own instance.
 *
 * @throws NativeAddonError when it is missing or cannot be loaded.
 */
export function nativeAddon(): NativeAddon {
  if (loaded !== undefined) return loaded;
  const path = findAddon();
  let module: unknown;
  try {
    module = createRequire(import.meta.url)(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    throw new NativeAddonError(`cannot be loaded (${reason})`, { cause });
  }
  if (!isAddon(module)) throw new NativeAddonError("is of another version");
  loaded = module;
  return loaded;
}
