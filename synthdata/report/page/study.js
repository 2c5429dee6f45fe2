// The page of a study: its plots, one row for each trial, and the best config.

const TRIALS = DATA.trials;
const HIDDEN = ["default"];
const TITLES = { "history.png": "The value of each trial", "importance.png": "How much each key matters" };

function cell(trial, name) {
  const value = trial[name];
  if (name === "trial") return trial.default ? `${value} (as it is)` : String(value);
  if (name === "state") return el("span", { class: value === "fail" ? "status bad" : "status" }, value);
  if (typeof value === "number") return short(value);
  return value === undefined || value === null ? "" : String(value);
}

/** All columns of the table: those that every trial has, and those that some have. */
function columns() {
  const names = [...new Set(TRIALS.flatMap(Object.keys))].filter((name) => !HIDDEN.includes(name) && name !== "cause").concat("cause");
  return names.map((name) => ({
    title: name,
    number: TRIALS.some((trial) => typeof trial[name] === "number"),
    value: (trial) => trial[name],
    cell: (trial) => (trial.trial === DATA.best ? el("strong", {}, cell(trial, name)) : cell(trial, name)),
  }));
}

const best = TRIALS.find((trial) => trial.trial === DATA.best);
const failed = TRIALS.filter((trial) => trial.state === "fail").length;
showFigures(
  [["trials", short(TRIALS.length)], ["failed", short(failed)], ["as it is", short(DATA.default)], ["best", best ? short(best.value) : "–"]],
  `${DATA.objective}, to ${DATA.direction}. ${DATA.overrides.join(" ")}`,
);
for (const [name, src] of Object.entries(DATA.pictures)) {
  byId("pictures").append(el("img", { src, alt: TITLES[name] || name, class: "plot" }));
}
sortable(byId("table"), TRIALS, columns(), 0);
byId("config").textContent = DATA.config;
