// Tables whose rows are put in order by the column that is pressed.

/** Which of two values comes first: numbers by size, text as people sort it, nothing at the end. */
function compare(x, y, down) {
  const empty = (value) => value === undefined || value === null || value === "" || Number.isNaN(value);
  if (empty(x) || empty(y)) return empty(x) - empty(y);
  const order = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y), "en", { numeric: true });
  return down ? -order : order;
}

/**
 * Fill a table. A column has a `title`, a `cell(row, k)` and, where rows can be sorted by it, a
 * `value(row, k)`; `number` columns are set to the right. `by` is the column that is sorted by first.
 */
function sortable(table, all, columns, by = null) {
  let down = false;
  const draw = () => {
    const rows = all.map((row, k) => [row, k]);
    if (by !== null) rows.sort((a, b) => compare(columns[by].value(...a), columns[by].value(...b), down));
    const heads = columns.map((column, k) => {
      const arrow = by === k ? (down ? " ↓" : " ↑") : "";
      const press = () => { down = by === k && !down; by = k; draw(); };
      const title = column.value ? el("button", { type: "button", onclick: press }, column.title + arrow) : column.title;
      return el("th", { class: column.number ? "num" : null, scope: "col", "aria-sort": by === k ? (down ? "descending" : "ascending") : null }, title);
    });
    const cells = (row) => el("tr", {}, ...columns.map((column) => el("td", { class: column.number ? "num" : null }, column.cell(...row))));
    table.replaceChildren(el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...rows.map(cells)));
  };
  draw();
}
