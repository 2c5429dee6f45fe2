// The page of a sweep: one row for each run.

const RUNS = DATA.runs;

/** The override keys that differ between runs, and each run's value of them. */
function varied() {
  const given = RUNS.map((run) => new Map(run.overrides.map((text) => {
    const cut = text.indexOf("=");
    return cut < 0 ? [text, ""] : [text.slice(0, cut), text.slice(cut + 1)];
  })));
  const keys = [...new Set(given.flatMap((map) => [...map.keys()]))];
  return [keys.filter((key) => new Set(given.map((map) => map.get(key))).size > 1), given];
}

const sum = (key) => RUNS.reduce((total, run) => total + (typeof run[key] === "number" ? run[key] : 0), 0);
const rate = (run) => (run.elapsed_s ? run.made / run.elapsed_s : null);
const marksOf = (run) => Object.values(run.categories).reduce((total, row) => total + row.marks, 0);

function columns() {
  const [keys, given] = varied();
  const statusOf = (run) => el("span", { class: run.status === "complete" && !run.failed ? "status" : "status bad" }, run.status || "unknown");
  return [
    { title: "run", value: (run) => run.name, cell: (run) => (run.href ? el("a", { href: run.href }, run.name) : run.name) },
    ...keys.map((key) => ({ title: key, value: (run, k) => given[k].get(key) ?? "", cell: (run, k) => el("code", {}, given[k].get(key) ?? "–") })),
    { title: "status", value: (run) => run.status, cell: statusOf },
    { title: "images", number: true, value: (run) => run.made, cell: (run) => short(run.made) },
    { title: "failed", number: true, value: (run) => run.failed, cell: (run) => short(run.failed) },
    { title: "images/s", number: true, value: rate, cell: (run) => (rate(run) === null ? "–" : short(Math.round(rate(run)))) },
    { title: "kB an image", number: true, value: (run) => run.bytes / run.made, cell: (run) => (run.made ? short(run.bytes / run.made / 1000) : "–") },
    { title: "marks an image", number: true, value: (run) => marksOf(run) / run.samples, cell: (run) => (run.samples ? short(marksOf(run) / run.samples) : "–") },
    { title: "first samples", cell: (run) => el("div", { class: "pictures" }, ...run.pictures.map((src) => el("img", { src, alt: "", loading: "lazy" }))) },
  ];
}

showFigures(
  [["runs", short(RUNS.length + DATA.more)], ["images", short(sum("made"))], ["failed", short(sum("failed"))], ["size", bytes(sum("bytes"))], ["took", duration(sum("elapsed_s"))]],
  DATA.more ? `The first ${short(RUNS.length)} are shown.` : "",
);
sortable(byId("table"), RUNS, columns());
for (const run of RUNS) {
  const total = marksOf(run);
  const rows = Object.entries(run.categories).sort((a, b) => b[1].marks - a[1].marks).slice(0, 12);
  if (total) byId("balances").append(card(run.name, el("span", { class: "badge" }, `${counted(total)} in ${counted(run.samples, "sample")}`), bars(rows.map(([name, row]) => [name, row.marks / total, null, `${((row.marks / total) * 100).toFixed(1)} %`]))));
}
