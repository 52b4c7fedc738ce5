// Venues and notes: gamma over spot by venue in neutral colours, and the barriers of structured notes.
(function (desk) {
  "use strict";

  function stack(place, found, ctx) {
    var colors = ctx.colors, names = Object.keys(found.by), unit = desk.unitOf("gamma"), traces = [];
    var scale = desk.unit([found.total].concat(names.map(function (n) { return found.by[n]; })), unit);
    names.forEach(function (name, i) {
      ["long", "short"].forEach(function (side) {
        var values = found.by[name].map(function (v) { return side === "long" ? Math.max(v, 0) : Math.min(v, 0); });
        if (!values.some(Boolean)) { return; }
        traces.push({
          type: "scatter", mode: "lines", x: found.spots, y: desk.over(values, scale.divisor), stackgroup: side, name: desk.plain(name), legendgroup: name,
          showlegend: side === "long" || !found.by[name].some(function (v) { return v > 0; }), line: { width: 0.5, color: colors.paper },
          fillcolor: colors.venue[i % colors.venue.length], fillpattern: { shape: ["", "/", "x", "."][i % 4], fgcolor: colors.paper, size: 6, solidity: 0.15, fillmode: "overlay" },
          hovertemplate: "%{y:,.3~f} " + scale.unit + "<extra>" + desk.plain(name) + "</extra>"
        });
      });
    });
    traces.push({
      type: "scatter", mode: "lines", x: found.spots, y: desk.over(found.total, scale.divisor), name: "total", line: { color: colors.line, width: 2.4 },
      hovertemplate: "%{y:,.3~f} " + scale.unit + "<extra>total</extra>"
    });
    var t = found.totals;
    desk.heading(place, "Gamma over spot by venue");
    desk.note(place, "Parts above zero and below it are stacked apart; the line is their sum.");
    desk.chart(place, traces, {
      xaxis: { title: { text: "spot [" + desk.plain(desk.model.currency) + "]" }, tickformat: "," }, yaxis: { title: { text: "gamma [" + desk.plain(scale.unit) + "]" } },
      shapes: [desk.lineAt("x", desk.model.spot, colors.spot, "dash")]
    }, {
      height: 380, label: "Gamma over spot by venue", table: {
        columns: [
          { name: "venue", kind: "text" }, { name: "gamma", unit: unit, kind: "number" }, { name: "gross gamma", unit: unit, kind: "number" },
          { name: "vanna", unit: desk.unitOf("vanna"), kind: "number" }, { name: "charm", unit: desk.unitOf("charm"), kind: "number" }
        ],
        rows: desk.rows([t.venue, t.gamma, t.gross_gamma, t.vanna, t.charm]), caption: "By venue, at spot", csv: desk.fileName("venues", "csv")
      }
    });
  }
  function notes(place, found, ctx) {
    var colors = ctx.colors, money = desk.model.currency, scale = desk.unit([found.trade, found.notional], money);
    function bar(name, values, color, pattern) {
      return {
        type: "bar", orientation: "h", y: found.barrier, x: desk.over(values, scale.divisor), name: name, marker: { color: color, pattern: { shape: pattern, fgcolor: colors.paper, size: 5, solidity: 0.2 } },
        text: found.note.map(desk.plain), textposition: "none", hovertemplate: "%{text}, barrier %{y:,.2f}: %{x:,.3~f} " + scale.unit + "<extra>" + name + "</extra>"
      };
    }
    desk.heading(place, "Barriers of structured notes");
    desk.note(place, "Face at each barrier, and what dealers trade if spot is there now and the note is knocked in (+ = buy, \u2212 = sell).");
    desk.chart(place, [bar("face", found.notional, colors.venue[1], ""), bar("dealers trade", found.trade, colors.venue[0], "/")], {
      barmode: "group", xaxis: { title: { text: "amount [" + desk.plain(scale.unit) + "]" } }, yaxis: { title: { text: "barrier [" + desk.plain(money) + "]" }, tickformat: "," },
      shapes: [desk.lineAt("y", desk.model.spot, colors.spot, "dash")], annotations: [desk.mark("y", desk.model.spot, "spot " + desk.price(desk.model.spot), colors.spot)]
    }, {
      height: 380, label: "Face of notes and dealers' trades by barrier", table: {
        columns: [
          { name: "note", kind: "text" }, { name: "barrier", unit: money, kind: "price" }, { name: "ln(barrier / spot)", kind: "percent", signed: true },
          { name: "face", unit: money, kind: "number" }, { name: "dealers trade", unit: money, kind: "number" }, { name: "observed", kind: "text" }, { name: "knocked in", kind: "text" }, { name: "years", kind: "number" }
        ],
        rows: desk.rows([found.note, found.barrier, found.away, found.notional, found.trade, found.observation,
          found.knocked.map(function (k) { return k ? "yes" : "no"; }), found.years]),
        caption: "Notes by barrier", csv: desk.fileName("notes", "csv")
      }
    });
  }

  desk.section("venues", {
    title: "Venues and notes", order: 9.5,
    draw: function (place, data, ctx) {
      var parts = [[stack, data.stack], [notes, data.notes]].filter(function (p) { return p[1]; }), boxes = desk.beside(place, parts.length, 26);
      parts.forEach(function (part, i) { part[0](boxes[i], part[1], ctx); });
    }
  });
})(window.desk);
