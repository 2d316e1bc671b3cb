/** Somebody who listens to the audio of a whole conference besides its endpoints: exporters. */
import type { RtpHeader } from "#shared/rtp/rtp-header";
import type { Millis } from "#shared/runtime/runtime";

export interface AudioTap {
  /**
   * One Opus packet of a source that an endpoint sends, after what is silent or muted was left out.
   * `header` and its bytes hold during the call only. `seq` hides what was left out; `level` is in
   * -dBov, -1 unknown.
   */
  handleOpus(
    source: string,
    endpoint: string,
    header: RtpHeader,
    seq: number,
    level: number,
    vad: boolean,
    now: Millis,
  ): void;
}

/** What became of audio that the bridge is to send in the name of a synthetic source. */
export type Injected = "sent" | "unknownSource" | "removedSource" | "noOpus" | "refused";
