// Tables: every measure by strike, expiry and venue, totals, and the rows that are in none of them.
(function (desk) {
  "use strict";
  var element = desk.element;

  function one(place, title, found, name, options) {
    if (!found || !found.columns.length || !found.columns[0].values.length) { return; }
    var box = element("details", Object.assign({ style: "margin-top:8px" }, options.open ? { open: true } : {}), element("summary", {}, element("h3", { text: title, style: "display:inline" })));
    place.append(box);
    if (options.note) { desk.note(box, options.note); }
    desk.table(box, {
      columns: found.columns.map(function (c) { return { name: c.name, unit: c.unit, kind: c.kind }; }),
      rows: desk.rows(found.columns.map(function (c) { return c.values; })), caption: title, csv: desk.fileName(name, "csv"), at: found.at
    });
  }
  // Totals have a unit each: a row of columns, so that each number is plain in its CSV.
  function totals(found) {
    var by = {};
    found.columns.forEach(function (c) { by[c.name] = c.values; });
    return {
      columns: by.measure.map(function (name, i) { return { name: name, unit: by.unit[i], kind: "number", values: [by.total[i]] }; })
    };
  }

  desk.section("tables", {
    title: "Tables", order: 11, open: false,
    draw: function (place, data) {
      var meanings = data.total.columns[3].values, names = data.total.columns[0].values;
      one(place, "By strike", data.strike, "by_strike", { open: true, note: data.strike.note });
      one(place, "By expiry", data.expiry, "by_expiry", {});
      one(place, "By venue", data.venue, "by_venue", {});
      one(place, "Totals", totals(data.total), "totals", { note: names.map(function (n, i) { return n + ": " + meanings[i]; }).join("; ") + "." });
      one(place, "Rows that could not be valued", data.unusable, "unusable", {});
      data.quality.forEach(function (line) { desk.note(place, line.trim()); });
    }
  });
})(window.desk);
