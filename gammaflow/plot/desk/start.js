// Starts the page: unpacks the model, draws the first screen, then the rest.
(function (desk) {
  "use strict";
  var NAMES = ["selection", "bars", "measure", "range", "rule", "dynamics", "theme"];

  function fromAddress() {
    var found = {}, asked = new URLSearchParams(location.hash.slice(1));
    NAMES.forEach(function (name) { if (asked.has(name)) { found[name] = asked.get(name); } });
    return found;
  }
  // The controls that differ from the defaults stand in the address, so that a view can be sent.
  function toAddress() {
    var kept = new URLSearchParams(), start = desk.model["default"];
    NAMES.forEach(function (name) {
      var usual = name === "theme" ? "" : name === "bars" ? "net" : start[name];
      if (desk.state[name] !== usual) { kept.set(name, desk.state[name]); }
    });
    var hash = kept.toString();
    try { history.replaceState(null, "", hash ? "#" + hash : location.pathname + location.search); } catch (refused) { return; }
  }

  function drawTop() {
    desk.drawRegime();
    desk.drawControls();
    desk.drawHero();
    desk.drawRail();
  }
  desk.on("model", function () {
    desk.drawHeader();
    drawTop();
    desk.drawConditions();
    desk.drawSections();
  });
  desk.on("change", function () { drawTop(); desk.drawSections(); toAddress(); });
  desk.on("theme", function () { drawTop(); desk.drawSections(); toAddress(); });

  function unpacked() {
    return window.DecompressionStream ? desk.unpack("model") : Promise.reject(new Error("this browser cannot unpack the page"));
  }
  desk.ready = unpacked().then(function (text) {
    var model = desk.restore(JSON.parse(text));
    document.getElementById("page").hidden = false;
    desk.start(model, fromAddress());
    performance.mark("hero");
  });
  // Without its scripts the page shows its texts.
  desk.ready.catch(function () { document.documentElement.classList.remove("scripted"); });
})(window.desk);
