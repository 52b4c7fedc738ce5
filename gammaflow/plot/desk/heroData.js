// Numbers of the hero: bars by strike of the controls, the view's curves, and the levels to mark.
(function (desk) {
  "use strict";
  var NAMES = { gamma: "Gamma", vanna: "Vanna", charm: "Charm", open_interest: "Open interest", volume: "Volume" };

  // What the bars count: a measure, or contracts.
  desk.barMeasure = function () {
    var state = desk.state;
    if (state.bars === "open_interest" || state.bars === "volume") { return state.bars; }
    return state.measure === "flow" ? "gamma" : state.measure;
  };

  // Bars at the listed strikes. series: name, color, hatched, values (by strike, beside `strikes`).
  desk.bars = function () {
    var state = desk.state, colors = desk.colors(), table = desk.model.strikes[state.rule] || { strike: [] };
    var measure = desk.barMeasure(), counted = measure === "open_interest" || measure === "volume";
    var values = table[measure] || [], next = desk.nextExpiry(), split = counted || state.bars === "sides";
    var wanted = desk.selected(state.selection), chosen = {}, sums = new Map();
    wanted.forEach(function (i) { chosen[i] = true; });
    var several = wanted.length > 1 && chosen[next];
    function kind(side) { return side === "call" || side === "put" ? side : "other"; }
    for (var i = 0; i < table.strike.length; i++) {
      var expiry = table.expiry[i], value = values[i];
      if (value === null || value === undefined || table.strike[i] === null) { continue; }
      if (!chosen[expiry] && !(expiry === null && state.selection === "all")) { continue; }
      var key = (split ? kind(table.side[i]) : "net") + (several && expiry === next ? " next" : "");
      var row = sums.get(table.strike[i]);
      if (!row) { row = {}; sums.set(table.strike[i], row); }
      row[key] = (row[key] || 0) + (counted && table.side[i] === "put" ? -value : value);
    }
    var strikes = Array.from(sums.keys()).sort(function (a, b) { return a - b; });
    var label = several ? desk.model.expiries[next].label : "";
    var order = ["net", "call", "put", "other"].map(function (name) { return [name, name + " next"]; }).flat();
    var series = order.map(function (name) {
      var group = name.split(" ")[0], late = name !== group;
      return {
        name: ({ net: "net", call: "calls", put: "puts", other: "others" })[group] +
          (late ? ", expiring " + label : several && group === "net" ? ", later expiries" : ""),
        group: group, hatched: late, color: colors[group] || null,
        values: strikes.map(function (K) { return sums.get(K)[name] || 0; })
      };
    }).filter(function (one) { return one.values.some(function (x) { return x !== 0; }); });
    return {
      strikes: strikes, series: series, measure: measure, counted: counted, name: NAMES[measure],
      unit: counted ? "contracts" : desk.unitOf(measure),
      net: strikes.map(function (_, i) { return series.reduce(function (sum, one) { return sum + one.values[i]; }, 0); })
    };
  };

  // Lowest and highest price shown.
  desk.priceRange = function (bars) {
    var spot = desk.model.spot, range = desk.state.range;
    if (range !== "all") { return [spot * (1 - range / 100), spot * (1 + range / 100)]; }
    var sizes = bars.strikes.map(function (_, i) {
      return bars.series.reduce(function (sum, one) { return sum + Math.abs(one.values[i]); }, 0);
    });
    var least = 1e-4 * Math.max.apply(null, sizes.concat(0));
    var kept = bars.strikes.filter(function (_, i) { return sizes[i] > least; });
    var low = kept.length ? kept[0] : spot, high = kept.length ? kept[kept.length - 1] : spot;
    var pad = 0.02 * (high - low) || 0.05 * spot;
    return [Math.max(0, Math.min(low - pad, 0.95 * spot)), Math.max(high + pad, 1.05 * spot)];
  };

  // Share of the gross of the bars that lies between two prices.
  desk.shareShown = function (bars, range) {
    var inside = 0, all = 0;
    bars.strikes.forEach(function (K, i) {
      var size = bars.series.reduce(function (sum, one) { return sum + Math.abs(one.values[i]); }, 0);
      all += size;
      if (K >= range[0] && K <= range[1]) { inside += size; }
    });
    return all ? inside / all : null;
  };

  // Senses of one level in few words: "net; net, without the next expiry" is "net, also ex next".
  desk.senses = function (senses) {
    var said = "";
    senses.filter(Boolean).forEach(function (sense) {
      var short = sense.replace("without the next expiry", "ex next"), stem = short.replace(/, ex next$/, "");
      if (!said) { said = short; } else if (stem !== short && said.endsWith(stem)) { said += ", also ex next"; } else { said += "; " + short; }
    });
    return said;
  };

  // Levels marked across the panels: walls of the sense that the bars show, flips, spot.
  desk.marks = function () {
    var view = desk.view(), colors = desk.colors(), found = [];
    if (!view) { return found; }
    var walls = view.levels.filter(function (level) { return level.kind === "wall" && level.value !== null; });
    var byType = desk.state.bars !== "net";
    var fitting = walls.filter(function (level) { return /type/.test(level.sense) === byType; });
    (fitting.length ? fitting : walls).forEach(function (level) {
      var put = /put/i.test(level.key + level.name), call = /call/i.test(level.key + level.name);
      var color = byType ? (put ? colors.put : call ? colors.call : colors.soft)
        : put ? colors.short : call ? colors.long : colors.soft;
      var same = found.find(function (mark) { return mark.value === level.value && mark.name === level.name; });
      if (same) { same.senses.push(level.sense); return; }
      found.push({ value: level.value, kind: "wall", name: level.name, senses: [level.sense], color: color, dash: "2 3" });
    });
    found.forEach(function (mark) {
      var sense = desk.senses(mark.senses);
      mark.text = mark.name.toLowerCase() + (sense ? " (" + sense + ")" : "") + " " + desk.strike(mark.value);
    });
    view.flips.forEach(function (flip) {
      found.push({ value: flip.spot, kind: "flip", color: colors.flip, dash: null, text: "zero gamma " + desk.price(flip.spot) });
    });
    found.push({ value: desk.model.spot, kind: "spot", color: colors.spot, dash: "7 5", text: "spot " + desk.price(desk.model.spot) });
    return found;
  };
})(window.desk);
