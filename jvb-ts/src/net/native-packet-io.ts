/** `PacketIo` over the native addon: one call per batch, slabs registered once. */
import { Bug } from "#shared/runtime/bug";
import type { PacketCounters, PacketIo, SocketAddress, SrtpKeys } from "../media/packet-io.ts";
import type { RxSlab, TxSlab } from "../media/slab.ts";
import { type NativeBinding, type NativeSockets, nativeAddon } from "./native-addon.ts";
import type { BindFailure, OpenedPacketIo, PacketIoOptions } from "./packet-io-options.ts";

/** In the order of the addon's counters. */
const counterNames = [
  "received",
  "receivedBytes",
  "sent",
  "sentBytes",
  "unknownAddress",
  "unknownUfrag",
  "malformed",
  "noKeys",
  "authFailed",
  "replayed",
  "ringFull",
  "sendUnready",
  "sendCongested",
  "sendRefused",
  "repeatedIndex",
  "refusedRepeat",
] as const satisfies readonly (keyof PacketCounters)[];

const failureOf = ([ip, port, code]: NativeBinding): BindFailure => ({
  address: { ip, port },
  code,
});

/**
 * Opens the sockets, or joins those that another worker of the group has opened.
 *
 * @throws NativeAddonError when the addon cannot be loaded.
 */
export function openNativePacketIo(options: PacketIoOptions): OpenedPacketIo {
  const { addresses, receiveBufferBytes, worker, workers, clock } = options;
  const group = options.group ?? addresses.map(({ ip, port }) => `${ip} ${port}`).join(",");
  let io: NativePacketIo | undefined;
  const more = Uint8Array.of(1);
  const [sockets, results, local] = nativeAddon().openPacketIo(
    group,
    addresses.map(({ ip, port }) => [ip, port] as const),
    receiveBufferBytes,
    worker,
    workers,
    clock.now(),
    () => io?.onReadable?.(),
    more,
  );
  const failures = results.filter(([, , code]) => code !== "").map(failureOf);
  if (sockets !== undefined) {
    io = new NativePacketIo(
      sockets,
      more,
      (local ?? []).map(([ip, port]) => ({ ip, port })),
    );
  }
  return { io, failures };
}

class NativePacketIo implements PacketIo {
  readonly localAddresses: readonly SocketAddress[];
  onReadable: (() => void) | undefined = undefined;
  readonly #sockets: NativeSockets;
  /** Zero: there is nothing to receive, so that nothing need be asked. */
  readonly #more: Uint8Array;
  readonly #rxSlabs = new WeakMap<RxSlab, number>();
  readonly #txSlabs = new WeakMap<TxSlab, number>();
  /** The slabs of the last call, which nearly always are those of the next. */
  #rx: RxSlab | undefined;
  #rxNumber = 0;
  #tx: TxSlab | undefined;
  #txNumber = 0;
  readonly #ufrags = new Map<string, number>();
  readonly #counters = new Float64Array(counterNames.length);

  constructor(sockets: NativeSockets, more: Uint8Array, localAddresses: readonly SocketAddress[]) {
    this.#sockets = sockets;
    this.#more = more;
    this.localAddresses = localAddresses;
  }

  receive(slab: RxSlab, again = false): number {
    if (this.#more[0] === 0 && !again) return 0;
    if (slab !== this.#rx) {
      this.#rxNumber = this.#rxSlabs.get(slab) ?? this.#registerRx(slab);
      this.#rx = slab;
    }
    return this.#sockets.receive(this.#rxNumber, again);
  }

  send(slab: TxSlab): number {
    if (slab.count === 0) return 0;
    if (slab !== this.#tx) {
      this.#txNumber = this.#txSlabs.get(slab) ?? this.#registerTx(slab);
      this.#tx = slab;
    }
    const count = slab.count;
    slab.count = 0;
    return this.#sockets.send(this.#txNumber, count);
  }

  sendTo(socket: number, remote: SocketAddress, bytes: Uint8Array): void {
    this.#sockets.sendTo(socket, remote.ip, remote.port, bytes);
  }

  openSession(): number {
    const session = this.#sockets.openSession();
    if (session < 0) throw new Bug("no session: closed, or out of memory");
    return session;
  }

  closeSession(session: number): void {
    for (const [ufrag, owner] of this.#ufrags) if (owner === session) this.unregisterUfrag(ufrag);
    this.#sockets.closeSession(session);
  }

  bindAddress(session: number, socket: number, remote: SocketAddress): void {
    if (!this.#sockets.bindAddress(session, socket, remote.ip, remote.port))
      throw new Bug("address cannot be bound", { event: { session, socket } });
  }

  unbindAddress(session: number, socket: number, remote: SocketAddress): void {
    this.#sockets.unbindAddress(session, socket, remote.ip, remote.port);
  }

  selectAddress(session: number, socket: number, remote: SocketAddress): void {
    if (!this.#sockets.selectAddress(session, socket, remote.ip, remote.port))
      throw new Bug("address cannot be selected", { event: { session, socket } });
  }

  setKeys(session: number, keys: SrtpKeys): void {
    const { profile, localKey, localSalt, remoteKey, remoteSalt, cryptex = false } = keys;
    const done = this.#sockets.setKeys(
      session,
      profile,
      localKey,
      localSalt,
      remoteKey,
      remoteSalt,
      cryptex,
    );
    if (!done) throw new Bug("SRTP keys do not fit", { event: { session, profile } });
  }

  registerUfrag(ufrag: string, session: number): void {
    if (!this.#sockets.registerUfrag(ufrag))
      throw new Bug("ufrag too long", { event: { session } });
    this.#ufrags.set(ufrag, session);
  }

  unregisterUfrag(ufrag: string): void {
    this.#sockets.unregisterUfrag(ufrag);
    this.#ufrags.delete(ufrag);
  }

  counters(): PacketCounters {
    this.#sockets.counters(this.#counters);
    const totals: Record<string, number> = {};
    counterNames.forEach((name, at) => {
      totals[name] = this.#counters[at] ?? 0;
    });
    return totals as Record<(typeof counterNames)[number], number>;
  }

  close(): void {
    this.onReadable = undefined;
    this.#sockets.close();
  }

  #registerRx(slab: RxSlab): number {
    const { bytes, offset, length, session, kind, status, socket, family } = slab;
    const { address, port, arrival } = slab;
    const number = this.#sockets.registerRx(
      ...[bytes, offset, length, session, kind, status, socket, family, address, port, arrival],
    );
    this.#rxSlabs.set(slab, number);
    return number;
  }

  #registerTx(slab: TxSlab): number {
    const { bytes, offset, length, session, kind, result } = slab;
    const number = this.#sockets.registerTx(bytes, offset, length, session, kind, result);
    this.#txSlabs.set(slab, number);
    return number;
  }
}
