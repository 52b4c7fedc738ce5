// Tables: one unit per family of columns, headings that sort, and the numbers as plain CSV.
(function (desk) {
  "use strict";
  var element = desk.element;

  function isNumber(column) { return column.kind !== "text" && column.kind !== "time"; }

  // One divisor and unit per unit of the columns, whatever their number.
  function families(columns, rows) {
    var found = {};
    columns.forEach(function (column, at) {
      if (column.kind !== "number") { return; }
      var key = column.unit || "";
      found[key] = found[key] || { values: [] };
      rows.forEach(function (row) { found[key].values.push(row[at]); });
    });
    Object.keys(found).forEach(function (key) {
      var family = found[key];
      Object.assign(family, desk.unit(family.values, key));
      family.digits = family.values.every(Number.isInteger) && family.divisor === 1
        ? 0 : desk.digits(family.values, family.divisor);
    });
    return found;
  }
  function shown(value, column, family) {
    if (value === null || value === undefined) { return ""; }
    switch (column.kind) {
      case "number": return desk.number(value / family.divisor, family.digits);
      case "price": return desk.price(value);
      case "strike": return desk.strike(value);
      case "percent": return desk.percent(value, column.digits, column.signed);
      default: return String(value);
    }
  }
  function quoted(value) {
    var text = value === null || value === undefined ? "" : String(value);
    // A text that a spreadsheet would run as a formula is kept a text.
    if (typeof value === "string" && /^[=+\-@\t\r]/.test(text)) { text = "'" + text; }
    return /[",\n\r]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
  }
  // Plain CSV with full numbers, in the units of the model.
  desk.csv = function (spec) {
    var head = spec.columns.map(function (column) {
      return column.name + (column.unit ? " [" + column.unit + "]" : "");
    });
    return [head].concat(spec.rows).map(function (row) { return row.map(quoted).join(","); }).join("\n") + "\n";
  };
  // Hands the reader a file.
  desk.save = function (name, content, type) {
    var address = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type: type }));
    element("a", { href: address, download: name }).click();
    setTimeout(function () { URL.revokeObjectURL(address); }, 10000);
  };
  // Copies a text, and says so on the button.
  desk.copy = function (text, button) {
    function told(word) {
      var before = button.textContent;
      button.textContent = word;
      desk.say(word);
      setTimeout(function () { button.textContent = before; }, 1500);
    }
    function byHand() {
      var area = element("textarea", { readonly: true, class: "away" });
      area.value = text;
      document.body.append(area);
      area.select();
      var done = document.execCommand("copy");
      area.remove();
      button.focus();
      told(done ? "Copied" : "Cannot copy");
    }
    if (!navigator.clipboard) { byHand(); return; }
    navigator.clipboard.writeText(text).then(function () { told("Copied"); }, byHand);
  };
  // Says a text to screen readers.
  desk.say = function (text) {
    var live = document.getElementById("live");
    if (live) { live.textContent = text; }
  };

  function sort(table, rows, column, head) {
    var up = head.getAttribute("aria-sort") === "descending", body = table.tBodies[0];
    Array.from(head.parentNode.cells).forEach(function (other) { other.removeAttribute("aria-sort"); });
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    var lines = Array.from(body.rows);
    lines.sort(function (a, b) {
      var x = rows[a.dataset.row][column], y = rows[b.dataset.row][column];
      if (x === null || y === null) { return (x === null) - (y === null); }
      return (x < y ? -1 : x > y ? 1 : 0) * (up ? 1 : -1);
    });
    lines.forEach(function (line) { body.append(line); });
  }

  // Draws a table. columns: {name, unit, kind: "number" | "price" | "strike" | "percent" | "text" | "time"}; rows: lists
  // of plain values in the units named; caption; csv: name of the file; at: the row to open at, marked.
  desk.table = function (place, spec) {
    var columns = spec.columns, rows = spec.rows, found = families(columns, rows);
    var head = element("tr"), body = element("tbody");
    var table = element("table", {}, spec.caption ? element("caption", { text: spec.caption }) : null,
      element("thead", {}, head), body);
    columns.forEach(function (column, at) {
      var family = column.kind === "number" ? found[column.unit || ""] : null;
      var unit = family ? family.unit : column.kind === "percent" ? column.unit || "" : column.unit || "";
      var button = element("button", { type: "button", text: column.name });
      if (unit) { button.append(" ", element("span", { class: "unit", text: "[" + unit + "]" })); }
      var cell = element("th", { scope: "col", class: isNumber(column) ? "n" : null }, button);
      button.addEventListener("click", function () { sort(table, rows, at, cell); });
      head.append(cell);
    });
    rows.forEach(function (row, i) {
      var line = element("tr", { "data-row": String(i), class: i === spec.at ? "at" : null });
      columns.forEach(function (column, at) {
        var text = shown(row[at], column, column.kind === "number" ? found[column.unit || ""] : null);
        line.append(element(at ? "td" : "th", {
          scope: at ? null : "row", class: isNumber(column) ? "n" : null, text: text
        }));
      });
      body.append(line);
    });
    var scroll = element("div", {
      class: "scroll", tabindex: "0", role: "region", "aria-label": spec.caption || spec.csv || "table"
    }, table);
    if (spec.csv) {
      place.append(element("p", { class: "tools" },
        element("button", { type: "button", text: "Copy CSV", click: function (e) { desk.copy(desk.csv(spec), e.target); } }),
        element("button", { type: "button", text: "CSV file", click: function () { desk.save(spec.csv, desk.csv(spec), "text/csv"); } })
      ));
    }
    place.append(scroll);
    if (spec.at !== undefined && spec.at !== null && body.rows[spec.at]) { desk.openAt(scroll, body.rows[spec.at]); }
    return table;
  };
  // Scrolls a table to a row, now or when the element that hides it is opened.
  desk.openAt = function (scroll, line) {
    function go() { scroll.scrollTop = line.offsetTop - scroll.clientHeight / 2; }
    requestAnimationFrame(go);
    var hidden = scroll.closest("details:not([open])");
    if (hidden) { hidden.addEventListener("toggle", function () { requestAnimationFrame(go); }, { once: true }); }
  };
})(window.desk);
