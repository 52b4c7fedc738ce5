// The hero in its place: numbers above, a crosshair over all panels, the same as a table, and as a picture.
(function (desk) {
  "use strict";
  var element = desk.element, svg = desk.svg, at = null, picture = null, cross = null, parts = null, drawn = 0;

  function build() {
    var root = document.getElementById("hero");
    parts = {
      numbers: element("p", { id: "numbers" }),
      chosen: element("p", { id: "chosen" }),
      readout: element("p", { id: "readout" }),
      stage: element("div", {
        id: "stage", tabindex: "0", role: "slider", "aria-label": "Price under the crosshair; arrow keys move it by strike",
        pointermove: function (e) { point(e); }, pointerdown: function (e) { point(e); },
        pointerleave: function () { at = null; follow(); }, keydown: step
      }),
      table: element("details", { class: "as-table", toggle: table }, element("summary", { text: "Table by strike" })),
      tools: element("p", { class: "tools" }, element("button", {
        type: "button", text: "Picture", "aria-label": "Save a picture of the three panels",
        click: function () { desk.saveHero(); }
      }))
    };
    root.append(parts.numbers, parts.chosen, parts.readout, parts.stage, parts.tools, parts.table);
    if (window.ResizeObserver) {
      new ResizeObserver(function () { requestAnimationFrame(fit); }).observe(parts.stage);
    }
  }
  // Draws again where the place has another width.
  function fit() {
    if (!desk.printing && Math.abs(parts.stage.clientWidth - drawn) > 1) { draw(); }
  }

  function size() {
    var width = Math.max(280, parts.stage.clientWidth), free = window.innerHeight - parts.stage.offsetTop - 60;
    return { width: width, height: desk.printing ? 700 : width < 560 ? 900 : Math.max(500, Math.min(760, free)) };
  }
  function draw() {
    picture = desk.heroPicture(size());
    drawn = parts.stage.clientWidth;
    parts.stage.replaceChildren(picture);
    cross = null;
    follow();
  }

  // Net, gross and trades of the view, in words.
  function numbers() {
    var view = desk.view(), bars = picture.deskBars, words = [], state = desk.state;
    function say(name, value, id) { words.push([name, value, id]); }
    if (bars.counted) {
      [["calls", "call"], ["puts", "put"]].forEach(function (pair) {
        var sum = 0;
        bars.series.filter(function (s) { return s.group === pair[1]; }).forEach(function (s) {
          s.values.forEach(function (x) { sum += Math.abs(x); });
        });
        say(bars.name.toLowerCase() + ", " + pair[0], desk.number(Math.round(sum)), pair[1]);
      });
    } else if (view && view.total && view.total[bars.measure] !== undefined) {
      var unit = desk.unit([], desk.unitOf(bars.measure)).unit.replace(/^\S+ ?/, "");
      say("Net " + bars.measure, desk.money(view.total[bars.measure], true) + (unit ? " " + unit : ""), "net");
      if (bars.measure === "gamma") { say("gross", desk.money(view.gross) + " " + unit, "gross"); }
    }
    if (view && view.ladder) {
      [-0.01, 0.01].forEach(function (move) {
        var i = view.ladder.move.findIndex(function (m) { return Math.abs(m - move) < 1e-9; });
        if (i >= 0 && desk.model.signed) {
          say("dealers trade on " + desk.percent(move, 0, true), desk.money(view.ladder.trade[i], true), move < 0 ? "down" : "up");
        }
      });
    }
    var share = desk.shareShown(bars, desk.priceRange(bars));
    if (share !== null && state.range !== "all") { say("shown", desk.percent(share, 0) + " of the bars' gross", "shown"); }
    parts.numbers.replaceChildren();
    words.forEach(function (word) {
      parts.numbers.append(element("span", { "data-number": word[2] }, word[0] + " ", element("b", { text: word[1] })));
    });
  }

  function money(values, i, unit) { return values === null || values[i] === undefined ? "" : desk.money(values[i], true) + unit; }
  // What the crosshair says at a strike.
  function words(strike) {
    var bars = picture.deskBars, view = desk.view(), i = bars.strikes.indexOf(strike), said = [desk.strike(strike)];
    var unit = bars.counted ? "" : desk.unit([], bars.unit).unit.replace(/^\S+/, "");
    bars.series.forEach(function (one) {
      if (one.values[i]) {
        said.push(one.name + " " + (bars.counted ? desk.number(Math.abs(one.values[i])) : money(one.values, i, "")));
      }
    });
    if (!bars.counted) { said.push("net " + money(bars.net, i, unit)); }
    if (view) {
      var measure = desk.state.measure === "flow" ? "gamma" : desk.state.measure;
      var there = desk.between(view.spots, view[measure], strike), traded = desk.between(view.spots, view.flow, strike);
      if (there !== null) { said.push(measure + " with spot there " + desk.money(there, true)); }
      if (traded !== null) { said.push("dealers trade " + desk.money(traded, true) + " to there"); }
    }
    return said.join(" \u00b7 ");
  }
  function bands() { return picture.deskRows.filter(function (row) { return row.band; }); }
  function visible() {
    var range = desk.priceRange(picture.deskBars);
    return picture.deskBars.strikes.filter(function (K) { return K >= range[0] && K <= range[1]; });
  }
  // Draws the crosshair at the strike it is on.
  function follow(aloud) {
    if (cross) { cross.remove(); cross = null; }
    parts.stage.setAttribute("aria-valuenow", String(at === null ? desk.model.spot : at));
    parts.stage.setAttribute("aria-valuetext", at === null ? "none" : words(at));
    parts.readout.textContent = at === null ? "Point at a price, or use the arrow keys." : words(at);
    if (at === null) { return; }
    var colors = desk.colors();
    cross = svg("g");
    bands().forEach(function (row) {
      var y = row.y(at);
      if (y < row.top || y > row.bottom) { return; }
      cross.append(svg("line", { x1: row.left - 6, x2: row.right, y1: y, y2: y, stroke: colors.text, "stroke-width": 1 }));
      cross.append(svg("text", {
        x: row.left - 8, y: y + 4, "text-anchor": "end", "font-size": 12, "font-weight": 700, text: desk.strike(at),
        stroke: colors.paper, "stroke-width": 5, "paint-order": "stroke"
      }));
    });
    picture.append(cross);
  }
  function point(event) {
    var box = picture.getBoundingClientRect(), y = event.clientY - box.top, strikes = visible();
    var row = bands().find(function (one) { return y >= one.top - 4 && y <= one.bottom + 4; });
    if (!row || !strikes.length) { if (at !== null) { at = null; follow(); } return; }
    var price = row.y.back(y), near = strikes.reduce(function (best, K) { return Math.abs(K - price) < Math.abs(best - price) ? K : best; });
    if (near !== at) { at = near; follow(); }
  }
  function step(event) {
    var moves = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 10, PageDown: -10 };
    var strikes = visible();
    if (event.key === "Escape") { at = null; follow(); return; }
    if (!strikes.length || !(event.key in moves || event.key === "Home" || event.key === "End")) { return; }
    event.preventDefault();
    var spot = desk.model.spot, start = at === null
      ? strikes.reduce(function (best, K, i) { return Math.abs(K - spot) < Math.abs(strikes[best] - spot) ? i : best; }, 0)
      : strikes.indexOf(at) + (moves[event.key] || 0);
    if (event.key === "Home") { start = 0; }
    if (event.key === "End") { start = strikes.length - 1; }
    at = strikes[Math.max(0, Math.min(strikes.length - 1, start))];
    follow();
  }

  // The numbers of the hero by strike, made when the reader opens them.
  function table() {
    var before = parts.table.querySelector(".scroll"), from = before ? before.scrollTop : null;
    while (parts.table.children.length > 1) { parts.table.lastChild.remove(); }
    if (!parts.table.open) { return; }
    var bars = picture.deskBars, view = desk.view(), spot = desk.model.spot;
    var measure = desk.state.measure === "flow" ? "gamma" : desk.state.measure, curves = view ? [
      [measure + " with spot there", desk.unitOf(measure), view[measure]], ["dealers trade", desk.model.currency, view.flow]
    ] : [];
    var rows = bars.strikes.map(function (K, i) {
      return [K].concat(bars.series.map(function (s) { return bars.counted ? Math.abs(s.values[i]) : s.values[i]; }),
        bars.counted ? [] : [bars.net[i]], curves.map(function (curve) { return desk.between(view.spots, curve[2], K); }));
    }).reverse();
    var nearest = rows.reduce(function (best, row, i) { return Math.abs(row[0] - spot) < Math.abs(rows[best][0] - spot) ? i : best; }, 0);
    desk.table(parts.table, {
      columns: [{ name: "strike", unit: desk.model.currency, kind: "strike" }].concat(
        bars.series.map(function (s) { return { name: bars.name.toLowerCase() + ", " + s.name, unit: bars.unit, kind: "number" }; }),
        bars.counted ? [] : [{ name: bars.measure + ", net of all", unit: bars.unit, kind: "number" }],
        curves.map(function (curve) { return { name: curve[0], unit: curve[1], kind: "number" }; })
      ),
      rows: rows, caption: "Bars and curves by strike", csv: desk.fileName("strikes", "csv"), at: from === null ? nearest : null
    });
    if (from !== null) { parts.table.querySelector(".scroll").scrollTop = from; }
  }

  desk.drawHero = function () {
    if (!parts) { build(); }
    draw();
    numbers();
    parts.chosen.textContent = desk.chosen().join(" \u00b7 ");
    if (at !== null && visible().indexOf(at) < 0) { at = null; follow(); }
    if (parts.table.open) { table(); }
  };

  // A PNG of the panels on white with symbol, date and rule; a promise of it.
  desk.saveHero = function () {
    var drawn = desk.onPaper(function () { return desk.heroPicture({ width: 1200, height: 780, title: desk.pictureTitle() }); });
    return desk.toPng(drawn, 1200, 780).then(function (blob) {
      desk.save(desk.fileName(desk.state.selection + "_" + desk.state.measure, "png"), blob);
      return blob;
    });
  };
  desk.toPng = function (drawn, width, height) {
    return new Promise(function (done, failed) {
      var image = new Image(), canvas = element("canvas", { width: 2 * width, height: 2 * height });
      image.onload = function () {
        canvas.getContext("2d").drawImage(image, 0, 0, 2 * width, 2 * height);
        canvas.toBlob(done, "image/png");
      };
      image.onerror = failed;
      image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(new XMLSerializer().serializeToString(drawn));
    });
  };
})(window.desk);
