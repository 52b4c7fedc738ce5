// Robustness: gamma and flip with one assumption changed at a time, the bands of the sign, and the loop gain.
(function (desk) {
  "use strict";
  var GROUPS = { report: "", rule: "rule", data: "data", dynamics: "vol dynamics" };

  function ends(pair, text) {
    if (!pair) { return "none"; }
    return pair[0] === pair[1] ? text(pair[0]) : text(pair[0]) + " to " + text(pair[1]);
  }
  function said(data) {
    var parts = Object.keys(data.ranges).map(function (group) {
      var range = data.ranges[group];
      return "by " + (GROUPS[group] || group) + " gamma " + ends(range.gamma, function (x) { return desk.money(x, true); })
        + ", flip " + ends(range.flip, desk.price);
    });
    return "One assumption changed at a time, the others as on this page: " + (parts.join("; ") || "nothing to change") + ".";
  }
  function dots(rows, names, column, text, axis, colors) {
    return {
      type: "scatter", mode: "markers", x: rows[column].map(text.scaled), y: names, yaxis: "y", xaxis: axis, showlegend: false,
      marker: {
        size: 10, symbol: rows.group.map(function (g) { return g === "report" ? "diamond" : "circle"; }),
        color: rows.gamma.map(function (v, i) {
          return column === "flip" ? colors.flip : !rows.signed[i] ? colors.soft : v < 0 ? colors.short : colors.long;
        })
      },
      hovertemplate: "%{y}: %{x:,.3~f}" + text.unit + "<extra></extra>"
    };
  }
  // The rows that have a gamma.
  function known(rows) {
    var out = {};
    Object.keys(rows).forEach(function (key) { out[key] = rows[key].filter(function (_, i) { return rows.gamma[i] !== null; }); });
    return out;
  }
  function assumptions(place, data, ctx) {
    var rows = known(data.rows), colors = ctx.colors, unit = desk.unitOf("gamma"), scale = desk.unit(rows.gamma, unit);
    var names = rows.name.map(function (name, i) {
      var group = GROUPS[rows.group[i]];
      return desk.plain((group ? group + ": " : "") + desk.words(name));
    });
    var narrow = place.clientWidth && place.clientWidth < 560, money = {
      unit: " " + scale.unit, scaled: function (v) { return v === null ? null : v / scale.divisor; }
    }, price = { unit: "", scaled: function (v) { return v; } };
    var layout = {
      margin: { t: 8 }, yaxis: { type: "category", autorange: "reversed", automargin: true, tickfont: { size: narrow ? 9 : 11.5 } },
      xaxis: { domain: [0, 0.47], title: { text: "gamma [" + desk.plain(scale.unit) + "]" }, nticks: narrow ? 3 : 7 },
      xaxis2: { domain: [0.53, 1], anchor: "y", title: { text: "nearest flip [" + desk.plain(desk.model.currency) + "]" }, tickformat: ",", nticks: narrow ? 3 : 7 },
      shapes: [
        desk.lineAt("x", rows.gamma[0] / scale.divisor, colors.soft, "dot"), desk.lineAt("x2", desk.model.spot, colors.spot, "dash")
      ],
      annotations: [desk.mark("x2", desk.model.spot, "spot", colors.spot)]
    };
    if (rows.flip[0] !== null) { layout.shapes.push(desk.lineAt("x2", rows.flip[0], colors.flip, "dot")); }
    desk.note(place, said(data));
    desk.chart(place, [dots(rows, names, "gamma", money, "x", colors), dots(rows, names, "flip", price, "x2", colors)], layout, {
      height: 70 + 21 * names.length, label: "Gamma at spot and nearest flip by rule, data treatment and vol dynamics",
      table: {
        columns: [
          { name: "what changes", kind: "text" }, { name: "to", kind: "text" }, { name: "gamma", unit: unit, kind: "number" },
          { name: "nearest flip", unit: desk.model.currency, kind: "price" }, { name: "flips", kind: "number" }
        ],
        rows: rows.name.map(function (name, i) {
          return [GROUPS[rows.group[i]] || "this page", desk.words(name), rows.gamma[i], rows.flip[i], rows.flips[i]];
        }),
        caption: "One assumption changed at a time", csv: desk.fileName("robustness", "csv")
      }
    });
    data.notes.forEach(function (text) { desk.note(place, text); });
  }
  function fan(place, bands, ctx) {
    var colors = ctx.colors, q = bands.quantiles, scale = desk.unit([q["5 %"], q["95 %"]], desk.unitOf("gamma")), spots = bands.spots;
    function line(name, extra) {
      return Object.assign({
        type: "scatter", mode: "lines", x: spots, y: desk.over(q[name], scale.divisor), name: name, line: { width: 0, color: colors.soft },
        hoverinfo: "skip", showlegend: false, xaxis: "x", yaxis: "y"
      }, extra);
    }
    var traces = [
      line("95 %"), line("75 %", { fill: "tonexty", fillcolor: desk.clear(colors.shade, 0.2) }),
      line("25 %", { fill: "tonexty", fillcolor: desk.clear(colors.shade, 0.42) }),
      line("5 %", { fill: "tonexty", fillcolor: desk.clear(colors.shade, 0.2) }),
      line("50 %", { line: { width: 2, color: colors.line }, hoverinfo: "all", hovertemplate: "%{y:,.3~f} " + scale.unit + "<extra>median</extra>" }),
      {
        type: "scatter", mode: "lines", x: spots, y: bands.p_short.map(function (p) { return 100 * p; }), xaxis: "x", yaxis: "y2", showlegend: false,
        line: { color: colors.short, width: 2 }, fill: "tozeroy", fillcolor: desk.clear(colors.short, 0.15),
        hovertemplate: "short in %{y:.0f}% of draws<extra></extra>"
      }
    ];
    desk.note(place, "Beliefs: " + bands.text + ". Line: median; dark band: half of the draws; light band: nine in ten."
      + (bands.given ? "" : " These are the library's flat beliefs, since none were given."));
    desk.chart(place, traces, {
      margin: { t: 8 }, xaxis: { anchor: "y2", title: { text: "spot [" + desk.plain(desk.model.currency) + "]" }, tickformat: "," },
      yaxis: { domain: [0.36, 1], title: { text: "gamma [" + desk.plain(scale.unit) + "]" } },
      yaxis2: { domain: [0, 0.28], range: [0, 100], ticksuffix: "%", nticks: 3, title: { text: "short" } },
      shapes: [desk.lineAt("x", desk.model.spot, colors.spot, "dash")], annotations: [desk.mark("x", desk.model.spot, "spot " + desk.price(desk.model.spot), colors.spot)]
    }, {
      height: 360, label: "Gamma over spot under beliefs about dealers' share, and the probability that dealers are short",
      table: {
        columns: [
          { name: "level", kind: "text" }, { name: "5 %", unit: desk.model.currency, kind: "price" }, { name: "median", unit: desk.model.currency, kind: "price" },
          { name: "95 %", unit: desk.model.currency, kind: "price" }, { name: "draws without one", kind: "percent" }
        ],
        rows: bands.levels.map(function (l) { return [l.name, l["5 %"], l["50 %"], l["95 %"], l.none]; }),
        caption: "Levels under beliefs about the sign", csv: desk.fileName("bands", "csv")
      }
    });
  }
  function gain(place, found, ctx) {
    var colors = ctx.colors, columns = found.columns, traces = [], shown = Object.keys(columns).filter(function (name) {
      return /^(gamma|vanna|knock_in|liquidations)$/.test(name) && columns[name].some(function (v) { return v; });
    });
    (shown.length > 1 ? shown : []).forEach(function (name, i) {
      var look = desk.ramp(i + 1, shown.length + 1);
      traces.push({
        type: "scatter", mode: "lines", x: found.spots, y: columns[name], name: desk.words(name), line: { color: look.color, dash: look.dash, width: 1.5 },
        hovertemplate: "%{y:.3f}<extra>" + desk.words(name) + "</extra>"
      });
    });
    traces.push({
      type: "scatter", mode: "lines", x: found.spots, y: columns.kappa, name: "kappa", line: { color: colors.line, width: 2.4 },
      hovertemplate: "kappa %{y:.3f}<extra></extra>"
    });
    desk.note(place, "Loop gain at spot " + desk.number(found.at_spot, 2) + ", peak " + desk.number(found.peak.kappa, 2) + " at "
      + desk.price(found.peak.spot) + ". " + found.text);
    desk.chart(place, traces, {
      margin: { t: 30 }, xaxis: { title: { text: "spot [" + desk.plain(desk.model.currency) + "]" }, tickformat: "," }, yaxis: { title: { text: "kappa [-]" } },
      shapes: [desk.lineAt("x", desk.model.spot, colors.spot, "dash"), desk.lineAt("y", 1, colors.short, "dot")],
      annotations: [desk.mark("y", 1, "unstable above 1", colors.short)]
    }, {
      height: 320, label: "Loop gain over spot", table: {
        columns: [
          { name: "kappa above", kind: "number" }, { name: "low", unit: desk.model.currency, kind: "price" }, { name: "high", unit: desk.model.currency, kind: "price" },
          { name: "peak", kind: "number" }, { name: "at", unit: desk.model.currency, kind: "price" }
        ],
        rows: found.zones.map(function (z) { return [z.above, z.low, z.high, z.peak, z.peak_spot]; }),
        caption: "Zones of the loop gain", csv: desk.fileName("loop_gain", "csv")
      }
    });
  }

  desk.section("robustness", {
    title: "Robustness", order: 7,
    draw: function (place, data, ctx) {
      assumptions(place, data, ctx);
      var charts = [data.bands && fan, data.gain && gain].filter(Boolean), boxes = desk.beside(place, charts.length, 26);
      charts.forEach(function (draw, i) { draw(boxes[i], draw === fan ? data.bands : data.gain, ctx); });
    }
  });
})(window.desk);
