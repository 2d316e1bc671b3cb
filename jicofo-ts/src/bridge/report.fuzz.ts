import { readReport } from "./report.ts";

/** Statistics as `name=value`, one a line: numbers are finite or not said. */
export const targets: Record<string, (input: Uint8Array) => void> = {
  "bridge-report": (input) => {
    const lines = new TextDecoder().decode(input).split("\n");
    const stats = new Map(
      lines.map((line): [string, string] => {
        const at = line.indexOf("=");
        return [line.slice(0, at), line.slice(at + 1)];
      }),
    );
    const { stress, averageParticipantStress } = readReport(stats);
    for (const value of [stress, averageParticipantStress])
      if (value !== undefined && !Number.isFinite(value)) throw new Error(`a stress of ${value}`);
  },
};

export const seeds: Record<string, Uint8Array[]> = {
  "bridge-report": [
    new TextEncoder().encode(
      "stress_level=0.5\naverage_participant_stress=1e400\ndrain=TRUE\nregion=x\nhealthy=",
    ),
  ],
};
