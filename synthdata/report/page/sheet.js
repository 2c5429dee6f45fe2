// The contact sheet and its filters: of samples in the page, or of those that a server sends.

/** A sample as the page has it. Its record is read when it is first wanted. */
class Sample {
  constructor({ record, images, index, failure, preview }) {
    this.text = record;
    this.failure = failure || null;
    this.index = failure ? failure.index : index;
    this.preview = Boolean(preview); // the picture is JPEG, though the file may be lossless
    this.src = images && images[""];
    this.maskSrc = images && images.mask;
    if (record !== undefined && this.index === undefined) this.index = this.record.index;
  }

  get record() {
    this.read = this.read || JSON.parse(this.text);
    return this.read;
  }

  get marks() {
    return this.failure ? [] : this.record.marks || [];
  }
}

const sheet = {
  samples: DATA.samples.map((sample) => new Sample(sample)),
  failures: DATA.failures.map((failure) => new Sample({ failure })),
  list: [],
  cursor: 0,
  done: !DATA.served,
  query: 0, // counts filters: answers to an older one are not wanted any more
  filter: { categories: new Set(), least: null, most: null, small: null, large: null, state: "all" },

  matches(sample) {
    const { categories, least, most, small, large } = this.filter;
    const { marks } = sample;
    if (sample.failure) return true;
    const chosen = categories.size ? marks.filter((mark) => categories.has(mark.category)) : marks;
    if (categories.size && !chosen.length) return false;
    if ((least !== null && chosen.length < least) || (most !== null && chosen.length > most)) return false;
    if (small === null && large === null) return true;
    return chosen.some(({ bbox }) => {
      const side = bbox ? Math.sqrt(bbox[2] * bbox[3]) : null;
      return side !== null && (small === null || side >= small) && (large === null || side <= large);
    });
  },

  async refresh() {
    this.query += 1;
    const { state } = this.filter;
    const made = state === "failed" || DATA.served ? [] : this.samples.filter((sample) => this.matches(sample));
    this.list = [...made, ...(state === "made" ? [] : this.failures)];
    this.cursor = 0;
    this.done = !DATA.served || state === "failed";
    byId("sheet").replaceChildren(...this.list.map((sample, k) => this.tile(sample, k)));
    if (!this.done) await this.more();
    this.say();
  },

  /** Fetch the next samples that match; whether there were any. */
  async more() {
    if (this.done || this.busy === this.query) return false;
    const query = this.query;
    this.busy = query;
    const { categories, least, most, small, large } = this.filter;
    const parameters = new URLSearchParams({ after: this.cursor });
    for (const category of categories) parameters.append("category", category);
    for (const [name, value] of Object.entries({ least, most, small, large })) if (value !== null) parameters.set(name, value);
    let answer = { samples: [], next: null };
    try {
      const response = await fetch(`samples?${parameters}`);
      if (response.ok) answer = await response.json();
      else byId("shown").textContent = (await response.text()).trim();
    } catch {
      byId("shown").textContent = "The server does not answer any more.";
    }
    this.busy = null;
    if (query !== this.query) return false;
    const found = answer.samples.map((sample) => new Sample(sample));
    byId("sheet").append(...found.map((sample, k) => this.tile(sample, this.list.length + k)));
    this.list.push(...found);
    this.cursor = answer.next;
    this.done = answer.next === null;
    this.say();
    return found.length > 0;
  },

  say() {
    const made = DATA.stats.run.made;
    const shown = this.list.length;
    const all = DATA.served ? made : this.samples.length + this.failures.length;
    const words = DATA.served ? `${short(shown)} shown of ${short(made)} in the run` : `${short(shown)} of ${counted(all, "sample")} in this page, ${short(made)} in the run`;
    byId("shown").textContent = this.list.length || !this.done ? words : `No sample matches; ${words}`;
    byId("more").hidden = this.done;
  },

  tile(sample, place) {
    const { failure, marks } = sample;
    const content = failure
      ? el("span", { class: "failed" }, String(failure.cause))
      : el("img", { src: sample.src, alt: "", loading: "lazy", decoding: "async" });
    const count = failure ? "failed" : counted(marks.length);
    const button = el("button", {
      class: "tile", type: "button", "data-index": sample.index,
      "aria-label": `Sample ${sample.index}, ${count}`, onclick: () => viewer.open(this.list, place),
    }, content, el("span", { class: "caption" }, el("b", {}, whole.format(sample.index)), el("span", { class: "more" }, count)));
    return el("li", {}, button);
  },

  /** Arrows move between tiles. */
  keys(event) {
    const tiles = [...byId("sheet").querySelectorAll(".tile")];
    const at = tiles.indexOf(document.activeElement);
    if (at < 0 || viewer.dialog.open) return;
    const top = tiles[0].getBoundingClientRect().top;
    const row = Math.max(tiles.findIndex((tile) => tile.getBoundingClientRect().top > top), 1);
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: row, ArrowUp: -row }[event.key];
    if (!step || !tiles[at + step]) return;
    tiles[at + step].focus();
    event.preventDefault();
  },

  controls() {
    const { filter } = this;
    const number = (key, name) => el("input", {
      type: "number", min: 0, inputmode: "numeric", "aria-label": name, id: `filter-${key}`,
      oninput: (event) => { filter[key] = event.target.value === "" ? null : Number(event.target.value); this.refresh(); },
    });
    const chips = Object.keys(DATA.stats.categories).slice(0, 30).map((category) => el("button", {
      type: "button", "aria-pressed": "false", "data-category": category,
      onclick: (event) => {
        const pressed = !filter.categories.delete(category);
        if (pressed) filter.categories.add(category);
        event.currentTarget.setAttribute("aria-pressed", String(pressed));
        this.refresh();
      },
    }, category));
    const states = el("select", { id: "filter-state", onchange: (event) => { filter.state = event.target.value; this.refresh(); } },
      ...[["all", "all"], ["made", "made"], ["failed", "failed"]].map(([value, text]) => el("option", { value }, text)));
    byId("filters").append(
      el("div", { class: "chips", role: "group", "aria-label": "Categories" }, ...chips),
      el("span", { class: "pair" }, "marks", number("least", "Fewest marks"), "to", number("most", "Most marks")),
      el("span", { class: "pair" }, "size", number("small", "Smallest side in pixels"), "to", number("large", "Largest side in pixels"), "px"),
      el("label", {}, "samples", states),
    );
    byId("filters").addEventListener("submit", (event) => event.preventDefault());
  },
};

function startSheet() {
  sheet.controls();
  byId("more").addEventListener("click", () => sheet.more());
  addEventListener("keydown", (event) => sheet.keys(event));
  viewer.grow = () => sheet.more();
  sheet.refresh();
}
