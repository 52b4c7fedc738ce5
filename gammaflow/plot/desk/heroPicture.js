// The hero as one SVG: panels that share a price axis.
(function (desk) {
  "use strict";
  var svg = desk.svg, FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";
  var made = 0;

  function text(x, y, words, options) {
    return svg("text", Object.assign({ x: x, y: y, text: words, "font-size": 12 }, options));
  }
  function halo(color) { return { stroke: color, "stroke-width": 4, "stroke-linejoin": "round", "paint-order": "stroke" }; }
  function rect(x, y, width, height, fill, opacity) {
    return svg("rect", {
      x: Math.min(x, x + width), y: Math.min(y, y + height), width: Math.abs(width), height: Math.abs(height), fill: fill,
      "fill-opacity": opacity
    });
  }
  function round(x) { return Math.round(x * 10) / 10; }

  // Where rows of panels go: side by side, or trades below the bars where the page is narrow.
  function plan(width, height, top, flowOnly) {
    var left = 54, right = 6, foot = 22, head = 36;
    function row(y, h, panels) {
      var free = width - left - right - 14 * (panels.length - 1), x = left, sum = 0;
      panels.forEach(function (panel) { sum += panel[1]; });
      return {
        y: y + head, h: h - head - foot,
        panels: panels.map(function (panel) {
          var w = free * panel[1] / sum, at = { key: panel[0], x: x, w: w };
          x += w + 14;
          return at;
        })
      };
    }
    var curves = flowOnly ? [["flow", 50]] : [["curve", 25], ["flow", 25]];
    if (width >= 560) { return [row(top, height - top, [["bars", 50]].concat(curves))]; }
    var half = (height - top) / 2;
    return [row(top, half, [["bars", 1]]), row(top + half, half, curves)];
  }

  function barPanel(group, area, y, price, bars, colors, ids) {
    var divisor = desk.unit([].concat.apply([], bars.series.map(function (s) { return s.values; })), bars.unit);
    var inside = bars.strikes.map(function (K, i) { return K >= price[0] && K <= price[1] ? i : -1; })
      .filter(function (i) { return i >= 0; });
    var low = 0, high = 0, gap = Infinity;
    var stacks = inside.map(function (i) {
      var up = 0, down = 0;
      return bars.series.map(function (one) {
        var value = one.values[i], start = value >= 0 ? up : down;
        if (value >= 0) { up += value; } else { down += value; }
        low = Math.min(low, down);
        high = Math.max(high, up);
        return [start, start + value];
      });
    });
    for (var k = 1; k < inside.length; k++) { gap = Math.min(gap, bars.strikes[inside[k]] - bars.strikes[inside[k - 1]]); }
    var pad = 0.05 * (high - low) || 1;
    var x = desk.scale(low - (low < 0 ? pad : 0), high + pad, area.x, area.x + area.w);
    var thick = Math.max(1, Math.min(9, 0.78 * Math.abs(y(price[0] + (isFinite(gap) ? gap : price[0] / 100)) - y(price[0]))));
    bars.series.forEach(function (one, s) {
      var paths = { up: "", down: "" };
      inside.forEach(function (i, k) {
        var from = x(stacks[k][s][0]), to = x(stacks[k][s][1]), at = y(bars.strikes[i]) - thick / 2;
        if (from !== to) {
          paths[to >= from ? "up" : "down"] += "M" + round(from) + " " + round(at) + "H" + round(to) + "v" + round(thick) + "H" + round(from) + "Z";
        }
      });
      ["up", "down"].forEach(function (side) {
        if (!paths[side]) { return; }
        var color = one.color || (side === "up" ? colors.long : colors.short);
        group.append(svg("path", { d: paths[side], fill: one.hatched ? "url(#" + hatch(ids, color) + ")" : color }));
        if (one.hatched) { group.append(svg("path", { d: paths[side], fill: "none", stroke: color, "stroke-width": 0.5 })); }
      });
    });
    // Where parts of a strike have both signs, a tick shows their sum.
    if (!bars.counted && bars.series.length > 1) {
      var ticks = inside.filter(function (i) {
        return bars.series.some(function (s) { return s.values[i] > 0; }) && bars.series.some(function (s) { return s.values[i] < 0; });
      }).map(function (i) {
        return "M" + round(x(bars.net[i])) + " " + round(y(bars.strikes[i]) - thick / 2 - 1) + "v" + round(thick + 2);
      }).join("");
      if (ticks) { group.append(svg("path", { d: ticks, stroke: colors.text, "stroke-width": 1.6, fill: "none" })); }
    }
    return { x: x, unit: divisor, absolute: bars.counted };
  }

  function hatch(ids, color) {
    var id = ids.prefix + "h" + color.slice(1);
    if (!ids.defs.querySelector("#" + id)) {
      ids.defs.append(svg("pattern", { id: id, width: 4, height: 4, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
        svg("rect", { width: 1.7, height: 4, fill: color })));
    }
    return id;
  }

  function curvePanel(group, area, y, price, spots, values, unit, colors, ids, filled) {
    var seen = [0], path = "", edge = "", started = false;
    [price[0], price[1]].forEach(function (S) { var v = desk.between(spots, values, S); if (v !== null) { seen.push(v); } });
    spots.forEach(function (S, i) { if (S >= price[0] && S <= price[1] && values[i] !== null) { seen.push(values[i]); } });
    var low = Math.min.apply(null, seen), high = Math.max.apply(null, seen), pad = 0.06 * (high - low) || 1;
    var x = desk.scale(low - pad, high + pad, area.x, area.x + area.w), first = 0, last = 0;
    spots.forEach(function (S, i) {
      if (values[i] === null) { return; }
      edge += (started ? "L" : "M") + round(x(values[i])) + " " + round(y(S));
      if (!started) { first = y(S); started = true; }
      last = y(S);
    });
    if (filled && started) {
      path = edge + "L" + round(x(0)) + " " + round(last) + "L" + round(x(0)) + " " + round(first) + "Z";
      [["u", colors.long, x(0), area.x + area.w - x(0)], ["d", colors.short, area.x, x(0) - area.x]].forEach(function (half) {
        var id = ids.prefix + half[0];
        ids.defs.append(svg("clipPath", { id: id }, rect(half[2], area.y, Math.max(0, half[3]), area.h)));
        group.append(svg("path", { d: path, fill: half[1], "fill-opacity": 0.24, "clip-path": "url(#" + id + ")" }));
      });
    }
    group.append(svg("path", { d: edge, fill: "none", stroke: colors.line, "stroke-width": 2, "stroke-linejoin": "round" }));
    return { x: x, unit: desk.unit(seen, unit) };
  }

  function zones(group, area, y, x, view, colors) {
    view.zones.forEach(function (zone) {
      function strip(low, high, opacity, says) {
        if (low === null || high === null) { return; }
        var mark = rect(area.x, y(low), 6, y(high) - y(low), colors.short, opacity);
        mark.append(svg("title", { text: says + " " + desk.price(low) + " to " + desk.price(high) }));
        group.append(mark);
      }
      strip(zone.low, zone.high, 0.35, "short-gamma zone");
      if (zone.core) { strip(zone.core[0], zone.core[1], 1, "core"); }
      if (zone.trough && zone.trough.spot !== null) {
        var tx = x(zone.trough.gamma), ty = y(zone.trough.spot);
        group.append(svg("circle", { cx: tx, cy: ty, r: 4, fill: colors.short, stroke: colors.paper, "stroke-width": 1.5 }));
        group.append(text(tx + 8, ty + 4, "trough " + desk.price(zone.trough.spot), Object.assign({ fill: colors.text, "font-size": 11 }, halo(colors.paper))));
      }
    });
  }

  function ladder(group, x, y, view, colors) {
    var rungs = view.ladder;
    rungs.move.forEach(function (move, i) {
      if (rungs.trade[i] === null) { return; }
      var at = { cx: x(rungs.trade[i]), cy: y(rungs.spot[i]), r: 3.5, fill: colors.paper, stroke: colors.line, "stroke-width": 1.5 };
      group.append(svg("circle", at));
      group.append(text(at.cx + 8, at.cy + 4, desk.percent(move, 0, true) + ": " + desk.money(rungs.trade[i], true),
        Object.assign({ fill: colors.text, "font-size": 11 }, halo(colors.paper))));
    });
  }

  // Heights of the labels, moved apart where they would overlap.
  function spread(marks, y, top, bottom) {
    var placed = marks.map(function (mark) { return { mark: mark, y: y(mark.value) }; })
      .sort(function (a, b) { return a.y - b.y; });
    for (var turn = 0; turn < 40; turn++) {
      for (var i = 1; i < placed.length; i++) {
        var short = 15 - (placed[i].y - placed[i - 1].y);
        if (short > 0.01) { placed[i].y += short / 2; placed[i - 1].y -= short / 2; }
      }
      placed.forEach(function (one) { one.y = Math.max(top + 8, Math.min(bottom - 6, one.y)); });
    }
    return placed;
  }

  function fitted(words, width) {
    var most = Math.floor(width / 6.2);
    return words.length > most ? words.slice(0, Math.max(3, most - 1)) + "\u2026" : words;
  }

  // The picture. options: width, height, title (lines above, for an exported one). Its `deskRows` give the scales.
  desk.heroPicture = function (options) {
    var colors = desk.colors(), view = desk.view(), bars = desk.bars(), price = desk.priceRange(bars), state = desk.state;
    var width = options.width, height = options.height, lines = options.title || [], rows = [];
    var ids = { prefix: "hero" + (made += 1), defs: svg("defs") };
    var picture = svg("svg", {
      width: width, height: height, viewBox: "0 0 " + width + " " + height, "font-family": FONT, fill: colors.text,
      xmlns: "http://www.w3.org/2000/svg", "aria-hidden": "true"
    }, ids.defs);
    if (lines.length) { picture.append(rect(0, 0, width, height, colors.paper)); }
    lines.forEach(function (line, i) { picture.append(text(12, 20 + 17 * i, line, { "font-weight": i ? 400 : 700, "font-size": 13 })); });
    var top = legend(picture, bars, colors, width, lines.length ? 14 + 17 * lines.length : 0, ids);
    var measure = state.measure === "flow" ? "gamma" : state.measure, marks = desk.marks().filter(function (mark) {
      return mark.value >= price[0] && mark.value <= price[1];
    });
    plan(width, height, top, state.measure === "flow").forEach(function (row) {
      var y = desk.scale(price[0], price[1], row.y + row.h, row.y), first = row.panels[0], end = row.panels[row.panels.length - 1];
      var grid = desk.ticks(price[0], price[1], row.h / 55), sigma = desk.model.sigma;
      grid.values.forEach(function (value) {
        picture.append(text(first.x - 8, y(value) + 4, desk.number(value, grid.digits), { "text-anchor": "end", fill: colors.soft }));
      });
      row.panels.forEach(function (area) {
        area.y = row.y;
        area.h = row.h;
        ids.defs.append(svg("clipPath", { id: ids.prefix + area.key }, rect(area.x, row.y, area.w, row.h)));
        grid.values.forEach(function (value) {
          picture.append(svg("line", { x1: area.x, x2: area.x + area.w, y1: y(value), y2: y(value), stroke: colors.grid }));
        });
        var inner = svg("g", { "clip-path": "url(#" + ids.prefix + area.key + ")" });
        if (sigma && sigma.low !== null && sigma.high !== null) {
          inner.append(rect(area.x, y(sigma.high), area.w, y(sigma.low) - y(sigma.high), colors.shade, 0.13));
        }
        var body = svg("g"), found = null, title = "";
        if (area.key === "bars") {
          found = barPanel(body, area, y, price, bars, colors, ids);
          title = bars.name + " by strike";
        } else if (view && area.key === "curve" && view[measure]) {
          found = curvePanel(body, area, y, price, view.spots, view[measure], desk.unitOf(measure), colors, ids, true);
          title = ({ gamma: "Gamma", vanna: "Vanna", charm: "Charm" })[measure] + " at that spot";
          if (measure === "gamma") { zones(body, area, y, found.x, view, colors); }
        } else if (view && area.key === "flow" && view.flow) {
          found = curvePanel(body, area, y, price, view.spots, view.flow, desk.model.currency, colors, ids, false);
          title = "Dealers trade to there";
          if (state.measure === "flow") { ladder(body, found.x, y, view, colors); }
        }
        picture.append(inner);
        if (!found) {
          picture.append(text(area.x + 8, row.y + 20, "not computed", { fill: colors.soft }));
          rows.push({ area: area, y: y });
          return;
        }
        var across = desk.ticks(found.x.from / found.unit.divisor, found.x.to / found.unit.divisor, area.w / 75);
        across.values.forEach(function (value) {
          var at = found.x(value * found.unit.divisor);
          inner.append(svg("line", { x1: at, x2: at, y1: row.y, y2: row.y + row.h, stroke: colors.grid }));
          if (at > area.x + 10 && at < area.x + area.w - 6) {
            picture.append(text(at, row.y + row.h + 16, desk.number(found.absolute ? Math.abs(value) : value, across.digits), {
              "text-anchor": "middle", fill: colors.soft, "font-size": 11.5
            }));
          }
        });
        inner.append(body);
        inner.append(svg("line", { x1: found.x(0), x2: found.x(0), y1: row.y, y2: row.y + row.h, stroke: colors.text, "stroke-width": 1 }));
        marks.forEach(function (mark) {
          inner.append(svg("line", {
            x1: area.x, x2: area.x + area.w, y1: y(mark.value), y2: y(mark.value), stroke: mark.color, "stroke-width": 1.4,
            "stroke-dasharray": mark.dash, "data-mark": mark.kind, "data-value": mark.value
          }));
        });
        var middle = { "text-anchor": "middle", "font-size": 13, "font-weight": 600 }, below = found.unit.unit;
        if (area.key === "flow") { below += ", + buy, - sell"; } else if (area.key === "bars") { below += sideWords(bars); }
        picture.append(text(area.x + area.w / 2, row.y - 18, fitted(title, area.w * 0.85), middle));
        picture.append(text(area.x + area.w / 2, row.y - 4, fitted(below, area.w), {
          "text-anchor": "middle", "font-size": 11.5, fill: colors.soft
        }));
        rows.push({ area: area, y: y });
      });
      if (first.key === "bars") {
        spread(marks, y, row.y, row.y + row.h).forEach(function (one) {
          picture.append(text(first.x + first.w - 4, one.y + (Math.abs(one.y - y(one.mark.value)) < 2 ? -3 : 3),
            fitted(one.mark.text, first.w), Object.assign({ "text-anchor": "end", fill: one.mark.color, "font-weight": 600 }, halo(colors.paper))));
        });
      }
      rows.push({ band: true, y: y, top: row.y, bottom: row.y + row.h, left: first.x, right: end.x + end.w });
    });
    picture.deskRows = rows;
    picture.deskBars = bars;
    return picture;
  };
  function sideWords(bars) {
    if (bars.counted) { return ", puts to the left, calls to the right"; }
    return desk.model.signed ? ", + dealers long, - short" : ", open interest alone, no dealer sign";
  }

  // Legend of the bars; the height it ends at.
  function legend(picture, bars, colors, width, top, ids) {
    var x = 54, y = top + 14, entries = [];
    bars.series.forEach(function (one) {
      entries.push({ name: one.name, colors: one.color ? [one.color] : [colors.long, colors.short], hatched: one.hatched });
    });
    if (!bars.counted && bars.series.length > 1) { entries.push({ name: "net where signs differ", tick: true }); }
    if (desk.model.sigma && desk.model.sigma.low !== null) { entries.push({ name: "one-day \u03c3", shade: true }); }
    entries.forEach(function (entry) {
      var wide = 30 + 6.6 * entry.name.length + (entry.colors && entry.colors.length > 1 ? 14 : 0);
      if (x + wide > width && x > 54) { x = 54; y += 18; }
      if (entry.tick) {
        picture.append(svg("line", { x1: x + 6, x2: x + 6, y1: y - 9, y2: y + 1, stroke: colors.text, "stroke-width": 1.6 }));
      } else if (entry.shade) {
        picture.append(rect(x, y - 9, 12, 10, colors.shade, 0.25));
      } else {
        entry.colors.forEach(function (color, i) {
          picture.append(svg("rect", {
            x: x + 14 * i, y: y - 9, width: 12, height: 10, fill: entry.hatched ? "url(#" + hatch(ids, color) + ")" : color, stroke: color,
            "stroke-width": 0.5
          }));
        });
      }
      picture.append(text(x + 17 + (entry.colors && entry.colors.length > 1 ? 14 : 0), y, entry.name, { fill: colors.soft }));
      x += wide;
    });
    return y + 8;
  }
})(window.desk);
