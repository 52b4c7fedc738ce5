// What several sections draw: charts side by side, notes, lines across a chart, a ramp of lines.
(function (desk) {
  "use strict";
  var element = desk.element;

  // Boxes side by side where there is room, each at least `least` rem wide.
  desk.beside = function (place, count, least) {
    var grid = element("div", {
      style: "display:grid;gap:6px 24px;grid-template-columns:repeat(auto-fit,minmax(min(100%," + (least || 24) + "rem),1fr))"
    });
    var boxes = [];
    for (var i = 0; i < count; i++) {
      boxes.push(element("div", { style: "min-width:0" }));
      grid.append(boxes[i]);
    }
    place.append(grid);
    return boxes;
  };
  desk.heading = function (place, text) { place.append(element("h3", { text: text, style: "margin-top:12px" })); };
  desk.note = function (place, text) {
    if (text) { place.append(element("p", { class: "note", text: text })); }
  };
  // A line across a chart at a value of an axis ("x", "y2" ...), and its name.
  desk.lineAt = function (axis, value, color, dash, over) {
    var along = axis.charAt(0) === "x" ? "x" : "y", across = along === "x" ? "y" : "x", shape = {
      type: "line", layer: "above", line: { color: color, width: 1.4, dash: dash || "solid" }
    };
    shape[along + "ref"] = axis;
    shape[across + "ref"] = over || "paper";
    shape[along + "0"] = shape[along + "1"] = value;
    shape[across + "0"] = 0;
    shape[across + "1"] = 1;
    return shape;
  };
  desk.mark = function (axis, value, text, color, place) {
    var along = axis.charAt(0) === "x" ? "x" : "y", across = along === "x" ? "y" : "x", out = {
      text: desk.plain(text), showarrow: false, font: { color: color, size: 11 },
      bgcolor: desk.clear(desk.colors().paper, 0.8), borderpad: 1
    };
    out[along + "ref"] = axis;
    out[across + "ref"] = "paper";
    out[along] = value;
    out[across] = place === undefined ? 1 : place;
    out[along + "anchor"] = along === "y" ? "bottom" : "left";
    out[across + "anchor"] = across === "x" ? "right" : "top";
    return out;
  };
  // Colour, dash and symbol of the i-th of n lines: from the page's ink to a third of it.
  desk.ramp = function (i, n) {
    var colors = desk.colors(), share = n > 1 ? i / (n - 1) : 0;
    function part(color, at) { return parseInt(color.slice(1 + 2 * at, 3 + 2 * at), 16); }
    var mixed = [0, 1, 2].map(function (at) {
      return Math.round(part(colors.text, at) * (1 - 0.62 * share) + part(colors.paper, at) * 0.62 * share);
    });
    return {
      color: "#" + mixed.map(function (x) { return x.toString(16).padStart(2, "0"); }).join(""),
      dash: ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot"][i % 6],
      symbol: ["circle", "square", "diamond", "triangle-up", "triangle-down", "cross"][i % 6]
    };
  };
  desk.words = function (name) { return String(name).replace(/_/g, " "); };
  // Values over a divisor; what is missing stays so.
  desk.over = function (values, divisor) {
    return values.map(function (x) { return x === null || x === undefined ? null : x / divisor; });
  };
  // Rows of a table from its columns.
  desk.rows = function (columns) {
    return columns.length ? columns[0].map(function (_, i) { return columns.map(function (c) { return c[i]; }); }) : [];
  };
})(window.desk);
