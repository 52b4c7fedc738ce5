// The right rail: key levels from high to low, and the hedge ladder.
(function (desk) {
  "use strict";
  var element = desk.element, FAR = 12;

  function cell(text, number, extra) {
    return element("td", { class: (number ? "n" : "") + (extra ? " " + extra : ""), text: text });
  }
  function head(names) {
    var row = element("tr");
    names.forEach(function (name, i) { row.append(element("th", { scope: "col", class: i ? "n" : null, text: name })); });
    return element("thead", {}, row);
  }
  function price(level, x) { return level.kind === "wall" || level.kind === "pain" ? desk.strike(x) : desk.price(x); }
  // Beyond FAR, that it is: the number of sigmas says nothing there.
  function sigmas(x) {
    if (x !== null && Math.abs(x) > FAR) { return x > 0 ? "> +" + FAR + "\u03c3" : "< -" + FAR + "\u03c3"; }
    return x === null || x === undefined ? "" : (x > 0 && x.toFixed(1) !== "0.0" ? "+" : "") + desk.number(x, 1) + "\u03c3";
  }

  function box(title, id, note, table, spec) {
    var button = element("button", {
      type: "button", text: "Copy", "aria-label": "Copy as CSV: " + title,
      click: function (e) { desk.copy(desk.csv(spec), e.currentTarget); }
    });
    return element("section", { class: "section", id: id, "aria-label": title },
      element("div", { class: "titled" }, element("h2", { text: title }), element("span", { class: "tools" }, button)),
      note ? element("p", { class: "note", text: note }) : null, table);
  }

  // Levels of one name and value, with one previous value, in one row.
  function joined(levels) {
    var rows = [];
    levels.forEach(function (level) {
      var row = rows.find(function (same) {
        return same[0].name === level.name && same[0].value === level.value && same[0].kind === "wall";
      });
      if (row) { row.push(level); } else { rows.push([level]); }
    });
    rows.forEach(function (row) {
      var known = row.find(function (level) { return level.previous !== null && level.previous !== undefined; });
      if (known && row.indexOf(known) > 0) { row.unshift(row.splice(row.indexOf(known), 1)[0]); }
    });
    return rows;
  }

  function levels(view) {
    var previous = view.levels.some(function (level) { return level.previous !== null && level.previous !== undefined; });
    var body = element("tbody"), currency = desk.model.currency;
    joined(view.levels).forEach(function (same) {
      var level = same[0], name = element("th", { scope: "row" }, level.name);
      var sense = desk.senses(same.map(function (one) { return one.sense; }));
      var said = [sense, level.remark].filter(Boolean).join("; ");
      if (said) { name.append(" ", element("span", { class: "sense", text: said })); }
      var row = element("tr", {
        class: "level " + level.kind, "data-key": same.map(function (one) { return one.key; }).join(" ")
      }, name, cell(price(level, level.value), true, "value"));
      if (previous) { row.append(cell(level.previous === null || level.previous === undefined ? "" : price(level, level.previous), true)); }
      row.append(cell(desk.percent(level.distance, 1, true), true), cell(sigmas(level.sigmas), true));
      body.append(row);
    });
    var names = ["", "level"].concat(previous ? ["before"] : [], ["from spot", "1-day \u03c3"]);
    return box("Key levels", "levels", "", element("table", {}, head(names), body), {
      columns: [{ name: "level" }, { name: "sense" }, { name: "value", unit: currency }, { name: "previous", unit: currency },
        { name: "distance", unit: "fraction of spot" }, { name: "one-day sigmas" }],
      rows: view.levels.map(function (l) { return [l.name, l.sense, l.value, l.previous, l.distance, l.sigmas]; })
    });
  }

  function ladder(view) {
    var rungs = view.ladder, body = element("tbody"), currency = desk.model.currency;
    var share = rungs.share_of_adv && rungs.share_of_adv.some(function (x) { return x !== null; });
    var family = desk.unit(rungs.trade, currency), digits = desk.digits(rungs.trade, family.divisor);
    rungs.move.forEach(function (move, i) {
      if (move === 0) { return; }
      var traded = rungs.trade[i];
      body.append(element("tr", { "data-move": String(move) },
        element("th", { scope: "row", text: desk.percent(move, Math.abs(100 * move % 1) > 1e-9 ? 1 : 0, true) }),
        cell(desk.price(rungs.spot[i]), true),
        cell(traded === null ? "" : (traded > 0 ? "+" : "") + desk.number(traded / family.divisor, digits), true, "value"),
        share ? cell(desk.percent(rungs.share_of_adv[i], 1, true), true) : null));
    });
    var names = ["move", "spot", family.unit].concat(share ? ["of ADV"] : []);
    return box("Hedge ladder", "ladder", "What dealers trade if spot moves there now: + buy, - sell.",
      element("table", {}, head(names), body), {
        columns: [{ name: "move", unit: "fraction of spot" }, { name: "spot", unit: currency }, { name: "dealers trade", unit: currency },
          { name: "share of ADV", unit: "fraction" }],
        rows: rungs.move.map(function (m, i) {
          return [m, rungs.spot[i], rungs.trade[i], rungs.share_of_adv ? rungs.share_of_adv[i] : null];
        })
      });
  }

  desk.drawRail = function () {
    var view = desk.view(), at = document.getElementById("rail");
    var focus = document.activeElement && at.contains(document.activeElement) && document.activeElement.closest("section").id;
    at.replaceChildren();
    if (!view) { return; }
    at.append(levels(view));
    if (view.ladder) { at.append(ladder(view)); }
    if (focus) { var button = at.querySelector("#" + focus + " button"); if (button) { button.focus({ preventScroll: true }); } }
  };
})(window.desk);
