// Histograms and bars. A column is what columns.py writes: numbers in bins of 2^exponent, and names.

const BARS = 44;

/** Counts of two columns' bins brought to common ones, few enough to draw. */
function commonBins(made, asked) {
  const parts = [made, asked].filter((part) => part && part.n && part.bins);
  let exponent = Math.max(...parts.map((part) => part.bins.exponent));
  const span = (k) => {
    const at = (place, part) => Math.floor(place / 2 ** (k - part.bins.exponent));
    const first = Math.min(...parts.map((p) => at(p.bins.first, p)));
    const last = Math.max(...parts.map((p) => at(p.bins.first + p.bins.counts.length - 1, p)));
    return [first, last - first + 1];
  };
  while (span(exponent)[1] > BARS) exponent += 1;
  const [first, count] = span(exponent);
  const shares = (part) => {
    if (!part || !part.n || !part.bins) return null;
    const out = new Array(count).fill(0);
    const total = part.bins.counts.reduce((sum, n) => sum + n, 0) || 1;
    part.bins.counts.forEach((n, k) => {
      out[Math.floor((part.bins.first + k) / 2 ** (exponent - part.bins.exponent)) - first] += n / total;
    });
    return out;
  };
  const width = 2 ** exponent;
  return { first, count, width, whole: made.whole && width === 1, made: shares(made), asked: shares(asked) };
}

/** A histogram of numbers, with what was asked for as a line. */
function histogram(made, asked) {
  const bins = commonBins(made, asked);
  const [W, H] = [300, 96];
  const top = Math.max(...bins.made, ...(bins.asked || [0]), 1e-9);
  const x = (k) => (k * W) / bins.count;
  const y = (share) => H - (share / top) * (H - 4);
  const chart = svg("svg", { class: "chart", viewBox: `0 0 ${W} ${H}`, role: "img", preserveAspectRatio: "none" });
  chart.setAttribute("aria-label", `Histogram of ${short(made.n)} values from ${short(made.min)} to ${short(made.max)}`);
  bins.made.forEach((share, k) => {
    if (!share) return;
    const from = (bins.first + k) * bins.width;
    const what = bins.whole ? short(from) : `${short(from)} to ${short(from + bins.width)}`;
    const gap = bins.count > 30 ? 0.5 : 1;
    const bar = svg("rect", { class: "bar", x: x(k) + gap / 2, y: y(share), width: Math.max(x(1) - gap, 0.5), height: H - y(share), rx: 1 });
    bar.append(svg("title", {}, `${what}: ${(share * 100).toFixed(1)} %`));
    chart.append(bar);
  });
  chart.append(svg("line", { class: "axis", x1: 0, x2: W, y1: H, y2: H }));
  if (bins.asked) {
    const steps = bins.asked.map((share, k) => `${k ? "L" : "M"}${x(k)} ${y(share)}H${x(k + 1)}`);
    chart.append(svg("path", { class: "line", d: steps.join("") }));
  }
  const low = bins.first * bins.width;
  const high = (bins.first + bins.count - (bins.whole ? 1 : 0)) * bins.width;
  const middle = bins.count > 2 ? short((low + high) / 2) : "";
  return el("div", {}, chart, el("div", { class: "ticks" }, el("span", {}, short(low)), el("span", {}, middle), el("span", {}, short(high))));
}

/** A small square of a colour, if the name is one. */
function swatch(name) {
  if (!/^#[0-9a-f]{6}$/.test(name)) return null;
  const square = el("span", { class: "swatch" });
  square.style.background = name;
  return square;
}

/** Bars by name: [name, share, share asked for or null, text]. */
function bars(rows) {
  const top = Math.max(...rows.flatMap(([, share, asked]) => [share, asked || 0]), 1e-9);
  const list = el("div", { class: "rows" });
  for (const [name, share, asked, text] of rows) {
    const track = el("span", { class: "track" });
    const bar = el("span", { class: "fill" });
    bar.style.width = `${(share / top) * 100}%`;
    track.append(bar);
    if (asked !== null && asked !== undefined) {
      const tick = el("span", { class: "tick", title: `asked for: ${(asked * 100).toFixed(1)} %` });
      tick.style.left = `calc(${(asked / top) * 100}% - 1px)`;
      track.append(tick);
    }
    list.append(el("span", { class: "label", title: name }, swatch(name), name), track, el("span", { class: "num" }, text));
  }
  return list;
}

/** Names of a column as bars, the most frequent first. */
function nameBars(made, asked, most = 12) {
  const total = made.n || 1;
  const wanted = (name) => (asked && asked.names ? (asked.names[name] || 0) / asked.n : null);
  const rows = Object.entries(made.names || {}).sort((a, b) => b[1] - a[1]);
  const shown = rows.slice(0, most).map(([name, n]) => [name, n / total, wanted(name), `${((n / total) * 100).toFixed(1)} %`]);
  const rest = rows.slice(most).reduce((sum, [, n]) => sum + n, 0) + (made.other || 0);
  if (rest) shown.push([`${rows.length > most ? "others" : "other"}`, rest / total, null, `${((rest / total) * 100).toFixed(1)} %`]);
  return bars(shown);
}

/** A card with a title. */
function card(title, badge, ...children) {
  return el("article", { class: "card" }, el("header", {}, el("h3", {}, title), badge || ""), ...children);
}

/** The one value of a column that has no other; undefined if there are several. */
function onlyValue(column) {
  const names = Object.keys(column.names || {});
  if (column.numbers && !names.length && !column.other && column.numbers.min === column.numbers.max) return short(column.numbers.min);
  if (!column.numbers && names.length === 1 && !column.other) return names[0];
  return undefined;
}

/** The card of a parameter: its histogram, its names, how far it is from what was asked for. */
function parameterCard(name, column) {
  const asked = column.asked;
  let badge = el("span", { class: "badge" }, "nothing to compare with");
  if (asked) {
    const words = `${asked.agrees ? "" : "differs · "}distance ${asked.distance.toFixed(3)}`;
    badge = el("span", { class: asked.agrees ? "badge" : "badge off", title: `equal distributions stay below ${asked.noise.toFixed(3)}` }, words);
  }
  const made = card(name, badge);
  if (column.numbers) {
    made.append(histogram(column.numbers, asked && asked.numbers));
    const { mean, std, quantiles } = column.numbers;
    made.append(el("p", { class: "foot" }, `mean ${short(mean)} · std ${short(std)} · median ${short(quantiles["0.5"])} · n ${short(column.numbers.n)}`));
  }
  if (column.names) made.append(nameBars(column, asked));
  return made;
}

/** A heat map of rows of numbers on a canvas. */
function heatMap(rows, aspect) {
  const canvas = el("canvas", { class: "heat", role: "img", "aria-label": "Heat map: how many boxes lie over each place", width: rows[0].length, height: rows.length });
  canvas.style.aspectRatio = String(aspect);
  const top = Math.max(...rows.flat(), 1e-9);
  const draw = () => {
    const ink = getComputedStyle(document.documentElement).getPropertyValue("--heat");
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    rows.forEach((row, y) => row.forEach((value, x) => {
      context.fillStyle = `rgba(${ink}, ${value / top})`;
      context.fillRect(x, y, 1, 1);
    }));
  };
  draw();
  addEventListener("themechange", draw);
  return canvas;
}
