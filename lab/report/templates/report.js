"use strict";
(() => {
  // All rows are in the page already; this script only hides rows and opens tables.
  const tables = [...document.querySelectorAll("table.rows")].map((table) => {
    const heads = [...table.tHead.rows[0].cells].map((head) => head.textContent);
    return {
      table, heads, rows: [...table.tBodies[0].rows], scenario: table.dataset.scenario || null,
      at: { target: heads.findIndex((head) => /^targets?$/.test(head)), scenario: heads.indexOf("scenario") },
      fold: table.closest("details.folded"),
    };
  });
  const text = (row, column) => row.cells[column].textContent.trim();
  const form = document.getElementById("filters");
  const chosen = { target: document.getElementById("filter-target"), scenario: document.getElementById("filter-scenario") };

  function matches(found, row, target, scenario) {
    const here = found.at.target >= 0 ? text(row, found.at.target).split(", ") : null;
    const what = found.at.scenario >= 0 ? text(row, found.at.scenario) : found.scenario;
    return !(target && here && !here.includes(target) && text(row, found.at.target) !== target)
      && !(scenario && what && what !== scenario);
  }

  function filter() {
    const target = chosen.target.value, scenario = chosen.scenario.value;
    let shown = 0, all = 0;
    for (const found of tables) {
      let here = 0;
      for (const row of found.rows) {
        row.hidden = !matches(found, row, target, scenario);
        here += !row.hidden;
      }
      shown += here;
      all += found.rows.length;
      if (!found.fold) continue;
      found.fold.hidden = here === 0;
      const count = found.fold.querySelector(".count");
      if (count) count.textContent = here === found.rows.length ? `${here} rows` : `${here} of ${found.rows.length} rows`;
    }
    for (const figure of document.querySelectorAll("figure[data-scenario]")) {
      figure.hidden = Boolean(scenario) && figure.dataset.scenario !== scenario;
    }
    document.getElementById("filter-count").textContent =
      target || scenario ? `${shown} of ${all} rows${scenario ? ", and the figures of the scenario" : ""}` : "";
  }

  form.hidden = false;
  form.addEventListener("change", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));

  // A link to a row opens the folded tables that contain it.
  function reveal() {
    const wanted = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!wanted) return;
    for (let fold = wanted.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    wanted.scrollIntoView();
  }
  addEventListener("hashchange", reveal);
  reveal();
})();
