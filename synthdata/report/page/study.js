// The page of a study: its plots, one row for each trial, and the best config.

const TRIALS = DATA.trials;
const HIDDEN = ["default"];
const TITLES = { "history.png": "The value of each trial", "importance.png": "How much each key matters" };

/** All columns of the table: those that every trial has, and those that some have. */
function columns() {
  return [...new Set(TRIALS.flatMap(Object.keys))].filter((name) => !HIDDEN.includes(name) && name !== "cause").concat("cause");
}

function cell(trial, name) {
  const value = trial[name];
  if (name === "trial") return trial.default ? `${value} (as it is)` : String(value);
  if (name === "state") return el("span", { class: value === "fail" ? "status bad" : "status" }, value);
  if (typeof value === "number") return short(value);
  return value === undefined || value === null ? "" : String(value);
}

function showTable() {
  const names = columns();
  let [by, down] = ["trial", false];
  const draw = () => {
    const order = (a, b) => {
      const [x, y] = [a[by], b[by]];
      const empty = (v) => v === undefined || v === null || v === "";
      if (empty(x) || empty(y)) return empty(x) - empty(y);
      const sign = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y), "en", { numeric: true });
      return down ? -sign : sign;
    };
    const head = (name) => {
      const arrow = by === name ? (down ? " ↓" : " ↑") : "";
      const press = () => { down = by === name && !down; by = name; draw(); };
      const number = TRIALS.some((trial) => typeof trial[name] === "number");
      return el("th", { class: number ? "num" : null, scope: "col", "aria-sort": by === name ? (down ? "descending" : "ascending") : null }, el("button", { type: "button", onclick: press }, name + arrow));
    };
    const row = (trial) => el("tr", {}, ...names.map((name) => el("td", { class: typeof trial[name] === "number" ? "num" : null }, trial.trial === DATA.best ? el("strong", {}, cell(trial, name)) : cell(trial, name))));
    byId("table").replaceChildren(el("thead", {}, el("tr", {}, ...names.map(head))), el("tbody", {}, ...[...TRIALS].sort(order).map(row)));
  };
  draw();
}

themed(byId("theme"));
byId("name").textContent = DATA.name;
byId("path").textContent = DATA.path;
const best = TRIALS.find((trial) => trial.trial === DATA.best);
const failed = TRIALS.filter((trial) => trial.state === "fail").length;
for (const [name, value] of [["trials", short(TRIALS.length)], ["failed", short(failed)], ["as it is", short(DATA.default)], ["best", best ? short(best.value) : "–"]]) {
  byId("figures").append(el("div", {}, el("dt", {}, name), el("dd", {}, value)));
}
byId("note").textContent = `${DATA.objective}, to ${DATA.direction}. ${DATA.overrides.join(" ")}`;
for (const [name, src] of Object.entries(DATA.pictures)) {
  byId("pictures").append(el("img", { src, alt: TITLES[name] || name, class: "plot" }));
}
showTable();
byId("config").textContent = DATA.config;
