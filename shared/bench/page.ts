/**
 * `bench/index.html`: what the result files say, as one file that opens from disk without a network.
 * Made from the result files only; the same files always give the same page.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { script } from "./page-script.ts";
import { style } from "./page-style.ts";
import { barsPlot, escapeHtml, type Line, quantilePlot, seriesPlot, targetPlot } from "./plots.ts";
import { type RowResult, unitOf } from "./result.ts";
import { contenderNames, MAX_ELSEWHERE } from "./schedule.ts";
import { type Estimate, median, RESAMPLES } from "./statistics.ts";
import {
  countedCells,
  type FigureSummary,
  notToBeQuoted,
  type RowSummary,
  summarise,
  targetsOf,
} from "./summary.ts";
import { digits, interval, targetText, verdictText } from "./table.ts";

interface Measured {
  readonly result: RowResult;
  readonly summary: RowSummary;
}

const resting = "Point at a plot, or tap it, to read its values.";

function card(title: string, about: string, plot: string): string {
  return (
    `<figure><figcaption><h3>${escapeHtml(title)}</h3>` +
    `${about === "" ? "" : `<small>${escapeHtml(about)}</small>`}</figcaption>${plot}` +
    `<p class="say" aria-live="polite">${resting}</p></figure>`
  );
}

/** Units as people write them. */
const shown = (unit: string): string => unit.replace(/^us\b/, "µs");

const figureOf = ({ summary }: Measured, name: string): FigureSummary | undefined =>
  summary.figures.find((figure) => figure.meta.name === name);

/** One card for each figure of which something is asked, with all rows of the group that have it. */
function barCards(group: readonly Measured[]): string[] {
  const asked = group.flatMap(({ result }) =>
    result.figures.filter((meta) => targetsOf(meta).length > 0).map((meta) => meta.name),
  );
  return [...new Set(asked)].map((name) => {
    const having = group.filter((one) => figureOf(one, name) !== undefined);
    const unit = shown(figureOf(having[0]!, name)?.meta.unit ?? "");
    const rows = having.map((one) => {
      const figure = figureOf(one, name)!;
      const bars = contenderNames
        .filter((contender) => one.result.contenders[contender] !== undefined)
        .map((contender) => ({ contender, estimate: figure.values[contender] }));
      const targets = targetsOf(figure.meta).flatMap((target) => {
        const base = target.of === undefined ? 1 : figure.values[target.of]?.value;
        if (base === undefined) return [];
        return [{ value: target.atMost * base, label: targetText(target, unit) }];
      });
      return { label: one.result.row, bars, targets };
    });
    return card(capital(name), unit, barsPlot({ title: name, unit, rows }));
  });
}

const capital = (text: string) =>
  (text.charAt(0).toUpperCase() + text.slice(1)).replace(/\bcpu\b/i, "CPU");

/** A distribution of every contender: the median of its rounds, point by point, with their range. */
function quantileCards({ result }: Measured): string[] {
  return drawnNames(result, "quantiles").map((name) => {
    const lines = contenderNames.flatMap((contender): Line[] => {
      const rounds = countedCells(result, contender).flatMap((cell) => {
        const values = cell.quantiles?.[name];
        return values === undefined ? [] : [values];
      });
      if (rounds.length === 0) return [];
      const over = (fold: (values: readonly number[]) => number) =>
        Array.from({ length: rounds[0]?.length ?? 0 }, (_, i) =>
          fold(rounds.flatMap((round) => round[i] ?? [])),
        );
      const low = over((values) => Math.min(...values));
      const high = over((values) => Math.max(...values));
      return [{ contender, points: over(median), low, high }];
    });
    const unit = shown(unitOf(result, name) || "ms");
    const about = `${result.row}; ${unit}; shaded: all rounds`;
    return card(
      capital(name),
      about,
      quantilePlot({ title: `${result.row}: ${name}`, unit, lines }),
    );
  });
}

function seriesCards({ result }: Measured): string[] {
  return drawnNames(result, "series").map((name) => {
    const rounds = contenderNames.map((contender) => ({
      contender,
      series: countedCells(result, contender).map((cell) => cell.series?.[name] ?? []),
    }));
    const lines = rounds
      .map(({ contender, series }) => ({ contender, points: series.flat() }))
      .filter((line) => line.points.length > 0);
    const breaks: number[] = [];
    for (const each of rounds[0]?.series ?? []) breaks.push((breaks.at(-1) ?? 0) + each.length);
    const unit = unitOf(result, name);
    const plot = { title: `${result.row}: ${name}`, unit, lines, breaks: breaks.slice(0, -1) };
    return card(capital(nameOfSeries(name)), `${result.row}; ${unit}`, seriesPlot(plot));
  });
}

/** The process tree's own names, in words. */
const nameOfSeries = (name: string): string =>
  name === "rssMb" ? "resident memory" : name === "pssMb" ? "memory, shared parts divided" : name;

function drawnNames(result: RowResult, kind: "quantiles" | "series"): string[] {
  const cells = contenderNames.flatMap((name) => countedCells(result, name));
  return [...new Set(cells.flatMap((cell) => Object.keys(cell[kind] ?? {})))];
}

/** What is asked in a row, and how far ours is from it. */
function targetCard({ result, summary }: Measured): string {
  const items = summary.figures.flatMap(({ meta, verdicts }) =>
    verdicts.map((verdict) => {
      const { target, estimate, word } = verdict;
      const what = `${result.row}: ${meta.name}`;
      const unit = target.of === undefined ? shown(meta.unit) : `x ${target.of}`;
      const asked = `asked ${digits(target.atMost)} ${unit}`;
      const found =
        estimate === undefined ? "–" : `${digits(estimate.value)} ${unit} (${interval(estimate)})`;
      const plot =
        estimate === undefined
          ? ""
          : targetPlot(estimate, target.atMost, `${what}, ${asked}`, word === "met");
      return (
        `<li><div><span>${escapeHtml(capital(meta.name))}</span><span class="word ${word}">${escapeHtml(verdictText(verdict))}</span></div>` +
        `${plot}<div><small>${escapeHtml(found)}</small><small>${escapeHtml(asked)}</small></div></li>`
      );
    }),
  );
  if (items.length === 0) return "";
  return (
    `<article class="row"><h3>${escapeHtml(result.row)}</h3><p class="soft">${escapeHtml(result.about)}</p>` +
    `<ul>${items.join("")}</ul></article>`
  );
}

function figureTable({ result, summary }: Measured): string {
  const present = contenderNames.filter((name) => result.contenders[name] !== undefined);
  const others = present.filter((name) => name !== "ours");
  const head = ["figure", ...present, ...others.map((name) => `ours / ${name}`), "asked", ""].map(
    (cell) => `<th>${cell}</th>`,
  );
  const body = summary.figures.map(({ meta, values, ratios, words, verdicts }) => {
    const withInterval = (estimate: Estimate | undefined, word = ""): string => {
      if (estimate === undefined) return "–";
      const range = estimate.low === estimate.high ? "" : interval(estimate);
      const below = [range, word].filter((each) => each !== "").join(", ");
      return `${digits(estimate.value)}${below === "" ? "" : `<small>${below}</small>`}`;
    };
    const asked = verdicts.map(({ target }) => escapeHtml(targetText(target, shown(meta.unit))));
    const cells = [
      `${escapeHtml(meta.name)}<small>${escapeHtml(shown(meta.unit))}</small>`,
      ...present.map((name) => withInterval(values[name])),
      ...others.map((name) => withInterval(ratios[name], words[name])),
      asked.join("<br>"),
      verdicts
        .map((each) => `<span class="${each.word}">${escapeHtml(verdictText(each))}</span>`)
        .join("<br>"),
    ];
    return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
  });
  const notes = [
    `${summary.valid.ours ?? 0} of ${result.rounds.length} rounds count`,
    result.complete ? "" : "the run was interrupted",
    ...present.map((name) => {
      const reason = result.contenders[name]?.notMeasured;
      return reason === undefined ? "" : `${name} was not measured: ${reason}`;
    }),
    ...summary.voids.map(({ reason, times }) => `void, ${times} x ${reason}`),
  ].filter((note) => note !== "");
  return (
    `<h3>${escapeHtml(result.row)}</h3><div class="scroll"><table><tr>${head.join("")}</tr>${body.join("")}</table></div>` +
    `<p class="soft"><small>${escapeHtml(notes.join("; "))}.</small></p>`
  );
}

/** The first of a row's plots of a kind is the one to look at; others wait below. */
const firstAndOthers = (cards: readonly (readonly string[])[]) => ({
  first: cards.flatMap((each) => each.slice(0, 1)),
  others: cards.flatMap((each) => each.slice(1)),
});

function groupSection(title: string, group: readonly Measured[]): string {
  const quantiles = firstAndOthers(group.map(quantileCards));
  const series = firstAndOthers(group.map(seriesCards));
  const cards = [...barCards(group), ...quantiles.first, ...series.first];
  const others = [...quantiles.others, ...series.others];
  return (
    `<section><h2>${escapeHtml(title)}</h2><div class="cards">${cards.join("")}</div>` +
    `<details><summary>All figures with their intervals</summary>${group.map(figureTable).join("")}</details>` +
    (others.length === 0
      ? ""
      : `<details><summary>More plots</summary><div class="cards">${others.join("")}</div></details>`) +
    "</section>"
  );
}

const definitions = (entries: readonly (readonly [string, string])[]): string =>
  `<dl class="rows">${entries
    .map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>`)
    .join("")}</dl>`;

function methodSection(all: readonly Measured[]): string {
  const { machine, method } = all[0]!.result;
  const limits = Object.entries(machine.socketLimits).map(([name, value]) => `${name} ${value}`);
  const steal = all.flatMap(({ result }) => result.rounds.map((round) => round.quiet.steal));
  const warm = Object.entries(method.warmSeconds).filter(([, seconds]) => seconds > 0);
  const voidRounds = all.reduce((sum, { summary }) => sum + summary.voidRounds, 0);
  const rounds = all.reduce((sum, { result }) => sum + result.rounds.length, 0);
  return (
    `<section><h2>Method</h2><p>Contenders are started once for each row, warmed up under its load` +
    `${warm.length > 0 ? ` (${warm.map(([name, seconds]) => `${name} ${seconds} s`).join(", ")})` : ""}` +
    ` and then measured in turns, the order reversed in every other round, so that whatever drifts meets all alike. ` +
    `CPU time is user and system time of the whole process tree (${escapeHtml(machine.cpuTime)}). ` +
    `The generator sends by the clock whatever happens; delay counts from the moment a packet was due. ` +
    `A fixed loop runs before and after each round: if it drifts by more than 3 %, if the hypervisor takes more than 1 % ` +
    `of the time, or if other programs use more than ${MAX_ELSEWHERE * 100} % of a core, the round is void: ` +
    `it is repeated, kept in the files and counted in no figure (${voidRounds} of ${rounds} rounds here).</p>` +
    `<p>Figures are medians over rounds; intervals hold 95 % of ${RESAMPLES.toLocaleString("en")} resamplings of whole rounds ` +
    `(bootstrap, same seed each time). Ratios compare within rounds. A target counts as surely met or missed when the whole interval lies on one side. ` +
    `Only ratios mean anything on another machine.</p><h3>Machine</h3>` +
    definitions([
      [
        "CPU",
        `${machine.cpu}, ${machine.cores} cores${machine.virtual === "yes" ? ", virtual" : ""}; governor: ${machine.governor}`,
      ],
      ["Memory", `${machine.memoryGiB} GiB`],
      ["System", `${machine.system}, Linux ${machine.kernel}, clock ${machine.clock}`],
      ["Steal", `at most ${(Math.max(0, ...steal) * 100).toFixed(2)} % in any round`],
      ["Node", `${machine.node} with OpenSSL ${machine.nodeOpenssl}`],
      ["Addon", `${machine.openssl}; ${machine.compiler}; ${machine.addonFlags}`],
      ["Java", machine.java],
      ["Upstream", machine.upstream],
      ["Prosody", machine.prosody],
      ["Sockets", limits.join(", ")],
    ]) +
    `<h3>Runs</h3>${definitions(
      all.map(({ result }) => [
        result.row,
        `${result.began.slice(0, 16).replace("T", " ")} UTC, commit ${result.commit}, ` +
          `${result.method.rounds} rounds of ${result.method.seconds} s` +
          contenderNames
            .flatMap((name) => {
              const version = result.contenders[name]?.version;
              return version === undefined ? [] : [`, ${name}: ${version}`];
            })
            .join(""),
      ]),
    )}</section>`
  );
}

export interface PageOptions {
  /** File beside the page, when there is one. */
  readonly profile?: string;
}

/** The whole page; `results` in the order in which they appear. */
export function renderPage(results: readonly RowResult[], options: PageOptions = {}): string {
  const all = results.map((result) => ({ result, summary: summarise(result) }));
  const groups = [...new Set(results.map((result) => result.group))];
  const verdicts = all.flatMap(({ summary }) => summary.figures.flatMap((each) => each.verdicts));
  const count = (word: string) => verdicts.filter((each) => each.word === word).length;
  const open = count("open");
  const last =
    results
      .map((result) => result.ended)
      .sort()
      .at(-1) ?? "";
  const commits = [...new Set(results.map((result) => result.commit))];
  const first = results[0];
  const doubt = notToBeQuoted(results);
  const isTryOut = results.some((result) => result.method.quick);
  const title = "jitsi-ts, measured";
  const body =
    first === undefined
      ? "<p>Nothing was measured yet.</p>"
      : `<p class="soft">${last.slice(0, 10)}, commit ${escapeHtml(commits.join(", "))}. ` +
        `${escapeHtml(first.machine.cpu)}, ${first.machine.cores} cores; Node ${first.machine.node}; ${escapeHtml(first.machine.java)}.</p>` +
        (isTryOut
          ? `<p class="banner">A try-out: too short, and void rounds are shown. No figure here may be quoted.</p>`
          : doubt === undefined
            ? ""
            : `<p class="banner"><b>Not to be quoted</b>, for ${escapeHtml(doubt)}.</p>`) +
        `<ul class="legend"><li><span class="swatch ours"></span><b>ours</b> jicofo-ts, jvb-ts</li>` +
        `<li><span class="swatch java"></span><b>java</b> upstream's jicofo, jitsi-videobridge</li>` +
        `<li><span class="swatch limit"></span><b>limit</b> a C program that does the least possible</li>` +
        `<li><span class="swatch asked"></span>asked of ours</li></ul>` +
        `<section><h2>${count("met")} of ${verdicts.length} targets met${open > 0 ? `, ${open} not measured` : ""}</h2>` +
        `<p class="soft">The upright line is the target; left of it is better. Axis logarithmic; the bar behind the dot is the 95 % interval.</p>` +
        `<div class="cards">${all.map(targetCard).join("")}</div></section>` +
        groups
          .map((group) =>
            groupSection(
              group,
              all.filter(({ result }) => result.group === group),
            ),
          )
          .join("") +
        methodSection(all);
  const link =
    options.profile === undefined
      ? ""
      : ` <a href="${escapeHtml(options.profile)}">Where the time goes in ours</a>.`;
  return (
    `<!doctype html><html lang="en"><head><meta charset="utf-8">` +
    `<meta name="viewport" content="width=device-width, initial-scale=1">` +
    `<title>${title}</title><style>${style}</style></head><body><main>` +
    `<header><h1>${title}</h1><p>The focus and the bridge in TypeScript beside Jitsi's own in Java, and beside the least that the work can cost.${link}</p></header>` +
    `${body}</main><script>${script}</script></body></html>\n`
  );
}

export function writePage(
  file: string,
  results: readonly RowResult[],
  options: PageOptions = {},
): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, renderPage(results, options));
}
