// Ahead: flips over the coming days, gamma left after each expiry, charm and vanna to the close.
(function (desk) {
  "use strict";

  function path(place, found, ctx) {
    var colors = ctx.colors, days = found.days;
    function line(name, values, look) {
      return Object.assign({
        type: "scatter", mode: "lines+markers", x: days, y: values, name: name, hovertemplate: "%{y:,.2f}<extra>" + name + "</extra>"
      }, look);
    }
    var passed = found.expiries.filter(function (e) { return e.days > 0; });
    desk.heading(place, "Levels over the coming days");
    desk.note(place, "Spot and vols unchanged; dotted lines: expiries that drop off.");
    desk.chart(place, [
      line("core, low", found.core_low, { mode: "lines", line: { width: 0, color: colors.short }, showlegend: false }),
      line("core, high", found.core_high, { mode: "lines", line: { width: 0, color: colors.short }, fill: "tonexty", fillcolor: desk.clear(colors.short, 0.18), name: "core of short gamma" }),
      line("deepest short gamma", found.trough, { line: { color: colors.short, dash: "dash" }, marker: { size: 5, symbol: "triangle-down" } }),
      line("flip", found.flip, { line: { color: colors.flip, width: 2 }, marker: { size: 6, symbol: "diamond" } })
    ], {
      xaxis: { title: { text: "days ahead" } }, yaxis: { title: { text: "price [" + desk.plain(desk.model.currency) + "]" }, tickformat: "," },
      shapes: passed.map(function (e) { return desk.lineAt("x", e.days, colors.grid, "dot"); }).concat([desk.lineAt("y", desk.model.spot, colors.spot, "dash")]),
      annotations: [desk.mark("y", desk.model.spot, "spot " + desk.price(desk.model.spot), colors.spot)]
    }, {
      height: 320, label: "Flip and short-gamma core over the coming days", table: {
        columns: [
          { name: "days ahead", kind: "number" }, { name: "flip", unit: desk.model.currency, kind: "price" }, { name: "deepest short gamma", unit: desk.model.currency, kind: "price" },
          { name: "core, low", unit: desk.model.currency, kind: "price" }, { name: "core, high", unit: desk.model.currency, kind: "price" },
          { name: "gamma at today's spot", unit: desk.unitOf("gamma"), kind: "number" }
        ],
        rows: desk.rows([days, found.flip, found.trough, found.core_low, found.core_high, found.gamma]),
        caption: "Levels over the coming days", csv: desk.fileName("flip_path", "csv")
      }
    });
  }
  function after(place, found, ctx) {
    var colors = ctx.colors, unit = desk.unitOf("gamma"), scale = desk.unit([found.left, found.gamma], unit);
    var x = found.label.map(desk.plain);
    desk.heading(place, "Gamma left after each expiry");
    desk.note(place, "Bars: today's gamma of the later expiries. Diamonds: the book revalued just after the expiry, at today's spot and vols.");
    desk.chart(place, [
      {
        type: "bar", x: x, y: desk.over(found.left, scale.divisor), name: "left today", showlegend: false,
        marker: { color: found.left.map(function (v) { return v < 0 ? colors.short : colors.long; }) }, hovertemplate: "%{y:,.3~f} " + scale.unit + "<extra>left today</extra>"
      },
      {
        type: "scatter", mode: "markers", x: x, y: desk.over(found.gamma, scale.divisor), name: "revalued then",
        marker: { symbol: "diamond", size: 8, color: colors.line }, hovertemplate: "%{y:,.3~f} " + scale.unit + "<extra>revalued then</extra>"
      }
    ], { xaxis: { type: "category" }, yaxis: { title: { text: "gamma [" + desk.plain(scale.unit) + "]" } } }, {
      height: 320, label: "Gamma left after each expiry", table: {
        columns: [
          { name: "after the expiry of", kind: "text" }, { name: "days", kind: "number" }, { name: "today's gamma of the later ones", unit: unit, kind: "number" },
          { name: "revalued then", unit: unit, kind: "number" }, { name: "gross, revalued then", unit: unit, kind: "number" }
        ],
        rows: desk.rows([found.label, found.days, found.left, found.gamma, found.gross]), caption: "Gamma after each expiry", csv: desk.fileName("after_expiries", "csv")
      }
    });
  }
  function close(place, found, ctx) {
    var colors = ctx.colors, money = desk.model.currency, scale = desk.unit([found.time, found.vol], money), last = found.time[found.time.length - 1];
    desk.heading(place, "Charm and vanna to " + found.text);
    function trade(v) { return (v > 0 ? "buy " : "sell ") + desk.money(Math.abs(v)); }
    var before = found.time[found.time.length - 2];
    desk.note(place, (found.time.length < 2 ? "" : "Time alone, spot and vols as now: dealers " + (found.expires
      ? trade(before) + " to a minute before (" + found.away + "), and " + trade(last - before) + " when the expiring contracts are gone. "
      : trade(last) + " by then (" + found.away + "). "))
      + "Charm " + desk.money(found.charm, true) + " of delta a day, vanna " + desk.money(found.vanna, true)
      + " of delta per vol point: dealers trade the opposite. + = dealers buy.");
    if (found.time.length < 2) { return; }
    desk.chart(place, [
      { type: "scatter", mode: "lines+markers", x: found.hours, y: desk.over(found.time, scale.divisor), name: "time", showlegend: false, line: { color: colors.line, width: 2 }, hovertemplate: "after %{x:.1f} h %{y:,.3~f} " + scale.unit + "<extra>time alone</extra>" },
      {
        type: "bar", x: found.vol_points.map(function (v) { return (v > 0 ? "+" : "\u2212") + Math.abs(v); }), y: desk.over(found.vol, scale.divisor), xaxis: "x2", yaxis: "y", showlegend: false,
        marker: { color: colors.soft }, hovertemplate: "vol %{x} points: %{y:,.3~f} " + scale.unit + "<extra>vol alone</extra>"
      }
    ], {
      xaxis: { domain: [0, 0.55], title: { text: "hours from now" } }, xaxis2: { domain: [0.62, 1], anchor: "y", type: "category", title: { text: "vol move [points]" } },
      yaxis: { title: { text: "dealers trade [" + desk.plain(scale.unit) + "]" } }, margin: { t: 8 }
    }, {
      height: 320, label: "What dealers trade from time alone to the close, and from vol alone", table: {
        columns: [{ name: "change", kind: "text" }, { name: "dealers trade", unit: money, kind: "number" }],
        rows: found.hours.map(function (h, i) { return [desk.number(h, 2) + " hours", found.time[i]]; }).concat(
          found.vol_points.map(function (v, i) { return [(v > 0 ? "+" : "") + v + " vol points", found.vol[i]]; })),
        caption: "Trades from time alone and from vol alone, + = dealers buy", csv: desk.fileName("to_the_close", "csv")
      }
    });
  }

  desk.section("ahead", {
    title: "Ahead", order: 8,
    draw: function (place, data, ctx) {
      var parts = [[path, data.path], [after, data.after], [close, data.close]].filter(function (p) { return p[1]; });
      var boxes = desk.beside(place, parts.length, 24);
      parts.forEach(function (part, i) { part[0](boxes[i], part[1], ctx); });
      data.notes.forEach(function (text) { desk.note(place, text); });
    }
  });
})(window.desk);
