"use strict";
// The live part of the page: state of the feed, alerts, the day's record, and the replay of a store.
(function () {
  var KEPT = 720, WINDOW = 24 * 3600e3, SHOWN = 30;
  var desk = window.desk || null;
  var run = "", status = null, model = null, points = new Map(), alerts = [];
  var lost = null, offset = 0, replay = null, seen = 0;

  // Elements are made here, and text is only ever set as text.
  function make(tag, parent, name, text) {
    var element = document.createElement(tag);
    if (name) { element.className = name; }
    if (text !== undefined) { element.textContent = text; }
    if (parent) { parent.appendChild(element); }
    return element;
  }
  var bar = make("section");
  bar.id = "live";
  bar.setAttribute("aria-label", "Live state");
  var row = make("div", bar, "row");
  var lamp = make("span", row, "lamp", "connecting");
  lamp.setAttribute("role", "status");
  var ages = make("span", row, "ages");
  var count = make("span", row, "count");
  var player = make("div", row, "row replay");
  var banners = make("div", bar);
  banners.setAttribute("role", "alert");
  var list = make("ol", bar, "alerts");
  list.setAttribute("aria-live", "polite");
  list.setAttribute("aria-label", "Alerts, newest first");
  list.tabIndex = 0;
  list.hidden = true;
  player.hidden = true;
  document.body.prepend(bar);

  function span(ms) {
    var s = Math.max(Math.round(ms / 1000), 0), d = Math.floor(s / 86400), h = Math.floor(s / 3600) % 24;
    var min = Math.floor(s / 60) % 60, parts = [[d, "d"], [h, "h"], [min, "min"], [s % 60, "s"]];
    var first = parts.findIndex(function (part) { return part[0] > 0; });
    if (first < 0) { first = 3; }
    return parts.slice(first, first + 2).map(function (part) { return part[0] + " " + part[1]; }).join(" ");
  }
  function clock(iso) { return iso.slice(11, 19) + " UTC"; }
  function stamp(iso) { return iso.slice(0, 10) + " " + clock(iso); }

  // Ages advance between updates, by the server's clock.
  function tick() {
    var state = "live", word = "live", text = "";
    var now = Date.now() + offset, late = false;
    if (status) {
      text = status.asof ? "quotes " + age(now - Date.parse(status.asof)) : "no chain yet";
      if (status.received_at) { text += ", received " + span(now - Date.parse(status.received_at)) + " ago"; }
      late = now - Date.parse(status.now) > 1000 * status.every + 5000;
      if (status.fault) { state = "fault"; word = "last refresh failed"; }
      else if (late) { state = "late"; word = "feed is silent"; }
    } else { state = "late"; word = "connecting"; }
    if (lost) { state = "lost"; word = "not connected"; }
    if (replay) { state = "replay"; word = "replay " + stamp(replay.asof); text = ""; }
    set(bar.dataset, "state", state);
    set(lamp, "textContent", word);
    set(ages, "textContent", text);
    var told = [];
    if (lost) { told.push(["", "No connection to gammaflow serve since " + clock(new Date(lost).toISOString()) + ": what is shown is old. Trying again."]); }
    if (status && status.fault) { told.push(["", "Last refresh failed: " + status.fault]); }
    if (status && late && !lost) { told.push(["late", "The feed has not answered since " + clock(status.now) + "; a refresh was due after " + span(1000 * status.every) + "."]); }
    if (status) { status.problems.forEach(function (problem) { told.push(["", problem]); }); }
    var said = JSON.stringify(told);
    if (said !== banners.dataset.said) {
      banners.dataset.said = said;
      banners.replaceChildren();
      told.forEach(function (banner) { make("p", banners, "banner " + banner[0], banner[1]); });
    }
  }
  function age(ms) { return ms >= 0 ? span(ms) + " old" : span(-ms) + " ahead of the server's clock"; }
  function set(target, name, value) { if (target[name] !== value) { target[name] = value; } }

  // The day's record: bounded here as on the server.
  function keep(more) {
    more.forEach(function (point) { points.set(point.asof, point); });
    var sorted = Array.from(points.values()).sort(function (a, b) { return Date.parse(a.asof) - Date.parse(b.asof); });
    var last = sorted.length ? Date.parse(sorted[sorted.length - 1].asof) : 0;
    sorted = sorted.filter(function (point) { return last - Date.parse(point.asof) <= WINDOW; });
    while (sorted.length > KEPT) {
      var least = Infinity, place = 1;
      for (var i = 1; i < sorted.length - 1; i++) {
        var gap = Date.parse(sorted[i + 1].asof) - Date.parse(sorted[i - 1].asof);
        if (gap < least) { least = gap; place = i; }
      }
      sorted.splice(place, 1);
    }
    points = new Map(sorted.map(function (point) { return [point.asof, point]; }));
    return sorted;
  }

  function tell(more) {
    more.forEach(function (alert) { alerts.unshift(alert); });
    alerts.length = Math.min(alerts.length, SHOWN);
    if (!more.length) { return; }
    list.hidden = false;
    list.replaceChildren();
    alerts.forEach(function (alert, i) {
      var item = make("li", list, i < more.length ? "new" : "");
      make("time", item, "", clock(alert.asof)).dateTime = alert.asof;
      make("b", item, "", alert.kind);
      make("span", item, "", alert.text);
    });
  }

  function show(content, record) {
    var full = Object.assign({}, content);
    full.sections = Object.assign({}, content.sections, { day: { points: record } });
    desk.update(full);
    window.dispatchEvent(new CustomEvent("gammaflow-shown", { detail: { asof: content.asof, spot: content.spot, at: Date.now() } }));
  }

  function take(message) {
    if (message.run !== run) {
      run = message.run;
      points.clear();
      alerts = [];
      list.replaceChildren();
      list.hidden = true;
    }
    lost = null;
    if (message.status) {
      status = message.status;
      offset = Date.parse(status.now) - Date.now();
      count.textContent = status.refreshes + " refreshes, " + status.faults + " with errors" + (status.stored === null ? "" : ", " + status.stored + " chains stored");
      if (status.replay && player.hidden) { offer(); }
    }
    tell(message.alerts);
    if (message.model && !desk) { location.reload(); return; }
    var record = message.points.length ? keep(message.points) : Array.from(points.values());
    if (message.model) { model = message.model; }
    if (!replay && model && (message.model || message.points.length)) { show(model, record); }
    tick();
  }

  function listen() {
    var source = new EventSource("events");
    source.onmessage = function (event) { take(JSON.parse(event.data)); };
    source.onopen = function () { lost = null; tick(); };
    source.onerror = function () {
      lost = lost || Date.now() + offset;
      tick();
      if (source.readyState === EventSource.CLOSED) { setTimeout(listen, 2000); }
    };
  }

  // Replay: one request at a time; the slider's newest place comes next.
  function offer() {
    if (!desk) { return; }
    player.hidden = false;
    var days = make("select", make("label", player, "", "Replay"));
    days.setAttribute("aria-label", "Day to replay");
    var label = make("label", player), slider = make("input", label), back = make("button", player, "", "Back to live");
    slider.type = "range";
    slider.min = slider.value = 0;
    slider.setAttribute("aria-label", "Moment to replay");
    var text = make("output", label);
    back.type = "button";
    back.hidden = true;
    var moments = [], busy = false, wanted = null;
    function ask(address) {
      return fetch(address).then(function (answer) {
        return answer.ok ? answer.json() : answer.text().then(function (reason) { throw new Error(reason); });
      });
    }
    function load(day) {
      return ask("moments" + (day ? "?day=" + encodeURIComponent(day) : "")).then(function (found) {
        days.replaceChildren();
        found.days.forEach(function (name) { make("option", days, "", name); });
        days.value = found.day;
        moments = found.moments;
        slider.max = Math.max(moments.length - 1, 0);
      });
    }
    function go() {
      if (busy || wanted === null) { return; }
      var asof = wanted;
      wanted = null;
      busy = true;
      var turn = ++seen, when = "?asof=" + encodeURIComponent(asof);
      ask("replay" + when).then(function (content) {
        if (turn !== seen) { return null; }
        replay = { asof: asof };
        back.hidden = false;
        show(content, []);
        tick();
        return wanted === null ? ask("replay/day" + when).then(function (record) {
          if (turn === seen && wanted === null) { show(content, record); }
        }) : null;
      }).catch(function (error) {
        text.textContent = error.message;
      }).then(function () { busy = false; go(); });
    }
    function move() {
      var asof = moments[slider.value];
      if (!asof) { return; }
      text.textContent = clock(asof);
      slider.setAttribute("aria-valuetext", stamp(asof));
      wanted = asof;
      go();
    }
    function live() {
      seen++;
      wanted = null;
      replay = null;
      back.hidden = true;
      text.textContent = "";
      slider.value = slider.max;
      if (model) { show(model, Array.from(points.values())); }
      tick();
    }
    slider.addEventListener("input", move);
    days.addEventListener("change", function () { load(days.value).then(function () { slider.value = 0; move(); }); });
    slider.addEventListener("focus", function () { if (!replay) { load(days.value).then(function () { slider.value = slider.max; }); } });
    back.addEventListener("click", live);
    load("").then(function () { slider.value = slider.max; });
  }

  // Strike by time: gamma where it was, with spot and the levels over it.
  function draw(place, data, ctx) {
    var record = (data && data.points) || [];
    if (!record.length) { make("p", place, "", "The record of the day begins with the next chain."); return; }
    var colors = desk.colors(), unit = desk.unit([].concat.apply([], record.map(function (point) { return point.gammas; })), model_unit());
    var strikes = Array.from(new Set([].concat.apply([], record.map(function (point) { return point.strikes; })))).sort(function (a, b) { return a - b; });
    var rows = new Map(strikes.map(function (strike, i) { return [strike, i]; }));
    var times = [], columns = [];
    var steps = record.slice(1).map(function (point, i) { return Date.parse(point.asof) - Date.parse(record[i].asof); }).sort(function (a, b) { return a - b; });
    var usual = steps.length ? steps[Math.floor(steps.length / 2)] : 0;
    record.forEach(function (point, i) {
      var at = Date.parse(point.asof), before = i ? Date.parse(record[i - 1].asof) : at;
      // A hole in the record stays a hole.
      if (usual && at - before > 4 * usual) {
        [before + usual, at - usual].forEach(function (hole) { times.push(new Date(hole).toISOString()); columns.push(new Map()); });
      }
      times.push(point.asof);
      columns.push(new Map(point.strikes.map(function (strike, j) { return [rows.get(strike), point.gammas[j] / unit.divisor]; })));
    });
    var z = strikes.map(function (_, i) { return columns.map(function (column) { return column.has(i) ? column.get(i) : null; }); });
    var top = 0;
    z.forEach(function (line) { line.forEach(function (value) { top = Math.max(top, Math.abs(value || 0)); }); });
    function line(name, key, color, dash) {
      return { type: "scatter", mode: record.length > 1 ? "lines" : "markers", name: name, x: record.map(function (point) { return point.asof; }),
               y: record.map(function (point) { return point[key]; }), line: { color: color, dash: dash, width: 2 }, marker: { color: color }, connectgaps: false };
    }
    var traces = [{ type: "heatmap", x: times, y: strikes, z: z, zmin: -top, zmax: top, hoverongaps: false, name: "gamma",
                    colorscale: [[0, colors.short], [0.5, colors.paper], [1, colors.long]], colorbar: { title: { text: unit.unit, side: "right" }, thickness: 12 },
                    hovertemplate: "%{x|%H:%M:%S} UTC, strike %{y:,}: %{z:,.2f} " + unit.unit + "<extra></extra>" },
                  line("spot", "spot", colors.spot, "solid"), line("flip", "flip", colors.flip, "dash"),
                  line("call wall", "call_wall", colors.call, "dot"), line("put wall", "put_wall", colors.put, "dot")];
    var spots = record.map(function (point) { return point.spot; }), low = Math.min.apply(null, spots), high = Math.max.apply(null, spots);
    desk.chart(place, traces, {
      xaxis: { title: { text: "time, UTC" }, type: "date" },
      yaxis: { title: { text: "strike" }, range: [0.95 * low, 1.05 * high] }, legend: { orientation: "h" }
    }, { height: 440, label: "Gamma by strike and time, with spot, flip and walls", table: table(record) });
  }
  function model_unit() { return (model && model.units && model.units.gamma) || ""; }
  function table(record) {
    return { columns: [{ name: "time", unit: "UTC", kind: "time" }, { name: "spot", kind: "price" }, { name: "flip", kind: "price" }, { name: "call wall", kind: "price" },
                       { name: "put wall", kind: "price" }, { name: "gamma", unit: model_unit(), kind: "number" }],
             rows: record.map(function (point) { return [point.asof, point.spot, point.flip, point.call_wall, point.put_wall, point.gamma]; }) };
  }

  if (desk) { desk.section("day", { title: "The day so far", order: 1, draw: draw }); }
  setInterval(tick, 1000);
  tick();
  listen();
})();
