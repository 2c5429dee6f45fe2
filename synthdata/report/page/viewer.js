// One sample in full size, with layers to switch.

const viewer = {
  dialog: byId("viewer"),
  list: [], // the samples that the arrows walk through
  at: 0,
  on: new Set(["boxes"]),
  only: null, // the id of a chosen mark
  sample: null,
  picture: null,
  grow: async () => false, // fetch more samples, if there are more

  open(list, at) {
    this.list = list;
    if (!this.dialog.open) {
      this.dialog.showModal();
      this.dialog.focus();
    }
    this.go(at);
  },

  async go(at) {
    if (at >= this.list.length && !(await this.grow())) return;
    if (at < 0 || at >= this.list.length) return;
    this.at = at;
    this.only = null;
    const sample = this.list[at];
    this.sample = sample;
    this.picture = null;
    byId("viewer-title").textContent = `Sample ${whole.format(sample.index)}`;
    byId("previous").disabled = at === 0;
    byId("command").textContent = commandOf(sample.index);
    this.panels(sample);
    this.buttons();
    this.draw();
    if (sample.failure) return;
    const [picture, mask] = await Promise.all([loaded(sample.src), sample.maskSrc ? loaded(sample.maskSrc) : null]);
    if (this.sample !== sample) return; // somebody was faster
    this.picture = picture;
    sample.mask = mask;
    this.buttons();
    this.draw();
  },

  panels(sample) {
    const { failure } = sample;
    byId("trace").hidden = !failure;
    byId("trace").textContent = failure ? `${failure.cause}\n\n${failure.traceback || ""}` : "";
    byId("record").textContent = failure ? JSON.stringify(failure, null, 1) : JSON.stringify(sample.record, null, 1);
    byId("words").textContent = failure ? "This sample could not be made." : describe(sample.record) + (sample.preview ? " · shown as JPEG to keep this page small" : "");
    byId("marks").replaceChildren(...(failure ? [] : [marksTable(sample.record)]));
  },

  buttons() {
    const rows = LAYERS.map((layer, k) => {
      const there = !this.sample.failure && has(layer, this.sample);
      const button = el("button", {
        type: "button", "data-layer": layer.name, "aria-pressed": String(there && this.on.has(layer.name)), disabled: !there,
        title: there ? `${layer.title} (${k + 1})` : `${layer.title}: not in this run's records`,
        onclick: () => this.toggle(layer.name),
      }, layer.title, el("kbd", {}, String(k + 1)));
      return button;
    });
    byId("layers").replaceChildren(...rows);
  },

  toggle(name) {
    if (this.on.has(name)) this.on.delete(name);
    else this.on.add(name);
    const focused = document.activeElement && document.activeElement.dataset.layer;
    this.buttons();
    if (focused) byId("layers").querySelector(`[data-layer="${focused}"]`).focus();
    this.draw();
  },

  choose(id) {
    this.only = this.only === id ? null : id;
    for (const row of byId("marks").querySelectorAll("tr[data-id]")) row.setAttribute("aria-selected", String(Number(row.dataset.id) === this.only));
    this.draw();
  },

  /** Lay both canvases over each other, as large as fits, and draw them. */
  draw() {
    const [picture, overlay, frame] = [byId("picture"), byId("overlay"), byId("frame")];
    picture.hidden = overlay.hidden = !this.picture;
    if (!this.picture) return;
    const { record } = this.sample;
    const [w, h] = [this.picture.naturalWidth, this.picture.naturalHeight];
    const most = Math.max(8, 200 / Math.max(w, h)); // a picture of a few pixels is to be seen, too
    const scale = Math.max(Math.min((frame.clientWidth - 24) / w, (frame.clientHeight - 24) / h, most), 0.01);
    const ratio = devicePixelRatio || 1;
    const [left, top] = [(frame.clientWidth - w * scale) / 2, (frame.clientHeight - h * scale) / 2];
    for (const canvas of [picture, overlay]) {
      Object.assign(canvas.style, { width: `${w * scale}px`, height: `${h * scale}px`, left: `${left}px`, top: `${top}px` });
    }
    picture.classList.toggle("pixels", scale >= 2);
    Object.assign(picture, { width: w, height: h });
    picture.getContext("2d").drawImage(this.picture, 0, 0);
    Object.assign(overlay, { width: Math.round(w * scale * ratio), height: Math.round(h * scale * ratio) });
    const context = overlay.getContext("2d");
    for (const layer of [...LAYERS].sort((a, b) => (b.name === "masks") - (a.name === "masks"))) {
      if (!this.on.has(layer.name) || !has(layer, this.sample)) continue;
      context.save();
      context.scale(overlay.width / w, overlay.height / h);
      try {
        layer.draw(context, this.sample, scale, this.only);
      } catch (error) { // a record that no label wrote
        console.warn(`layer ${layer.name}: ${error.message}`);
      }
      context.restore();
    }
    picture.setAttribute("aria-label", `Sample ${this.sample.index}, ${record.width} by ${record.height} pixels`);
  },

  keys(event) {
    if (!this.dialog.open || event.ctrlKey || event.metaKey || event.altKey) return;
    const layer = LAYERS[Number(event.key) - 1];
    if (event.key === "ArrowRight") this.go(this.at + 1);
    else if (event.key === "ArrowLeft") this.go(this.at - 1);
    else if (layer && has(layer, this.sample)) this.toggle(layer.name);
    else return;
    event.preventDefault();
  },
};

function has(layer, sample) {
  try { return layer.has(sample); } catch { return false; }
}

function loaded(source) {
  return new Promise((resolve) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = () => resolve(null);
    image.src = source;
  });
}

function quoted(text) {
  return /^[\w./@%+,-]+$/.test(text) && !text.startsWith("-") ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** The command that makes a sample again. */
function commandOf(index) {
  const plugins = DATA.plugins.length ? ` ${quoted(`plugins=[${DATA.plugins.join(",")}]`)}` : "";
  const path = /^-|=/.test(DATA.path) ? `./${DATA.path}` : DATA.path;
  return `python -m synthdata remake ${quoted(path)} ${index}${plugins}`;
}

function describe(record) {
  const parts = [`${record.width} × ${record.height}`, `background ${record.background}`];
  if (record.marks) parts.unshift(counted(record.marks.length));
  if (record.effects) parts.push(Object.keys(record.effects).join(", "));
  if (record.caption) parts.push(`“${record.caption}”`);
  return parts.join(" · ");
}

function marksTable(record) {
  if (!record.marks) return el("p", { class: "muted" }, "The run has no label marks.");
  const seen = new Map((record.visibility || []).map((row) => [row.id, row.visible]));
  const rows = record.marks.map((mark) => {
    const size = mark.bbox ? `${short(Math.round(mark.bbox[2]))} × ${short(Math.round(mark.bbox[3]))}` : "off";
    const params = mark.params || {};
    const color = params.fill || params.color;
    const share = seen.get(mark.id);
    return el("tr", {
      "data-id": mark.id, tabindex: 0, "aria-selected": "false",
      onclick: () => viewer.choose(mark.id),
      onkeydown: (event) => { if (event.key === "Enter") viewer.choose(mark.id); },
    }, el("td", { class: "num" }, String(mark.id)), el("td", {}, String(mark.category)),
    el("td", {}, typeof color === "string" ? swatch(color) || "" : ""), el("td", { class: "num" }, size),
    el("td", { class: "num" }, typeof share === "number" ? `${Math.round(share * 100)} %` : ""));
  });
  const head = el("tr", {}, ...["id", "category", "", "size", seen.size ? "seen" : ""].map((name) => el("th", {}, name)));
  return el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows));
}

function startViewer() {
  byId("previous").addEventListener("click", () => viewer.go(viewer.at - 1));
  byId("next").addEventListener("click", () => viewer.go(viewer.at + 1));
  byId("close").addEventListener("click", () => viewer.dialog.close());
  viewer.dialog.addEventListener("click", (event) => { if (event.target === viewer.dialog) viewer.dialog.close(); });
  addEventListener("keydown", (event) => viewer.keys(event));
  addEventListener("resize", () => { if (viewer.dialog.open) viewer.draw(); });
  copies(byId("copy-command"), byId("command"));
  copies(byId("copy-record"), byId("record"));
}
