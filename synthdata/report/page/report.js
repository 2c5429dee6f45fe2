// The page of one run, from top to bottom.

const STATS = DATA.stats;
const TIMING = STATS.timing || {};

function showRun() {
  const { run } = STATS;
  const rate = TIMING.elapsed_s ? run.made / TIMING.elapsed_s : null;
  const marks = Object.values(STATS.categories).reduce((sum, row) => sum + row.marks, 0);
  const of = STATS.all ? `all ${short(STATS.samples)}` : `${short(STATS.samples)} of ${short(run.made)}`;
  showFigures([
    ["status", run.status || "unknown", run.status === "complete" ? "good" : "bad"],
    ["images", run.made === run.n ? short(run.made) : `${short(run.made)} of ${short(run.n)}`],
    ["failed", short(run.failed || 0), run.failed ? "bad" : ""],
    ["images/s", rate === null ? "–" : short(Math.round(rate))],
    ["took", duration(TIMING.elapsed_s)],
    ["size", bytes(run.bytes)],
    ["marks/image", STATS.samples ? short(marks / STATS.samples) : "–"],
    ["canvas", run.canvas.join("×")],
    ["seed", String(run.seed)],
  ], `Statistics of ${of} ${STATS.samples === 1 ? "sample" : "samples"}${STATS.all ? "" : ", spread evenly over the run"}. synthdata ${run.version || ""}${run.digest ? `, digest ${run.digest.slice(0, 12)}` : ""}.`);
}

function groupsOf() {
  const groups = new Map();
  for (const [name, column] of Object.entries(STATS.parameters)) {
    const cut = name.lastIndexOf(".");
    const group = name.slice(0, cut);
    if (!groups.has(group)) groups.set(group, []);
    groups.get(group).push([name.slice(cut + 1), column]);
  }
  return groups;
}

function showParameters() {
  const groups = groupsOf();
  const off = (rows) => rows.filter(([, column]) => column.asked && !column.asked.agrees).length;
  const choose = (chosen) => {
    for (const button of byId("groups").children) button.setAttribute("aria-pressed", String(button.dataset.group === chosen));
    const rows = groups.get(chosen) || [];
    const constant = ([, column]) => onlyValue(column) !== undefined && (!column.asked || onlyValue(column.asked) === onlyValue(column));
    byId("cards").replaceChildren(...rows.filter((row) => !constant(row)).map(([name, column]) => parameterCard(name, column)));
    const rest = rows.filter(constant);
    byId("constants").replaceChildren(...(rest.length ? ["Always the same: ", ...rest.flatMap(([name, column]) => [el("code", {}, `${name} ${onlyValue(column)}`), " "])] : []));
  };
  byId("groups").append(...[...groups].map(([name, rows]) => el("button", {
    type: "button", "data-group": name, "aria-pressed": "false", onclick: () => choose(name),
  }, name, off(rows) ? el("kbd", { title: "parameters that differ from the config" }, `${off(rows)} differ`) : "")));
  choose([...groups.keys()].find((name) => !["image"].includes(name)) || [...groups.keys()][0]);
}

/** The share of marks of a category that the config asks for; null where that is not known. */
function balance(name) {
  const column = STATS.parameters["image.category"];
  return column && column.asked ? (column.asked.names[name] || 0) / column.asked.n : null;
}

function showObjects() {
  const cards = byId("objects-cards");
  const rows = Object.entries(STATS.categories).sort((a, b) => b[1].marks - a[1].marks);
  const total = rows.reduce((sum, [, row]) => sum + row.marks, 0) || 1;
  if (!rows.length) {
    const labelled = "image.marks" in STATS.parameters;
    cards.append(el("p", { class: "muted" }, labelled ? "There are no objects." : "The run has no label marks, so nothing is known of its objects."));
    return;
  }
  cards.append(card("Class balance", el("span", { class: "badge" }, counted(total)),
    bars(rows.map(([name, row]) => [name, row.marks / total, balance(name), `${short(row.marks)} · ${((row.marks / total) * 100).toFixed(1)} %`]))));
  const { boxes } = STATS.occupancy;
  const [width, height] = STATS.run.canvas;
  cards.append(card("Where objects are", el("span", { class: "badge" }, `up to ${short(Math.max(...boxes.flat()))} boxes`),
    heatMap(boxes, width / height), el("p", { class: "foot" }, `Boxes of an image over each place, on average; ${counted(STATS.off_canvas)} ${STATS.off_canvas === 1 ? "is" : "are"} off the canvas.`)));
  cards.append(sizesCard(rows.map(([name]) => name)));
  for (const [name, column] of Object.entries(STATS.visibility)) {
    if (!column.numbers || !column.numbers.n) continue;
    cards.append(card({ visible: "Share that is seen", occluded: "Share hidden by others", truncated: "Share off the canvas" }[name] || name,
      null, histogram(column.numbers, null), el("p", { class: "foot" }, `mean ${short(column.numbers.mean)} · median ${short(column.numbers.quantiles["0.5"])}`)));
  }
}

function sizesCard(names) {
  const box = el("div");
  const show = (name) => {
    const titles = { side: "side: root of the area", width: "width", height: "height" };
    const charts = ["side", "width", "height"].flatMap((key) => {
      const { numbers } = STATS.sizes[name][key];
      return numbers && numbers.n ? [el("p", { class: "foot" }, `${titles[key]}, px · median ${short(numbers.quantiles["0.5"])}`), histogram(numbers, null)] : [];
    });
    box.replaceChildren(...(charts.length ? charts : [el("p", { class: "muted" }, "None is on the canvas.")]));
  };
  const choice = el("select", { "aria-label": "Category", onchange: (event) => show(event.target.value) }, ...names.map((name) => el("option", { value: name }, name)));
  show(names[0]);
  return card("Object sizes", choice, box);
}

function showMaking() {
  const cards = byId("making-cards");
  const steps = Object.entries(TIMING.seconds || {});
  const spent = steps.reduce((sum, [, seconds]) => sum + seconds, 0) || 1;
  if (steps.length) cards.append(card("Time in", el("span", { class: "badge" }, `${duration(spent)} of work`), bars(steps.map(([name, seconds]) => [name, seconds / spent, null, `${duration(seconds)} · ${Math.round((seconds / spent) * 100)} %`]))));
  const insights = TIMING.insights || {};
  if ((insights.slowest || []).length) {
    const slowest = insights.slowest;
    cards.append(card("Slowest samples", null, bars(slowest.map(({ index, seconds }) => [`sample ${index}`, seconds, null, duration(seconds)]))));
  }
  if ((insights.workers || []).length) cards.append(workersCard(insights));
  const { causes, count } = STATS.failures;
  const failed = card("Failures", el("span", { class: "badge" }, short(count)));
  failed.append(count ? bars(Object.entries(causes).map(([cause, n]) => [cause, n / count, null, short(n)])) : el("p", { class: "muted" }, "None: every sample was made."));
  cards.append(failed);
  const versions = Object.entries(TIMING.versions || {});
  if (versions.length) cards.append(card("Versions", null, el("table", {}, el("tbody", {}, ...versions.map(([name, version]) => el("tr", {}, el("td", {}, name), el("td", { class: "num" }, String(version))))))));
}

function workersCard({ workers, efficiency }) {
  const keys = Object.keys(workers[0]).filter((key) => key !== "host");
  const made = card("Workers", el("span", { class: "badge" }, typeof efficiency === "number" ? `${Math.round(efficiency * 100)} % at work` : ""));
  const rows = workers.slice(0, 32).map((worker) => el("tr", {}, ...keys.map((key) => el("td", { class: "num" }, ["pid", "shards"].includes(key) ? String(worker[key]) : duration(worker[key])))));
  made.append(el("div", { class: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, ...keys.map((key) => el("th", { class: "num" }, key)))), el("tbody", {}, ...rows))));
  made.classList.add("full");
  return made;
}

function showConfig() {
  byId("config-text").textContent = DATA.config;
  copies(byId("copy-config"), byId("config-text"));
}

startViewer();
for (const show of [showRun, startSheet, showParameters, showObjects, showMaking, showConfig]) {
  try {
    show();
  } catch (error) { // a run.json that no run wrote: the rest of the page is worth seeing
    console.warn(`${show.name}: ${error.message}`);
  }
}
