// Expiries: a measure and the share of gross gamma of each, and below them strikes by expiry on a price axis, with the
// flip of the book without each expiry.
(function (desk) {
  "use strict";

  // Place among the section's expiries of each of the page's, or -1, and the other way round.
  function places(data) {
    var own = data.expiry.map(function (when) { return when === null ? null : Date.parse(when); });
    return (desk.model.expiries || []).map(function (e) { return own.indexOf(e.expiry ? Date.parse(e.expiry) : null); });
  }
  function listed(data, i) { return desk.model.expiries[places(data).indexOf(i)] || null; }
  // Labels of the expiries with their settlement, as the page's list of expiries tells it.
  function labels(data) {
    return data.label.map(function (label, i) {
      var own = listed(data, i), days = data.days[i], name = own && own.label ? own.label : label;
      var tag = own && own.settles && name.indexOf(own.settles) < 0 ? " " + own.settles : "";
      return desk.plain(name + tag) + (days === null ? "" : "<br>" + desk.number(days, days < 10 ? 1 : 0) + " d");
    });
  }
  // Sums by strike and expiry of one measure under the rule chosen.
  function cells(data, measure, low, high) {
    var rows = desk.model.strikes[desk.state.rule], found = {}, strikes = [], place = places(data);
    if (!rows || !rows[measure]) { return { strikes: [], values: [] }; }
    rows.strike.forEach(function (K, i) {
      var at = place[rows.expiry[i]];
      if (K < low || K > high || at === undefined || at < 0) { return; }
      if (!found[K]) { found[K] = new Array(data.label.length).fill(0); strikes.push(K); }
      found[K][at] += rows[measure][i] || 0;
    });
    strikes.sort(function (a, b) { return a - b; });
    return { strikes: strikes, values: strikes.map(function (K) { return found[K]; }) };
  }
  function bars(data, x, measure, colors, scale) {
    var parts = data.measures[measure], split = desk.state.bars === "sides";
    function bar(name, values, color, pattern) {
      return {
        type: "bar", x: x, y: desk.over(values, scale.divisor), name: name, xaxis: "x", yaxis: "y",
        marker: { color: color, pattern: pattern ? { shape: pattern, fgcolor: colors.paper, size: 5, solidity: 0.25 } : {} },
        hovertemplate: "%{y:,.3~f} " + scale.unit + "<extra>" + name + "</extra>"
      };
    }
    if (!split) {
      return [Object.assign(bar("net", parts.net, parts.net.map(function (v) { return v < 0 ? colors.short : colors.long; })), { showlegend: false })];
    }
    return [["call", "calls", ""], ["put", "puts", "/"], ["other", "other rows", ""]].filter(function (p) { return parts[p[0]]; })
      .map(function (p) { return bar(p[1], parts[p[0]], colors[p[0]], p[2]); });
  }
  function map(data, x, measure, colors, range, scale) {
    var found = cells(data, measure, range[0], range[1]), most = 0;
    found.values.forEach(function (row) { row.forEach(function (v) { most = Math.max(most, Math.abs(v)); }); });
    if (!most) { return null; }
    return {
      type: "heatmap", x: x, y: found.strikes, xaxis: "x", yaxis: "y3", zmin: -1, zmax: 1, showscale: false, hoverongaps: false,
      z: found.values.map(function (row) { return row.map(function (v) { return v ? Math.sign(v) * Math.sqrt(Math.abs(v) / most) : null; }); }),
      customdata: found.values.map(function (row) { return desk.over(row, scale.divisor); }),
      colorscale: [[0, colors.short], [0.5, colors.paper], [1, colors.long]],
      hovertemplate: "strike %{y:,}, %{x}: %{customdata:,.3~f} " + scale.unit + "<extra></extra>"
    };
  }
  function dots(data, x, colors) {
    return {
      type: "scatter", mode: "markers", x: x, y: data.without, xaxis: "x", yaxis: "y3", name: "flip without this expiry",
      marker: { symbol: "diamond", size: 9, color: colors.flip, line: { color: colors.paper, width: 1 } },
      hovertemplate: "flip without %{x}: %{y:,.2f}<extra></extra>"
    };
  }
  // Prices of the map: the range chosen, and the flips within 15 % of spot.
  function prices(data) {
    var range = desk.priceRange(desk.bars()).slice(), spot = desk.model.spot;
    data.without.concat([data.flip]).forEach(function (flip) {
      if (flip !== null && Math.abs(flip / spot - 1) < 0.15) {
        range = [Math.min(range[0], flip - 0.01 * spot), Math.max(range[1], flip + 0.01 * spot)];
      }
    });
    return range;
  }
  function table(data, measure, unit) {
    var parts = data.measures[measure], kinds = ["call", "put", "other"].filter(function (k) { return parts[k]; });
    var columns = [
      { name: "expiry", kind: "text" }, { name: "settles", kind: "text" }, { name: "days", kind: "number" }
    ].concat(kinds.map(function (k) { return { name: measure + ", " + (k === "other" ? "other rows" : k + "s"), unit: unit, kind: "number" }; }), [
      { name: measure + ", net", unit: unit, kind: "number" }, { name: "share of gross gamma", kind: "percent" },
      { name: "cumulative share", kind: "percent" }, { name: "flip without", unit: desk.model.currency, kind: "price" }
    ]);
    var rows = data.label.map(function (label, i) {
      return [label, (listed(data, i) || {}).settles || "", data.days[i]].concat(
        kinds.map(function (k) { return parts[k][i]; }), [parts.net[i], data.share[i], data.cumulative[i], data.without[i]]);
    });
    return { columns: columns, rows: rows, caption: "By expiry", csv: desk.fileName("expiries_" + measure, "csv") };
  }

  desk.section("expiries", {
    title: "Expiries", order: 6,
    draw: function (place, data, ctx) {
      var colors = ctx.colors, measure = data.measures[ctx.state.measure] ? ctx.state.measure : "gamma";
      var x = labels(data), unit = desk.unitOf(measure), scale = desk.unit(data.measures[measure].net, unit);
      var range = prices(data), heat = map(data, x, measure, colors, range, scale), traces = bars(data, x, measure, colors, scale);
      traces.push({
        type: "scatter", mode: "lines+markers", x: x, y: data.cumulative.map(function (s) { return 100 * s; }), name: "cumulative share of gross gamma",
        xaxis: "x", yaxis: "y2", line: { color: colors.soft, width: 1.5, dash: "dot" }, marker: { size: 4 },
        hovertemplate: "%{y:.1f}% of gross gamma by then<extra></extra>"
      });
      var solved = data.without.some(function (flip) { return flip !== null; }), lower = heat || solved;
      if (heat) { traces.push(heat); }
      if (solved) { traces.push(dots(data, x, colors)); }
      var layout = {
        barmode: "relative", margin: { t: 44 }, legend: { y: 1.02 },
        xaxis: { type: "category", anchor: lower ? "y3" : "y", tickfont: { size: x.length > 16 ? 9 : 11 } },
        yaxis: { title: { text: measure + " [" + desk.plain(scale.unit) + "]" }, domain: lower ? [0.64, 1] : [0, 1] },
        yaxis2: { overlaying: "y", side: "right", range: [0, 103], tickmode: "array", tickvals: [0, 25, 50, 75, 100], showgrid: false, ticksuffix: "%", title: { text: "share" } },
        shapes: [], annotations: []
      };
      if (lower) {
        layout.yaxis3 = { domain: [0, 0.58], range: range, title: { text: "strike, spot [" + desk.plain(desk.model.currency) + "]" }, tickformat: ",", showgrid: false };
        layout.shapes.push(desk.lineAt("y3", desk.model.spot, colors.spot, "dash"));
        layout.annotations.push(desk.mark("y3", desk.model.spot, "spot " + desk.price(desk.model.spot), colors.spot));
        if (data.flip !== null && data.flip > range[0] && data.flip < range[1]) {
          layout.shapes.push(desk.lineAt("y3", data.flip, colors.flip));
          layout.annotations.push(desk.mark("y3", data.flip, "flip " + desk.price(data.flip), colors.flip));
        }
      }
      desk.note(place, (ctx.state.rule === ctx.model["default"].rule ? "" : "Bars and flips under the page's rule, " + desk.words(ctx.model["default"].rule)
        + "; the map under " + desk.words(ctx.state.rule) + ". ") + data.note
        + (heat ? " Map: color grows with the square root of " + measure + " at each strike and expiry." : ""));
      desk.chart(place, traces, layout, {
        height: lower ? 640 : 340, table: table(data, measure, unit),
        label: measure + " by expiry, its cumulative share, and " + measure + " by strike and expiry"
      });
    }
  });
})(window.desk);
