/** The report of a run: which requirements hold, as data and as one page that opens from disk. */

export interface Requirement {
  readonly id: string;
  /** What must hold, in a sentence. */
  readonly text: string;
  /** Where it comes from. */
  readonly source: string;
  /** Who relies on it. */
  readonly peer: string;
  /** Set where ours differs on purpose; upstream's programs accept it. */
  readonly improved?: string;
}

export interface Outcome {
  readonly title: string;
  /** `FILE:LINE` */
  readonly place: string;
  readonly ids: readonly string[];
  /** The first difference found; undefined when all was as expected. */
  readonly difference: string | undefined;
  /** Why a difference was expected; undefined when none was. */
  readonly reason: string | undefined;
  readonly milliseconds: number;
}

export type Result = "passed" | "failed" | "known difference" | "not covered";

export interface Row extends Requirement {
  readonly result: Result;
  readonly cases: readonly Outcome[];
}

export interface Report {
  readonly focus: string;
  readonly bridge: string;
  readonly seconds: number;
  readonly rows: readonly Row[];
}

/** Whether a case went as `expectations.json` says. */
export function good(outcome: Outcome): boolean {
  return (outcome.difference === undefined) === (outcome.reason === undefined);
}

/** What the outcomes mean for each requirement. */
export function judge(catalogue: readonly Requirement[], outcomes: readonly Outcome[]): Row[] {
  return catalogue.map((requirement) => {
    const cases = outcomes.filter((outcome) => outcome.ids.includes(requirement.id));
    const result: Result =
      cases.length === 0
        ? "not covered"
        : !cases.every(good)
          ? "failed"
          : cases.every((outcome) => outcome.difference === undefined)
            ? "passed"
            : "known difference";
    return { ...requirement, result, cases };
  });
}

const escaped = (text: string) =>
  text.replaceAll(
    /[&<>"']/g,
    (char) =>
      ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" })[char] ?? char,
  );

const results: readonly Result[] = ["failed", "known difference", "passed", "not covered"];

/** One self-contained page: a row per requirement, coloured by result, with filters. */
export function reportHtml(report: Report): string {
  const count = (result: Result) => report.rows.filter((row) => row.result === result).length;
  const rows = report.rows.map((row) => {
    const cases = row.cases.map((each) => {
      const why = [
        each.difference === undefined
          ? ""
          : `<div class="difference">${escaped(each.difference)}</div>`,
        each.reason === undefined ? "" : `<div>expected: ${escaped(each.reason)}</div>`,
      ].join("");
      const mark = each.difference === undefined ? "✓" : "✗";
      return `<details${good(each) ? "" : " open"}><summary>${mark} ${escaped(each.title)}</summary>
<code>${escaped(each.place)}</code>, ${Math.round(each.milliseconds)} ms${why}</details>`;
    });
    const improved =
      row.improved === undefined
        ? ""
        : `<div class="improved">improved: ${escaped(row.improved)}</div>`;
    return `<tr data-result="${row.result}"><td>${escaped(row.id)}</td><td class="result">${row.result}</td>
<td>${escaped(row.text)}${improved}</td><td>${escaped(row.source)}</td><td>${escaped(row.peer)}</td><td>${cases.join("\n")}</td></tr>`;
  });
  const boxes = results.map(
    (result) =>
      `<label data-result="${result}"><input type="checkbox" checked value="${result}"> ${count(result)} ${result}</label>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Conformance: focus ${escaped(report.focus)}, bridge ${escaped(report.bridge)}</title>
<style>
body { font: 14px/1.45 system-ui, sans-serif; margin: 1.5rem; color: #1c1f23; background: #fff }
h1 { font-size: 1.3rem } nav { position: sticky; top: 0; background: #fff; padding: .5rem 0; display: flex; gap: .6rem; flex-wrap: wrap }
label { padding: .15rem .6rem; border-radius: 1rem } input[type=search] { flex: 1; min-width: 12rem; padding: .3rem .6rem }
table { border-collapse: collapse; width: 100% } td:first-child { white-space: nowrap } td, th { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid #d8dde3 }
[data-result=passed] .result, label[data-result=passed] { background: #d3f2dc }
[data-result=failed] .result, label[data-result=failed] { background: #ffd3d0 }
[data-result="known difference"] .result, label[data-result="known difference"] { background: #ffeeba }
[data-result="not covered"] .result, label[data-result="not covered"] { background: #e6e9ed }
.difference { white-space: pre-wrap; overflow-wrap: anywhere; color: #8a1c12 } .improved { color: #1e5fa8 }
[hidden] { display: none }
</style></head><body>
<h1>Conformance: focus ${escaped(report.focus)}, bridge ${escaped(report.bridge)}</h1>
<p>${report.rows.length} requirements, ${new Set(report.rows.flatMap((row) => row.cases)).size} conversations, ${report.seconds.toFixed(1)} s.</p>
<nav>${boxes.join("")}<input type="search" placeholder="id, text, source or case" aria-label="search"></nav>
<table><thead><tr><th>Id</th><th>Result</th><th>What must hold</th><th>Source</th><th>Relied on by</th><th>Conversations</th></tr></thead>
<tbody>
${rows.join("\n")}
</tbody></table>
<script>
const search = document.querySelector("input[type=search]");
const boxes = [...document.querySelectorAll("input[type=checkbox]")];
function show() {
  const wanted = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
  const text = search.value.toLowerCase();
  for (const row of document.querySelectorAll("tbody tr"))
    row.hidden = !wanted.has(row.dataset.result) || !row.textContent.toLowerCase().includes(text);
}
search.addEventListener("input", show);
for (const box of boxes) box.addEventListener("change", show);
</script></body></html>
`;
}
