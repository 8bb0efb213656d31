"use strict";
(() => {
  const page = document.documentElement;
  const scheme = document.getElementById("scheme");
  const isDark = () =>
    page.dataset.scheme
      ? page.dataset.scheme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
  const nameScheme = () => { scheme.textContent = isDark() ? "Light" : "Dark"; };
  scheme.addEventListener("click", () => {
    page.dataset.scheme = isDark() ? "light" : "dark";
    nameScheme();
  });
  nameScheme();
  scheme.hidden = false;

  for (const table of document.querySelectorAll("table")) {
    const groups = [...table.tBodies];
    const shown = table.dataset.keep ? Infinity : Number(table.dataset.shown);
    let all = false;
    let wanted = "";
    const more = document.createElement("button");
    const search = document.createElement("input");

    const matches = (group) =>
      [...group.querySelectorAll("th.name")].some((cell) =>
        cell.textContent.toLowerCase().includes(wanted));
    const update = () => {
      const found = [...table.tBodies].filter((group) => {
        const match = !wanted || matches(group);
        group.hidden = !match;
        return match;
      });
      if (!all && !wanted) {
        for (const group of found.slice(shown)) group.hidden = true;
      }
      more.hidden = wanted !== "" || found.length <= shown;
      more.textContent = all ? "Show fewer" : `Show all ${found.length}`;
    };

    if (groups.length > 1) {
      for (const [column, head] of [...table.tHead.rows[0].cells].entries()) {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = head.textContent;
        head.textContent = "";
        head.append(button);
        button.addEventListener("click", () => {
          const byName = column === 0;
          const down = head.ariaSort ? head.ariaSort !== "descending" : !byName;
          for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
          head.setAttribute("aria-sort", down ? "descending" : "ascending");
          const key = (group) => {
            const cell = group.rows[0].cells[column];
            return byName ? cell.textContent : Number(cell.dataset.value);
          };
          const compare = (a, b) => byName ? key(a).localeCompare(key(b)) : key(a) - key(b);
          const sorted = [...table.tBodies].sort((a, b) => down ? compare(b, a) : compare(a, b));
          table.append(...sorted);
          update();
        });
      }
    }
    if (groups.length > shown) {
      const tools = document.createElement("div");
      tools.className = "tools";
      search.type = "search";
      search.placeholder = "Search";
      search.setAttribute("aria-label", "Search this table");
      search.addEventListener("input", () => {
        wanted = search.value.trim().toLowerCase();
        update();
      });
      more.type = "button";
      more.addEventListener("click", () => { all = !all; update(); });
      tools.append(search, more);
      table.parentElement.before(tools);
      update();
    }
  }
})();
