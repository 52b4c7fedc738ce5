// Alerts of the day, the newest first.
(function (live) {
  "use strict";
  var SHOWN = 30, known = [];
  var list = live.make("ol", live.bar, "alerts");
  list.setAttribute("aria-live", "polite");
  list.setAttribute("aria-label", "Alerts, newest first");
  list.tabIndex = 0;
  list.hidden = true;

  live.on(function (message, again) {
    if (again) { known = []; }
    if (!again && !message.alerts.length) { return; }
    known = message.alerts.slice().reverse().concat(known).slice(0, SHOWN);
    list.hidden = !known.length;
    list.replaceChildren();
    known.forEach(function (alert, i) {
      var item = live.make("li", list, i < message.alerts.length ? "new" : "");
      live.make("time", item, "", live.clock(alert.asof)).dateTime = alert.asof;
      live.make("b", item, "", alert.kind);
      live.make("span", item, "", alert.text);
    });
  });
})(window.live);
