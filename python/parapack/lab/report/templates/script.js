"use strict";
// What the page cannot do without: nothing. Filters, sorting, the colour scheme, a download that is unpacked.
(() => {
  const root = document.documentElement;
  root.classList.add("script");

  // The colour scheme; kept where the browser lets a page from disk keep anything.
  const scheme = document.getElementById("scheme");
  const stored = (value) => {
    try {
      if (value !== undefined) localStorage.setItem("parapack-lab-scheme", value);
      return localStorage.getItem("parapack-lab-scheme") || "";
    } catch {
      return value || "";
    }
  };
  const wear = (value) => {
    if (value === "light" || value === "dark") root.dataset.scheme = value;
    else delete root.dataset.scheme;
  };
  scheme.value = stored();
  wear(scheme.value);
  scheme.addEventListener("change", () => wear(stored(scheme.value)));

  // Rows that a search box and its lists let through.
  const rowsOf = (table) => [...table.tBodies].flatMap((body) => [...body.rows]).filter((row) => !row.classList.contains("group"));
  const fits = (row, words, column, state) => {
    const text = row.textContent.toLowerCase();
    if (!words.every((word) => text.includes(word))) return false;
    if (!state) return true;
    const cells = column === "" ? [...row.cells].slice(1) : [row.cells[Number(column) + 1]];
    return cells.some((cell) => cell.dataset.state === state);
  };
  for (const box of document.querySelectorAll("[data-search]")) {
    const table = document.querySelector(`[data-searched="${box.dataset.search}"]`);
    const value = (selector) => box.querySelector(selector)?.value ?? "";
    const filter = () => {
      const words = value("input").toLowerCase().split(/\s+/).filter(Boolean);
      const rows = rowsOf(table);
      for (const row of rows) row.hidden = !fits(row, words, value("[data-filter=column]"), value("[data-filter=state]"));
      const shown = rows.filter((row) => !row.hidden).length;
      box.querySelector(".shown").textContent = shown === rows.length ? `${shown} rows` : `${shown} of ${rows.length} rows`;
    };
    for (const event of ["input", "change"]) box.addEventListener(event, filter);
  }

  // Sorting by a column: figures by value, everything else as text; what has no figure comes last.
  const scales = { ns: 1e-9, us: 1e-6, "\u00b5s": 1e-6, ms: 1e-3, "k/s": 1e3, "M/s": 1e6, "G/s": 1e9, k: 1e3, M: 1e6, G: 1e9, T: 1e12, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };
  const key = (cell) => {
    const found = /^\(?(-?[\d,]*\.?\d+(?:e[-+]?\d+)?)\s*([^\s[()]*)/.exec(cell?.textContent.trim() ?? "");
    return found && Number(found[1].replaceAll(",", "")) * (scales[found[2]] ?? 1);
  };
  const compare = (first, second, down) => {
    const [a, b] = [key(first), key(second)];
    if (a !== null && b !== null) return down ? b - a : a - b;
    if (a !== null || b !== null) return a === null ? 1 : -1;
    const order = (first?.textContent ?? "").localeCompare(second?.textContent ?? "", "en", { numeric: true });
    return down ? -order : order;
  };
  const sort = (table, header, index) => {
    const down = header.ariaSort === "ascending";
    for (const other of header.parentElement.cells) other.removeAttribute("aria-sort");
    header.ariaSort = down ? "descending" : "ascending";
    for (const body of table.tBodies) {
      const rows = [...body.rows].sort((first, second) => compare(first.cells[index], second.cells[index], down));
      body.append(...rows);
    }
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((header, index) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...header.childNodes);
      header.append(button);
      button.addEventListener("click", () => sort(table, header, index));
    });
  }

  // The raw data lie compressed in the page; a browser that can unpack them saves plain JSON.
  const unpacked = async (url) => {
    const bytes = Uint8Array.from(atob(url.slice(url.indexOf(",") + 1)), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Blob([await new Response(stream).arrayBuffer()], { type: "application/json" });
  };
  for (const link of document.querySelectorAll("a.download")) {
    if (!link.download.endsWith(".gz") || !("DecompressionStream" in window)) continue;
    link.addEventListener("click", async (event) => {
      event.preventDefault();
      const address = URL.createObjectURL(await unpacked(link.href));
      const plain = document.createElement("a");
      plain.href = address;
      plain.download = link.download.slice(0, -3);
      plain.click();
      setTimeout(() => URL.revokeObjectURL(address), 60000);
    });
    link.textContent = link.textContent.replace(/\.gz$/, "");
  }

  // A link to something inside a folded part unfolds it; paper shows everything.
  const unfold = (element) => {
    for (let at = element; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  };
  addEventListener("hashchange", () => unfold(document.getElementById(decodeURIComponent(location.hash.slice(1)))));
  const folded = [];
  addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("details:not([open])")) {
      part.open = true;
      folded.push(part);
    }
  });
  addEventListener("afterprint", () => {
    for (const part of folded.splice(0)) part.open = false;
  });
})();
