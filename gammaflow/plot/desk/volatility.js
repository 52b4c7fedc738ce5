// Volatility: smiles, at-the-money term structure, 25-delta risk reversal.
(function (desk) {
  "use strict";
  function percent(values) { return values.map(function (v) { return v === null ? null : 100 * v; }); }

  function smiles(place, data, ctx) {
    var traces = [], n = data.smiles.length;
    data.smiles.forEach(function (one, i) {
      var look = desk.ramp(i, n), name = desk.plain(one.label), fitted = one.line_vol.length > 0;
      traces.push({
        type: "scatter", mode: "markers", x: one.strike, y: percent(one.vol), name: name, legendgroup: name, showlegend: !fitted,
        marker: { size: 4, color: look.color, symbol: look.symbol, opacity: 0.75 }, hovertemplate: "%{x:,}: %{y:.1f}%<extra>" + name + "</extra>"
      });
      if (fitted) {
        traces.push({
          type: "scatter", mode: "lines", x: one.line_strike, y: percent(one.line_vol), name: name, legendgroup: name,
          line: { color: look.color, dash: look.dash, width: 1.6 }, hoverinfo: "skip"
        });
      }
    });
    desk.heading(place, "Smiles");
    desk.chart(place, traces, {
      xaxis: { title: { text: "strike [" + desk.plain(desk.model.currency) + "]" }, tickformat: "," }, yaxis: { title: { text: "implied vol [%]" }, rangemode: "normal" },
      shapes: [desk.lineAt("x", desk.model.spot, ctx.colors.spot, "dash")], margin: { t: 44 }
    }, {
      height: 360, label: "Implied vol by strike", table: {
        columns: [{ name: "expiry", kind: "text" }, { name: "strike", unit: desk.model.currency, kind: "strike" }, { name: "implied vol", kind: "percent", digits: 2 }],
        rows: data.smiles.flatMap(function (one) { return one.strike.map(function (K, i) { return [one.label, K, one.vol[i]]; }); }),
        caption: "Vols of out-of-the-money rows", csv: desk.fileName("smiles", "csv")
      }
    });
  }
  function term(place, data, ctx) {
    var colors = ctx.colors, t = data.term, has = t.risk_reversal.some(function (v) { return v !== null; });
    var traces = [{
      type: "scatter", mode: "lines+markers", x: t.days, y: percent(t.atm), name: "at the money", text: t.label.map(desk.plain), showlegend: false,
      line: { color: colors.line, width: 2 }, marker: { size: 6 }, hovertemplate: "%{text}: %{y:.1f}%<extra>at the money</extra>"
    }];
    if (has) {
      traces.push({
        type: "bar", x: t.days, y: percent(t.risk_reversal), xaxis: "x", yaxis: "y2", name: "25-delta risk reversal", text: t.label.map(desk.plain), textposition: "none", showlegend: false,
        marker: { color: colors.soft }, width: t.days.map(function (d) { return Math.max(0.12 * d, 0.02); }), hovertemplate: "%{text}: %{y:+.2f} points<extra>25-delta call less put</extra>"
      });
    }
    desk.heading(place, "Term structure" + (has ? " and 25-delta risk reversal" : ""));
    desk.chart(place, traces, {
      xaxis: { type: "log", title: { text: "days to expiry" }, anchor: has ? "y2" : "y", tickvals: [0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000], tickformat: "~g" },
      yaxis: { title: { text: "at the money [%]" }, domain: has ? [0.5, 1] : [0, 1] },
      yaxis2: { title: { text: "call less put [points]" }, domain: [0, 0.42], zeroline: true }, margin: { t: 8 }
    }, {
      height: 360, label: "At-the-money vol and 25-delta risk reversal by days to expiry", table: {
        columns: [{ name: "expiry", kind: "text" }, { name: "days", kind: "number" }, { name: "at the money", kind: "percent", digits: 2 }, { name: "25-delta risk reversal", kind: "percent", digits: 2, signed: true }],
        rows: desk.rows([t.label, t.days, t.atm, t.risk_reversal]), caption: "Term structure", csv: desk.fileName("term_structure", "csv")
      }
    });
  }

  desk.section("volatility", {
    title: "Volatility", order: 9,
    draw: function (place, data, ctx) {
      var boxes = desk.beside(place, 2, 26);
      smiles(boxes[0], data, ctx);
      term(boxes[1], data, ctx);
      desk.note(place, data.note);
    }
  });
})(window.desk);
