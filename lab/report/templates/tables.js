"use strict";
(() => {
  // A click on a column's head sorts the table: by number where the cells have one, else by text.
  const order = new Intl.Collator("en", { numeric: true });

  function sortBy(table, rows, column, head) {
    const falling = head.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", falling ? "descending" : "ascending");
    const keyed = rows.map((row) => {
      const cell = row.cells[column];
      return { row, number: cell.dataset.order, text: cell.textContent.trim() };
    });
    const numeric = keyed.some((item) => item.number !== undefined);
    const sign = falling ? -1 : 1;
    keyed.sort((a, b) => {
      const left = numeric ? a.number : a.text || undefined, right = numeric ? b.number : b.text || undefined;
      if (left === undefined || right === undefined) return (left === undefined) - (right === undefined); // empty cells last
      return sign * (numeric ? left - right : order.compare(left, right));
    });
    table.tBodies[0].append(...keyed.map((item) => item.row));
  }

  for (const table of document.querySelectorAll("table.rows")) {
    const rows = [...table.tBodies[0].rows];
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      button.title = "Sort by this column";
      button.addEventListener("click", () => sortBy(table, rows, column, head));
      head.replaceChildren(button);
    });
  }
})();
