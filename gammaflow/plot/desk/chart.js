// Charts by plotly, which is unpacked once, after the first screen is drawn.
(function (desk) {
  "use strict";
  var FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";
  var element = desk.element, loading = null, collected = null;

  // Text of a packed element of the page.
  desk.unpack = function (id) {
    var bytes = Uint8Array.from(atob(document.getElementById(id).textContent), function (c) { return c.charCodeAt(0); });
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  };
  // A model with its shared lists put back.
  desk.restore = function (packed) {
    var lists = packed.lists;
    function signed(list, signs) {
      return list.map(function (x, i) { return signs[i] === "+" ? x : signs[i] === "0" ? 0 : -x; });
    }
    function full(item) {
      if (Array.isArray(item)) { return item.map(full); }
      if (item === null || typeof item !== "object") { return item; }
      if (Number.isInteger(item.list)) { return item.signs ? signed(lists[item.list], item.signs) : lists[item.list]; }
      Object.keys(item).forEach(function (key) { item[key] = full(item[key]); });
      return item;
    }
    return full(packed.model);
  };
  // Promise of plotly.
  desk.plotly = function () {
    loading = loading || desk.unpack("plotly").then(function (code) {
      var script = element("script");
      script.textContent = code;
      document.head.append(script);
      document.getElementById("plotly").remove();
      return window.Plotly;
    });
    return loading;
  };

  function merged(under, over) {
    var out = Object.assign({}, under);
    Object.keys(over || {}).forEach(function (key) {
      var a = out[key], b = over[key];
      out[key] = a && b && typeof a === "object" && typeof b === "object" && !Array.isArray(b) ? merged(a, b) : b;
    });
    return out;
  }
  function house(layout, height) {
    var colors = desk.colors(), narrow = window.innerWidth < 600;
    var axis = {
      gridcolor: colors.grid, zerolinecolor: colors.soft, zerolinewidth: 1, automargin: true, linecolor: colors.grid,
      title: { standoff: 10 }
    };
    var out = {
      template: {}, height: height, autosize: true, separators: ".,",
      font: { family: FONT, size: narrow ? 11 : 12.5, color: colors.text },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      margin: { l: 12, r: 12, t: 30, b: 12 },
      hoverlabel: { bgcolor: colors.paper, bordercolor: colors.grid, font: { color: colors.text } },
      legend: {
        orientation: "h", x: 0, y: 1, xanchor: "left", yanchor: "bottom", itemclick: false, itemdoubleclick: false
      },
      dragmode: window.matchMedia("(pointer: coarse)").matches ? false : "zoom",
      xaxis: {}, yaxis: {}
    };
    out = merged(out, layout);
    Object.keys(out).filter(function (key) { return /^[xy]axis\d*$/.test(key); }).forEach(function (key) {
      out[key] = merged(axis, out[key]);
    });
    return out;
  }

  // Draws plotly traces with the look of the page. options: height [px]; label, what a screen reader says; table,
  // the same numbers as a table (see desk.table), opened by the reader.
  desk.chart = function (place, traces, layout, options) {
    options = options || {};
    if (collected) { collected.push({ traces: traces, layout: layout, options: options }); return element("div"); }
    var height = options.height || 360, reused = place.deskCharts && place.deskCharts.shift();
    var box = reused || element("div", { class: "chart", role: "img" });
    box.setAttribute("aria-label", options.label || "");
    box.style.height = height + "px";
    var figure = element("figure", {}, box);
    if (options.table) {
      var inner = element("details", { class: "as-table" }, element("summary", { text: "Table" }));
      desk.table(inner, options.table);
      figure.append(inner);
    }
    var name = options.label || "chart";
    figure.append(element("p", { class: "tools" }, element("button", {
      type: "button", text: "Picture", "aria-label": "Save a picture: " + name,
      click: function () { desk.savePlot(box); }
    })));
    place.append(figure);
    box.deskDrawn = desk.plotly().then(function (Plotly) {
      if (!box.isConnected) { return null; }
      var full = house(layout, height);
      if (desk.printing) { full = merged(full, { width: box.clientWidth, autosize: false }); }
      return Plotly.react(box, traces, full, { responsive: true, displayModeBar: false });
    });
    return box;
  };
  // A picture of a chart on white, with symbol, date and rule; a promise of it.
  desk.savePlot = function (box) {
    var section = box.closest(".section"), at = Array.from(section.querySelectorAll(".chart")).indexOf(box), full, spec;
    desk.onPaper(function () {
      collected = [];
      try { desk.drawInto(section, element("div")); } finally { spec = collected[at]; collected = null; }
      full = house(spec.layout, spec.options.height || 360);
    });
    var lines = desk.pictureTitle().concat(spec.options.label || []).map(desk.plain), room = 10 + 17 * lines.length;
    var height = (spec.options.height || 360) + room;
    full = merged(full, {
      width: 1000, height: height, autosize: false, paper_bgcolor: "#ffffff", plot_bgcolor: "#ffffff",
      margin: { t: room + (full.margin.t || 0) }, title: {
        text: "<b>" + lines[0] + "</b><br>" + lines.slice(1).join("<br>"), x: 0.012, xanchor: "left", y: 1, yref: "container",
        yanchor: "top", pad: { t: 14 }, font: { size: 12.5 }, automargin: false
      }
    });
    return desk.plotly().then(function (Plotly) {
      return Plotly.toImage({ data: spec.traces, layout: full }, { format: "png", width: 1000, height: height, scale: 2 });
    }).then(function (address) {
      var blob = decoded(address);
      desk.save(desk.fileName(spec.options.label || "chart", "png"), blob);
      return blob;
    });
  };
  function decoded(address) {
    var bytes = Uint8Array.from(atob(address.split(",")[1]), function (c) { return c.charCodeAt(0); });
    return new Blob([bytes], { type: "image/png" });
  }
  // A text that plotly shows as it is: it reads some HTML.
  desk.plain = function (text) {
    return String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  };
  // Lines above every exported picture.
  desk.pictureTitle = function () {
    var model = desk.model;
    return [
      model.symbol + " " + desk.price(model.spot) + ", " + model.asof_text,
      desk.chosen().join("; ")
    ].concat(model.synthetic ? ["synthetic data"] : []);
  };
  // Name of a file about this page: symbol, what it shows, moment.
  desk.fileName = function (what, ending) {
    return [desk.model.symbol, what, desk.model.asof].map(function (part) {
      return String(part).replace(/[^A-Za-z0-9.+-]+/g, "_").slice(0, 60);
    }).join("_") + "." + ending;
  };
})(window.desk);
