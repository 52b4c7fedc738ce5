// The record of the day: gamma by strike and time, with spot and the levels over it.
(function (live, desk) {
  "use strict";
  var KEPT = 720, WINDOW = 24 * 3600e3, points = new Map();
  function time(point) { return Date.parse(point.asof); }
  function flat(lists) { return [].concat.apply([], lists); }
  function ascending(a, b) { return a - b; }

  live.record = function () { return Array.from(points.values()); };

  // Bounded here as on the server: 24 hours, evenly thinned.
  live.on(function (message, again) {
    if (again) { points.clear(); }
    if (!message.points.length) { return; }
    message.points.forEach(function (point) { points.set(point.asof, point); });
    var record = live.record().sort(function (a, b) { return time(a) - time(b); }), last = time(record[record.length - 1]);
    record = record.filter(function (point) { return last - time(point) <= WINDOW; });
    while (record.length > KEPT) {
      var least = Infinity, place = 1;
      for (var i = 1; i < record.length - 1; i++) {
        var gap = time(record[i + 1]) - time(record[i - 1]);
        if (gap < least) { least = gap; place = i; }
      }
      record.splice(place, 1);
    }
    points = new Map(record.map(function (point) { return [point.asof, point]; }));
  });

  // Times and gammas of the columns, with an empty one at both ends of a hole in the record.
  function columns(record) {
    var steps = record.slice(1).map(function (point, i) { return time(point) - time(record[i]); }).sort(ascending);
    var usual = steps.length ? steps[Math.floor(steps.length / 2)] : 0, found = [];
    record.forEach(function (point, i) {
      if (i && time(point) - time(record[i - 1]) > 4 * usual) {
        [time(record[i - 1]) + usual, time(point) - usual].forEach(function (at) {
          found.push({ at: new Date(at).toISOString(), gammas: new Map() });
        });
      }
      found.push({ at: point.asof, gammas: new Map(point.strikes.map(function (strike, j) { return [strike, point.gammas[j]]; })) });
    });
    return found;
  }

  function draw(place, data, context) {
    var record = data.points;
    if (!record.length) { live.make("p", place, "", "The record of the day begins with the next chain."); return; }
    var colors = context.colors, gamma = context.model.units.gamma;
    var unit = desk.unit(flat(record.map(function (point) { return point.gammas; })), gamma);
    var strikes = Array.from(new Set(flat(record.map(function (point) { return point.strikes; })))).sort(ascending);
    var across = columns(record), top = 0;
    var z = strikes.map(function (strike) {
      return across.map(function (column) {
        var value = column.gammas.get(strike);
        top = Math.max(top, Math.abs(value || 0) / unit.divisor);
        return value === undefined ? null : value / unit.divisor;
      });
    });
    function line(name, key, color, dash, shape) {
      return {
        type: "scatter", mode: record.length > 1 ? "lines" : "markers", name: name,
        line: { color: color, dash: dash, width: 2, shape: shape || "linear" }, marker: { color: color },
        x: record.map(function (point) { return point.asof; }), y: record.map(function (point) { return point[key]; }),
        hovertemplate: name + " %{y:,}<extra></extra>"
      };
    }
    var spots = record.map(function (point) { return point.spot; });
    var low = Math.min.apply(null, spots), high = Math.max.apply(null, spots);
    var first = time(record[0]), last = time(record[record.length - 1]), margin = Math.max((last - first) / 60, 1000);
    desk.chart(place, [
      {
        type: "heatmap", x: across.map(function (column) { return column.at; }), y: strikes, z: z, zmin: -top, zmax: top,
        colorscale: [[0, colors.short], [0.5, colors.paper], [1, colors.long]], hoverongaps: false,
        colorbar: { title: { text: unit.unit, side: "right" }, thickness: 12 },
        hovertemplate: "%{x|%H:%M:%S} UTC, strike %{y:,}: %{z:,.3g} " + desk.plain(unit.unit) + "<extra></extra>"
      },
      line("spot", "spot", colors.spot, "solid"), line("zero gamma", "flip", colors.flip, "dash"),
      line("call wall", "call_wall", colors.call, "dot", "hv"), line("put wall", "put_wall", colors.put, "dot", "hv")
    ], {
      xaxis: { title: { text: "time, UTC" }, type: "date", range: [first - margin, last + margin].map(function (at) { return new Date(at).toISOString(); }) },
      yaxis: { title: { text: "strike" }, range: [0.95 * low, 1.05 * high], tickformat: ",~r" }
    }, { height: 440, label: "Gamma by strike and time, with spot, zero gamma and walls", table: table(record, gamma) });
  }
  function table(record, gamma) {
    var kinds = [["spot", "price"], ["flip", "price"], ["call_wall", "strike"], ["put_wall", "strike"], ["gamma", "number"]];
    return {
      columns: [{ name: "time", unit: "UTC", kind: "time" }].concat(kinds.map(function (pair) {
        return { name: pair[0].replace("_", " "), kind: pair[1], unit: pair[0] === "gamma" ? gamma : "" };
      })),
      rows: record.map(function (point) {
        return [live.stamp(point.asof).replace(" UTC", "")].concat(kinds.map(function (pair) { return point[pair[0]]; }));
      }),
      caption: "Levels at each chain of the record", csv: "day.csv", at: record.length - 1
    };
  }
  if (desk) { desk.section("day", { title: "The day so far", order: 1, draw: draw }); }
})(window.live, window.desk);
