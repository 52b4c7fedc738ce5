// The live part of the page: updates from the server, and one line that says how the feed is.
window.live = (function () {
  "use strict";
  var desk = window.desk || null, live = { model: null, status: null, replay: null, listeners: [] };
  var run = "", lost = null, offset = 0;

  // An element; text is only ever set as text.
  live.make = function (tag, parent, name, text) {
    var element = document.createElement(tag);
    if (name) { element.className = name; }
    if (text !== undefined) { element.textContent = text; }
    if (parent) { parent.appendChild(element); }
    return element;
  };
  var make = live.make, bar = make("section"), row = make("div", bar, "row");
  bar.id = "feed";
  bar.setAttribute("aria-label", "State of the feed");
  var lamp = make("span", row, "lamp", "connecting"), ages = make("span", row, "ages"), count = make("span", row);
  lamp.setAttribute("role", "status");
  live.player = make("div", row, "row replay");
  live.player.hidden = true;
  var banners = make("div", bar);
  banners.setAttribute("role", "alert");
  live.bar = bar;
  document.body.prepend(bar);

  function span(ms) {
    var s = Math.max(Math.round(ms / 1000), 0), min = Math.floor(s / 60), h = Math.floor(min / 60), d = Math.floor(h / 24);
    var parts = [[d, "d"], [h % 24, "h"], [min % 60, "min"], [s % 60, "s"]];
    var first = Math.max(parts.findIndex(function (part) { return part[0] > 0; }), 0);
    return (s ? parts.slice(first, first + 2) : [[0, "s"]]).map(function (part) { return part.join(" "); }).join(" ");
  }
  live.clock = function (iso) { return iso.slice(11, 19) + " UTC"; };
  live.stamp = function (iso) { return iso.slice(0, 10) + " " + live.clock(iso); };
  function set(target, name, value) { if (target[name] !== value) { target[name] = value; } }

  // The line and the banners; ages advance between updates, by the server's clock.
  live.tick = function () {
    var status = live.status, now = Date.now() + offset, state = "late", word = "connecting", text = "", told = [], late = false;
    if (status) {
      state = "live"; word = "live";
      text = status.asof ? "chain " + age(now - Date.parse(status.asof)) : "no chain yet";
      if (status.received_at) { text += ", received " + span(now - Date.parse(status.received_at)) + " ago"; }
      late = now - Date.parse(status.now) > 1000 * status.every + 5000;
      if (late) { state = "late"; word = "feed is silent"; }
      if (status.fault) { state = "fault"; word = "last refresh failed"; }
    }
    if (lost) { state = "lost"; word = "not connected"; }
    if (live.replay) { state = "replay"; word = "replay " + live.stamp(live.replay); text = ""; }
    if (lost) { told.push(["", "No connection to gammaflow serve since " + live.clock(new Date(lost).toISOString()) + ": what is shown is old. Trying again."]); }
    else if (late) { told.push(["late", "The feed has not answered since " + live.clock(status.now) + "; a refresh was due after " + span(1000 * status.every) + "."]); }
    if (status && status.fault) { told.push(["", "Last refresh failed: " + status.fault]); }
    if (status) { status.problems.forEach(function (problem) { told.push(["", problem]); }); }
    set(bar.dataset, "state", state);
    set(lamp, "textContent", word);
    set(ages, "textContent", text);
    var said = JSON.stringify(told);
    if (said !== banners.dataset.said) {
      banners.dataset.said = said;
      banners.replaceChildren();
      told.forEach(function (banner) { make("p", banners, "banner " + banner[0], banner[1]); });
    }
  };
  function age(ms) { return ms >= 0 ? span(ms) + " old" : span(-ms) + " ahead of the server's clock"; }

  // Draws a model with its record of the day.
  live.show = function (model, record) {
    var full = Object.assign({}, model);
    full.sections = Object.assign({}, model.sections, { day: { points: record } });
    desk.update(full);
    window.dispatchEvent(new CustomEvent("gammaflow-shown", { detail: { asof: model.asof, spot: model.spot, at: Date.now() } }));
  };
  // Draws what is live, unless a replay is on.
  live.draw = function () {
    if (live.model && !live.replay) { live.show(live.model, live.record()); }
  };

  function take(message) {
    var again = message.run !== run;
    run = message.run;
    lost = null;
    live.status = message.status;
    if (live.status) {
      offset = Date.parse(live.status.now) - Date.now();
      count.textContent = live.status.refreshes + " refreshes, " + live.status.faults + " with errors" +
        (live.status.stored === null ? "" : ", " + live.status.stored + " chains stored");
    }
    if (message.model && !desk) { location.reload(); return; }
    live.model = message.model || live.model;
    live.listeners.forEach(function (f) { f(message, again); });
    if (message.model || message.points.length) { live.draw(); }
    live.tick();
  }
  // Calls f(message, again) for every update; again: of a server that was not heard before.
  live.on = function (f) { live.listeners.push(f); };

  function listen() {
    var source = new EventSource("events");
    source.onmessage = function (event) { take(JSON.parse(event.data)); };
    source.onopen = function () { lost = null; live.tick(); };
    source.onerror = function () {
      lost = lost || Date.now() + offset;
      live.tick();
      if (source.readyState === EventSource.CLOSED) { setTimeout(listen, 2000); }
    };
  }
  live.start = function () {
    setInterval(live.tick, 1000);
    live.tick();
    Promise.resolve(desk && desk.ready).then(listen);
  };
  return live;
})();
