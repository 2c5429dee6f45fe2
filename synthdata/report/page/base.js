// What all pages share. Whatever comes from a run is text here: it never becomes HTML or code.

const DATA = JSON.parse(document.getElementById("data").textContent);
const SVG = "http://www.w3.org/2000/svg";

/** The element with an id. */
function byId(id) {
  return document.getElementById(id);
}

/** A new element. Attributes starting with "on" are listeners; children are nodes or text. */
function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** A new SVG element, as `el`. */
function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const whole = new Intl.NumberFormat("en");

/** A number in few digits. */
function short(value) {
  if (typeof value !== "number") return "–";
  if (Number.isInteger(value) && Math.abs(value) < 1e7) return whole.format(value);
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(2).replace("e+", "e");
  return String(Number(value.toPrecision(size >= 100 ? 4 : 3)));
}

/** So many marks, or others with that name. */
function counted(value, name = "mark") {
  return `${short(value)} ${name}${value === 1 ? "" : "s"}`;
}

/** A number of bytes. */
function bytes(value) {
  if (typeof value !== "number") return "–";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value >= 100 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** Seconds, as people say them. */
function duration(seconds) {
  if (typeof seconds !== "number") return "–";
  if (seconds < 0.1) return `${(seconds * 1000).toFixed(1)} ms`;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

/** Light or dark: the system's, until somebody says otherwise. */
function themed(button) {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const label = () => { button.textContent = dark() ? "☀" : "☾"; };
  try {
    if (["light", "dark"].includes(localStorage.getItem("synthdata-theme"))) {
      root.dataset.theme = localStorage.getItem("synthdata-theme");
    }
  } catch { /* pages from disk may have no storage */ }
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    try { localStorage.setItem("synthdata-theme", root.dataset.theme); } catch { /* as above */ }
    label();
    dispatchEvent(new Event("themechange"));
  });
  system.addEventListener("change", () => { label(); dispatchEvent(new Event("themechange")); });
  label();
}

/** The figures at the top of a page, [name, value, kind], and the note below them. */
function showFigures(figures, note) {
  byId("figures").append(...figures.map(([name, value, kind = null]) => el("div", { class: kind }, el("dt", {}, name), el("dd", {}, value))));
  byId("note").textContent = note;
}

/** A button that copies the text of an element. */
function copies(button, source) {
  button.addEventListener("click", async () => {
    const text = source.textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch { // no permission: the old way
      const area = el("textarea", { "aria-hidden": "true" });
      area.value = text;
      button.after(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1200);
  });
}

themed(byId("theme"));
byId("name").textContent = DATA.name;
byId("path").textContent = DATA.path;
