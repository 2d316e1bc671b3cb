/** Puts the packet path together with this room's projections and allocation. */
import type { Random } from "#shared/runtime/runtime";
import type { MediaEngineOptions } from "../media/engine-options.ts";
import type { MediaEngine } from "../media/media-engine.ts";
import type { PacketIo } from "../media/packet-io.ts";
import { PacketPath } from "../media/packet-path.ts";
import type { CongestionControl } from "../media/path-context.ts";
import type { StreamEnd } from "../media/projection.ts";
import { BandwidthAllocator } from "./allocation/bandwidth-allocator.ts";
import { applyConstraints, initialSettings } from "./allocation/settings.ts";
import { SourceProjection } from "./source-projection.ts";

export interface MediaEngineParts {
  readonly options: MediaEngineOptions;
  /** Takes the filled slab; `PacketIo` is one. */
  readonly sender: Pick<PacketIo, "send">;
  readonly random: Random;
}

/** One engine per media worker. */
export function createMediaEngine(parts: MediaEngineParts): MediaEngine {
  const allocator = new BandwidthAllocator();
  const cc: CongestionControl = {
    policy: {
      initialSettings,
      applyConstraints,
      allocate: (input, options) => allocator.allocate(input, options),
    },
    createProjection: (after?: StreamEnd) => new SourceProjection(after),
  };
  return new PacketPath(parts.options, cc, parts.sender, parts.random);
}
