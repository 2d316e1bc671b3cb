/** Layer, frame rate and bitrate of each stream, read from the peer connections once a second. */
import type { JitsiConference } from "./jitsi.d.ts";
import { linesByTrack, type StreamLine } from "./stream-lines.ts";

interface Sample {
  readonly bytes: number;
  readonly at: number;
}

interface RtpFigures {
  readonly id: string;
  readonly type: string;
  readonly kind?: string;
  readonly timestamp: number;
  readonly bytesReceived?: number;
  readonly bytesSent?: number;
  readonly frameHeight?: number;
  readonly framesPerSecond?: number;
  readonly trackIdentifier?: string;
  readonly mediaSourceId?: string;
}

export class StreamFigures {
  readonly #last = new Map<string, Sample>();

  /** One line for each MediaStreamTrack id, received and sent. */
  async poll(conference: JitsiConference): Promise<Map<string, string>> {
    const direct = conference.isP2PActive();
    const session = direct ? conference.p2pJingleSession : conference.jvbJingleSession;
    const connection = session?.peerconnection?.peerconnection;
    if (connection === undefined) return new Map();
    const report = await connection.getStats();
    const rows = [...report.values()] as RtpFigures[];
    const sourceTracks = new Map(
      rows.flatMap((row) =>
        row.type === "media-source" && row.trackIdentifier ? [[row.id, row.trackIdentifier]] : [],
      ),
    );
    const streams: StreamLine[] = [];
    for (const row of rows) {
      if (row.type !== "inbound-rtp" && row.type !== "outbound-rtp") continue;
      const track =
        row.type === "inbound-rtp"
          ? row.trackIdentifier
          : sourceTracks.get(row.mediaSourceId ?? "");
      if (track === undefined) continue;
      const kbps = this.#rate(row);
      if (kbps === 0 && row.type === "outbound-rtp") continue;
      const picture =
        row.kind === "video"
          ? `${row.frameHeight ?? "–"}p ${Math.round(row.framesPerSecond ?? 0)}/s `
          : "audio ";
      const arrow = row.type === "inbound-rtp" ? "↓" : "↑";
      const text = `${arrow} ${picture}${kbps} kbit/s${direct ? " direct" : ""}`;
      streams.push({ track, height: row.frameHeight, text });
    }
    return linesByTrack(streams);
  }

  #rate(row: RtpFigures): number {
    const bytes = row.bytesReceived ?? row.bytesSent ?? 0;
    const last = this.#last.get(row.id);
    this.#last.set(row.id, { bytes, at: row.timestamp });
    if (last === undefined || row.timestamp <= last.at) return 0;
    return Math.round(((bytes - last.bytes) * 8) / (row.timestamp - last.at));
  }
}
