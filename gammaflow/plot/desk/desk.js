// The page's state and its one redraw: model in, everything shown follows.
window.desk = (function () {
  "use strict";
  var listeners = { change: [], model: [], theme: [] };
  var desk = { model: null, state: null, listeners: listeners };

  // Calls f at every "change" of a control, "model" (new data) or "theme".
  desk.on = function (event, f) { listeners[event].push(f); };
  function tell(event) { listeners[event].forEach(function (f) { f(desk.state, event); }); }

  function first(rule, dynamics, selection) {
    return desk.model.views[[rule, dynamics, selection].join("|")] || null;
  }
  // View of the controls, or of the controls with some of them changed; null where it was not computed.
  desk.view = function (changed) {
    var s = Object.assign({}, desk.state, changed);
    return first(s.rule, s.dynamics, s.selection);
  };

  // Indexes of the expiries of a selection.
  desk.selected = function (selection) {
    var all = desk.model.expiries.map(function (_, i) { return i; }), next = desk.nextExpiry();
    return all.filter(function (i) {
      var expiry = desk.model.expiries[i];
      switch (selection) {
        case "next": return i === next;
        case "later": return i !== next;
        case "week": return expiry.days <= 7;
        case "monthly": return expiry.monthly;
        default: return true;
      }
    });
  };
  // Index of the next expiry, or -1.
  desk.nextExpiry = function () {
    var found = -1;
    desk.model.expiries.forEach(function (expiry, i) {
      if (expiry.days > 0 && (found < 0 || expiry.days < desk.model.expiries[found].days)) { found = i; }
    });
    return found;
  };

  // Changes one control and redraws what depends on it.
  desk.set = function (name, value) {
    if (desk.state[name] === value) { return; }
    desk.state[name] = value;
    tell(name === "theme" ? "theme" : "change");
  };

  var LEGAL = { bars: ["net", "sides", "open_interest", "volume"], measure: ["gamma", "vanna", "charm", "flow"], range: ["5", "10", "20", "all"] };
  function settle(state) {
    Object.keys(LEGAL).forEach(function (name) { if (LEGAL[name].indexOf(state[name]) < 0) { state[name] = LEGAL[name][0]; } });
    var model = desk.model, start = model["default"];
    if (model.rules.indexOf(state.rule) < 0) { state.rule = start.rule; }
    if (model.dynamics_names.indexOf(state.dynamics) < 0) { state.dynamics = start.dynamics; }
    if (model.selections.indexOf(state.selection) < 0) { state.selection = start.selection; }
    if (!first(state.rule, state.dynamics, state.selection)) {
      state.rule = start.rule; state.dynamics = start.dynamics; state.selection = start.selection;
    }
    return state;
  }

  // Everything again with new data: the controls, the scroll and what is opened stay.
  desk.update = function (model) {
    desk.model = model;
    settle(desk.state);
    tell("model");
  };

  // First data. `state`: controls that differ from the model's defaults.
  desk.start = function (model, state) {
    var start = model["default"];
    desk.model = model;
    desk.state = settle(Object.assign({
      selection: start.selection, bars: "net", measure: start.measure, range: start.range,
      rule: start.rule, dynamics: start.dynamics, theme: ""
    }, state));
    tell("model");
  };

  // An element: attributes by name, `text` as text, functions as listeners, then its children.
  desk.element = function (tag, attributes) {
    var made = document.createElement(tag);
    Object.keys(attributes || {}).forEach(function (name) {
      var value = attributes[name];
      if (value === null || value === undefined || value === false) { return; }
      if (name === "text") { made.textContent = value; }
      else if (typeof value === "function") { made.addEventListener(name, value); }
      else { made.setAttribute(name, value === true ? "" : value); }
    });
    for (var i = 2; i < arguments.length; i++) { if (arguments[i]) { made.append(arguments[i]); } }
    return made;
  };
  return desk;
})();
