// Colours: long and short, calls and puts, and venues never share one; calls are dark where puts are light.
(function (desk) {
  "use strict";
  var LIGHT = {
    text: "#1f2937", soft: "#5b6472", grid: "#e5e7eb", paper: "#ffffff", line: "#1f2937", spot: "#111827",
    flip: "#7b3f98", long: "#0072b2", short: "#c2410c", call: "#115e59", put: "#d99ac4", other: "#8a8f98",
    shade: "#6b7280", venue: ["#374151", "#a3aab5", "#6b7280", "#d1d5db", "#52525b", "#bfc4cc"]
  };
  var DARK = {
    text: "#e5e7eb", soft: "#a3adbb", grid: "#2f3947", paper: "#18202b", line: "#f3f4f6", spot: "#f9fafb",
    flip: "#d3a4ee", long: "#4fb0e8", short: "#f5894a", call: "#7fe0c8", put: "#a5517f", other: "#8a8f98",
    shade: "#9ca3af", venue: ["#d1d5db", "#6b7280", "#a3aab5", "#4b5563", "#e5e7eb", "#8a94a3"]
  };
  var dark = window.matchMedia("(prefers-color-scheme: dark)"), onPaper = false;

  // True while the page is dark; never on paper or in an exported picture.
  desk.dark = function () {
    var theme = desk.state && desk.state.theme;
    return !onPaper && (theme ? theme === "dark" : dark.matches);
  };
  // Colours of the theme in use.
  desk.colors = function () { return desk.dark() ? DARK : LIGHT; };
  // Runs f with the colours of paper.
  desk.onPaper = function (f) {
    onPaper = true;
    try { return f(); } finally { onPaper = false; }
  };
  desk.holdPaper = function (held) { onPaper = held; };
  // A colour, partly transparent.
  desk.clear = function (color, opacity) {
    var n = parseInt(color.slice(1), 16);
    return "rgba(" + [n >> 16, (n >> 8) & 255, n & 255, opacity].join(",") + ")";
  };

  desk.showTheme = function () {
    document.documentElement.setAttribute("data-theme", desk.dark() ? "dark" : "light");
  };
  desk.on("model", desk.showTheme);
  desk.on("theme", desk.showTheme);
  dark.addEventListener("change", function () {
    if (desk.state && !desk.state.theme) { desk.listeners.theme.forEach(function (f) { f(desk.state, "theme"); }); }
  });
})(window.desk);
