/** The figures that the README quotes, written between two marks by whoever measures. */
import { readFileSync, writeFileSync } from "node:fs";
import type { RowResult } from "./result.ts";
import type { ContenderName } from "./row.ts";
import { notToBeQuoted, summarise } from "./summary.ts";
import { digits } from "./table.ts";

const BEGIN = "<!-- figures of npm run bench -->";
const END = "<!-- end of the figures -->";

/** Figures of a group that are worth a line or a column in the README. */
interface Quote {
  readonly rows: readonly string[];
  readonly figures: readonly {
    readonly name: string;
    readonly title: string;
    readonly contenders: readonly ContenderName[];
  }[];
}

const quotes: readonly Quote[] = [
  {
    rows: ["audio", "meeting", "panel", "small-calls", "broadcast"],
    figures: [
      { name: "CPU", title: "CPU, µs a packet", contenders: ["ours", "java", "limit"] },
      { name: "delay p99", title: "added delay p99, µs", contenders: ["ours", "java"] },
      { name: "RSS", title: "memory, MB", contenders: ["ours", "java"] },
    ],
  },
  {
    rows: ["focus"],
    figures: [
      { name: "cpu", title: "CPU, ms a participant", contenders: ["ours", "java"] },
      { name: "join p50", title: "join to invitation p50, ms", contenders: ["ours", "java"] },
      { name: "join p99", title: "p99, ms", contenders: ["ours", "java"] },
    ],
  },
  {
    rows: ["start-focus", "start-bridge"],
    figures: [
      { name: "ready after", title: "ready after, ms", contenders: ["ours", "java"] },
      { name: "idle memory", title: "idle memory, MiB", contenders: ["ours", "java"] },
      { name: "idle CPU", title: "idle CPU, % of a core", contenders: ["ours", "java"] },
    ],
  },
];

const written: Record<ContenderName, string> = { ours: "ours", java: "Java", limit: "limit" };

function tableOf(quote: Quote, results: readonly RowResult[]): string[] {
  const measured = quote.rows.flatMap((name) => results.filter((each) => each.row === name));
  if (measured.length === 0) return [];
  const titles = quote.figures.map(
    ({ title, contenders }) => `${title}: ${contenders.map((name) => written[name]).join(" / ")}`,
  );
  const rows = measured.map((result) => {
    const { figures } = summarise(result);
    const cells = quote.figures.map(({ name, contenders }) => {
      const values = figures.find(({ meta }) => meta.name === name)?.values;
      return contenders
        .map((contender) => values?.[contender])
        .map((estimate) => (estimate === undefined ? "–" : digits(estimate.value)))
        .join(" / ");
    });
    return `| ${[result.row, ...cells].join(" | ")} |`;
  });
  return [
    `| | ${titles.join(" | ")} |`,
    `|---|${quote.figures.map(() => "---|").join("")}`,
    ...rows,
    "",
  ];
}

/** What stands between the marks: tables, and on what and when they were measured. */
export function quotedFigures(results: readonly RowResult[]): string {
  const first = results[0];
  if (first === undefined) return "";
  const days = [...new Set(results.map((result) => result.began.slice(0, 10)))].sort();
  const commits = [...new Set(results.map((result) => result.commit))];
  const { machine } = first;
  const doubt = notToBeQuoted(results);
  return [
    ...quotes.flatMap((quote) => tableOf(quote, results)),
    `Medians, ${days.join(" to ")}, commit ${commits.join(", ")}, on ${machine.cores} cores of ` +
      `${machine.cpu}; ${machine.java.replace(/ \d{4}-.*$/, "")}, Node ${machine.node}.`,
    ...(doubt === undefined ? [] : ["", `**Not to be quoted**, for ${doubt}.`]),
  ].join("\n");
}

/** @returns the text with new figures, or as it was where it has no marks or nothing was measured. */
export function withFigures(text: string, results: readonly RowResult[]): string {
  const [before, rest] = text.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined || results.length === 0) return text;
  return `${before}${BEGIN}\n${quotedFigures(results)}\n${END}${after}`;
}

export function quoteIn(file: string, results: readonly RowResult[]): void {
  const text = readFileSync(file, "utf8");
  writeFileSync(file, withFigures(text, results));
}
