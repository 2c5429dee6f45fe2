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

/** Where bars begin and end: at the bins' edges, but not beyond the least and the greatest value. */
function edgesOf(bins, made, asked) {
  const edges = Array.from({ length: bins.count + 1 }, (_, k) => (bins.first + k) * bins.width);
  if (bins.whole) return edges;
  const parts = [made, asked].filter((part) => part && part.n);
  const high = Math.max(...parts.map((part) => part.max));
  const low = Math.min(...parts.map((part) => part.min));
  const join = (k) => { // two bins become one: a narrow one at an end would stand out for nothing
    for (const shares of [bins.made, bins.asked]) if (shares) shares.splice(k, 2, shares[k] + shares[k + 1]);
    edges.splice(k + 1, 1);
    bins.count -= 1;
  };
  if (bins.count > 2 && high - edges[bins.count - 1] < bins.width / 2) join(bins.count - 2);
  if (bins.count > 2 && edges[1] - low < bins.width / 2) join(0);
  edges[0] = Math.max(edges[0], Math.min(low, edges[1] - bins.width * 0.02));
  edges[bins.count] = Math.min(edges[bins.count], high);
  if (!(edges[bins.count] > edges[bins.count - 1])) edges[bins.count] = edges[bins.count - 1] + bins.width;
  return edges;
}

/** A histogram of numbers, with what was asked for as a line: densities, so that edges are fair. */
function histogram(made, asked) {
  const bins = commonBins(made, asked);
  const edges = edgesOf(bins, made, asked);
  const [W, H] = [300, 96];
  const [low, high] = [edges[0], edges[bins.count]];
  const density = (shares) => shares.map((share, k) => share / (edges[k + 1] - edges[k]));
  const [heights, lines] = [density(bins.made), bins.asked && density(bins.asked)];
  const top = Math.max(...heights, ...(lines || [0])) || 1;
  const x = (value) => ((value - low) / (high - low)) * W;
  const y = (value) => H - (value / top) * (H - 4);
  const chart = svg("svg", { class: "chart", viewBox: `0 0 ${W} ${H}`, role: "img", preserveAspectRatio: "none" });
  chart.setAttribute("aria-label", `Histogram of ${short(made.n)} values from ${short(made.min)} to ${short(made.max)}`);
  const gap = bins.count > 30 ? 0.5 : 1;
  heights.forEach((height, k) => {
    if (!height) return;
    const what = bins.whole ? short(edges[k]) : `${short(edges[k])} to ${short(edges[k + 1])}`;
    const [from, to] = [x(edges[k]), x(edges[k + 1])];
    const bar = svg("rect", { class: "bar", x: from + gap / 2, y: y(height), width: Math.max(to - from - gap, 0.5), height: H - y(height), rx: 1 });
    bar.append(svg("title", {}, `${what}: ${(bins.made[k] * 100).toFixed(1)} %`));
    chart.append(bar);
  });
  chart.append(svg("line", { class: "axis", x1: 0, x2: W, y1: H, y2: H }));
  if (lines) chart.append(svg("path", { class: "line", d: lines.map((height, k) => `${k ? "L" : "M"}${x(edges[k])} ${y(height)}H${x(edges[k + 1])}`).join("") }));
  const last = bins.whole ? high - 1 : high;
  const ticks = [low, ...(bins.count > 2 && !bins.whole ? [(low + high) / 2] : []), ...(last > low ? [last] : [])];
  return el("div", {}, chart, el("div", { class: bins.whole ? "ticks whole" : "ticks" }, ...ticks.map((tick) => el("span", {}, short(tick)))));
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
  const wanted = (name) => { // of too many names some are not told apart
    if (!asked || !asked.names || (asked.crowded && !(name in asked.names))) return null;
    return (asked.names[name] || 0) / asked.n;
  };
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
  if (column.hues) {
    made.append(histogram(column.hues, asked && asked.hues));
    made.append(el("p", { class: "foot" }, `hues in degrees, of ${short(column.hues.n)} colours that are not grey`));
  } else if (column.names) made.append(nameBars(column, asked));
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
