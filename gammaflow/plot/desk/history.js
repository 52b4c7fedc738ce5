// History: a line for each number of the earlier snapshots, and its change since the last of them.
(function (desk) {
  "use strict";
  var element = desk.element, svg = desk.svg;

  function shown(unit) {
    return { price: desk.price, percent: function (v) { return v === null ? desk.number(null) : desk.number(v, 1) + "%"; },
      vol: function (v) { return desk.percent(v, 1); } }[unit] || desk.money;
  }
  function change(one) {
    if (one.change === null) { return "no change known"; }
    var up = one.change > 0 ? "+" : "";
    if (one.unit === "price") {
      return one.previous ? desk.percent(one.change / one.previous, 1, true) : up + desk.price(one.change);
    }
    if (one.unit === "percent") { return up + desk.number(one.change, 1) + " points"; }
    return one.unit === "vol" ? up + desk.number(100 * one.change, 1) + " points" : desk.money(one.change, true);
  }
  function spark(one, times, colors) {
    var width = 220, height = 44, known = one.values.filter(function (v) { return v !== null; });
    var low = Math.min.apply(null, known), high = Math.max.apply(null, known), first = times[0], last = times[times.length - 1];
    var picture = svg("svg", { viewBox: "0 0 " + width + " " + height, width: "100%", height: height, preserveAspectRatio: "none", "aria-hidden": "true" });
    if (!known.length) { return picture; }
    var x = desk.scale(first, last, 3, width - 6), y = desk.scale(low, high, height - 5, 5), d = "", open = false;
    one.values.forEach(function (v, i) {
      if (v === null) { open = false; return; }
      d += (open ? "L" : "M") + x(times[i]).toFixed(1) + " " + (high > low ? y(v) : height / 2).toFixed(1);
      open = true;
    });
    if (low < 0 && high > 0) { picture.append(svg("line", { x1: 0, x2: width, y1: y(0), y2: y(0), stroke: colors.soft, "stroke-width": 0.8, "stroke-dasharray": "2 3" })); }
    picture.append(svg("path", { d: d, fill: "none", stroke: colors.line, "stroke-width": 1.5, "vector-effect": "non-scaling-stroke" }));
    return picture;
  }
  function card(one, times, colors, since) {
    var text = shown(one.unit), rank = one.percentile === null ? "" : "; above " + desk.number(one.percentile, 0) + "% of earlier ones";
    return element("div", { style: "min-width:0" },
      element("p", { class: "note", text: one.name }),
      element("p", { style: "font-variant-numeric:tabular-nums" }, element("b", { text: text(one.now) }), " ",
        element("span", { class: "note", text: change(one) + " since " + since + rank })),
      spark(one, times, colors));
  }

  desk.section("history", {
    title: "History", order: 10,
    draw: function (place, data, ctx) {
      var times = data.asof.map(function (t) { return Date.parse(t); });
      var since = data.previous_asof.slice(0, 16).replace("T", " ") + " UTC";
      desk.note(place, "Change since the snapshot of " + since + ", " + data.since + " earlier; " + desk.number(data.rows) + " earlier snapshots"
        + (data.others ? ", and " + desk.number(data.others) + " left out, which are under another rule, vol dynamics or selection." : "."));
      var boxes = desk.beside(place, data.series.length, 15);
      data.series.forEach(function (one, i) { boxes[i].append(card(one, times, ctx.colors, "then")); });
      var inner = element("details", { class: "as-table" }, element("summary", { text: "Table" }));
      place.append(inner);
      desk.table(inner, {
        columns: [{ name: "asof", unit: "UTC", kind: "time" }].concat(data.series.map(function (one) {
          var kind = one.unit === "price" ? "price" : one.unit === "vol" ? "percent" : "number";
          return { name: one.name, unit: one.unit === "price" ? desk.model.currency : one.unit === "percent" ? "%" : one.unit === "vol" ? "" : one.unit, kind: kind };
        })),
        rows: desk.rows([data.asof].concat(data.series.map(function (one) { return one.values; }))),
        caption: "Earlier snapshots and this one, last", csv: desk.fileName("history", "csv"), at: data.asof.length - 1
      });
    }
  });
})(window.desk);
