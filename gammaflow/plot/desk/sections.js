// The frame of the lower half: sections register, and are drawn when they come near or the page is idle.
(function (desk) {
  "use strict";
  var known = [], frames = {}, queue = [], busy = false, element = desk.element;

  // Registers a section. how: title, order, draw(place, data, context), open: false for one that starts collapsed.
  desk.section = function (name, how) {
    known.push(Object.assign({ name: name, order: 0 }, how));
    if (desk.model) { desk.drawSections(); }
  };

  function context() {
    return { state: desk.state, view: desk.view(), colors: desk.colors(), model: desk.model, dark: desk.dark() };
  }
  function frame(how) {
    var place = element("div", { class: "place" }), head = element("h2", { text: how.title });
    var collapsed = how.open === false;
    var outer = collapsed
      ? element("details", { class: "section", id: "section-" + how.name }, element("summary", {}, head), place)
      : element("section", { class: "section", id: "section-" + how.name, "aria-label": how.title }, head, place);
    var made = { how: how, outer: outer, place: place, drawn: null };
    if (collapsed) { outer.addEventListener("toggle", function () { if (outer.open) { draw(made); } }); }
    return made;
  }
  function data(how) { return (desk.model.sections || {})[how.name]; }

  function draw(made) {
    var place = made.place, version = made.version;
    if (made.drawn === version) { return Promise.resolve(); }
    made.drawn = version;
    var opened = Array.from(place.querySelectorAll("details")).map(function (d) { return d.open; });
    var scrolled = Array.from(place.querySelectorAll(".scroll")).map(function (s) { return [s.scrollTop, s.scrollLeft]; });
    var charts = Array.from(place.querySelectorAll(".chart"));
    place.style.minHeight = place.offsetHeight + "px";
    place.replaceChildren();
    place.deskCharts = charts.slice();
    made.how.draw(place, data(made.how), context());
    place.deskCharts.forEach(function (left) { if (window.Plotly) { window.Plotly.purge(left); } });
    place.deskCharts = null;
    place.querySelectorAll("details").forEach(function (d, i) { if (opened[i]) { d.open = true; } });
    place.querySelectorAll(".scroll").forEach(function (s, i) {
      if (scrolled[i]) { s.scrollTop = scrolled[i][0]; s.scrollLeft = scrolled[i][1]; }
    });
    return Promise.all(Array.from(place.querySelectorAll(".chart")).map(function (c) { return c.deskDrawn; }))
      .then(function () { place.style.minHeight = ""; });
  }

  function next() {
    var made = queue.shift();
    if (!made) { busy = false; return; }
    busy = true;
    draw(made).then(function () { soon(next); });
  }
  function soon(f) {
    if (window.requestIdleCallback) { window.requestIdleCallback(f, { timeout: 1500 }); } else { setTimeout(f, 30); }
  }
  var watcher = window.IntersectionObserver && new IntersectionObserver(function (seen) {
    seen.forEach(function (entry) {
      var made = frames[entry.target.id.replace("section-", "")];
      if (made) { made.near = entry.isIntersecting; if (made.near) { draw(made); } }
    });
  }, { rootMargin: "400px 0px" });

  // Draws what is open: at once what is near, what was never drawn when the page is idle, the rest once it is near.
  desk.drawSections = function () {
    var root = document.getElementById("sections");
    known.sort(function (a, b) { return a.order - b.order; });
    known.forEach(function (how) {
      var made = frames[how.name], has = data(how) !== null && data(how) !== undefined;
      if (!has) {
        if (made) { made.outer.hidden = true; }
        return;
      }
      if (!made) {
        made = frames[how.name] = frame(how);
        var later = known.slice(known.indexOf(how) + 1).map(function (other) { return frames[other.name]; }).find(Boolean);
        root.insertBefore(made.outer, later ? later.outer : null);
        if (watcher) { watcher.observe(made.outer); }
      }
      made.outer.hidden = false;
      made.version = (made.version || 0) + 1;
      if (made.outer.tagName === "DETAILS" && !made.outer.open) { return; }
      if (made.near) { draw(made); } else if (made.drawn === null && queue.indexOf(made) < 0) { queue.push(made); }
    });
    if (!busy) { busy = true; soon(next); }
  };
  // Draws a section's content once more, into another place.
  desk.drawInto = function (outer, place) {
    var made = frames[outer.id.replace("section-", "")];
    made.how.draw(place, data(made.how), context());
  };
  // Draws every open section again, now; a promise.
  desk.redrawSections = function () {
    Object.keys(frames).forEach(function (name) { frames[name].version += 1; });
    return desk.allDrawn();
  };
  // Draws every open section that is not drawn yet; a promise.
  desk.allDrawn = function () {
    queue.length = 0;
    return Promise.all(Object.keys(frames).map(function (name) {
      var made = frames[name];
      return made.outer.hidden || (made.outer.tagName === "DETAILS" && !made.outer.open) ? null : draw(made);
    }));
  };
})(window.desk);
