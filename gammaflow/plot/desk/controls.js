// The controls: buttons that say whether they are pressed, and why they cannot be.
(function (desk) {
  "use strict";
  var element = desk.element;
  var RANGES = { "5": "\u00b15%", "10": "\u00b110%", "20": "\u00b120%", all: "All" };
  var BARS = { net: "Net", sides: "Calls and puts", open_interest: "Open interest", volume: "Volume" };
  var MEASURES = { gamma: "Gamma", vanna: "Vanna", charm: "Charm", flow: "Hedge flow" };
  var SELECTIONS = { all: "All", next: "Next", later: "All but next", week: "\u22647 days", monthly: "Monthly" };
  var THEMES = { "": "Auto", light: "Light", dark: "Dark" };

  function words(name) { return String(name).replace(/_/g, " "); }
  function choices(map) { return Object.keys(map).map(function (key) { return [key, map[key]]; }); }
  function named(names, labels) {
    return names.map(function (name) { return [name, (labels || {})[name] || words(name)]; });
  }
  function known(list) { return Array.isArray(list) && list.some(function (x) { return x !== null; }); }

  function unpriced(change) {
    var why = desk.model.absent || "Not computed for this page";
    return desk.view(change) ? "" : why + ", with the other choices as they are";
  }
  function noMeasure(measure) {
    var view = desk.view();
    return measure === "gamma" || (view && known(view[measure])) ? "" : "Not computed for this page";
  }
  function noBars(bars) {
    if (bars === "net" || bars === "sides") { return ""; }
    return known((desk.model.strikes[desk.state.rule] || {})[bars]) ? "" : "The data have no " + words(bars);
  }

  function meaning(name, value) {
    var labels = { rule: desk.model.rule_texts, dynamics: desk.model.dynamics_texts }[name];
    return (labels || {})[value] || "";
  }

  // Groups of controls: name of the state, label, choices, and the reason why a choice cannot be made.
  function groups() {
    var model = desk.model;
    return [
      ["selection", "Expiry", named(model.selections, Object.assign({}, SELECTIONS, model.selection_labels)),
        function (value) { return unpriced({ selection: value }); }],
      ["bars", "Bars", choices(BARS), noBars],
      ["measure", "Measure", choices(MEASURES), noMeasure],
      ["range", "Range", choices(RANGES), function () { return ""; }],
      ["rule", "Rule", named(model.rules, model.rule_labels), function (value) { return unpriced({ rule: value }); }],
      ["dynamics", "Vol dynamics", named(model.dynamics_names, model.dynamics_labels),
        function (value) { return unpriced({ dynamics: value }); }],
      ["theme", "Theme", choices(THEMES), function () { return ""; }]
    ].filter(function (group) { return group[2].length > 1; });
  }

  // Words for what the numbers stand on: rule, volatility, expiries.
  desk.chosen = function () {
    var state = desk.state, model = desk.model;
    var rule = (model.rule_texts || {})[state.rule] || (state.rule === model.rule && model.rule_text) || words(state.rule);
    var dynamics = (model.dynamics_texts || {})[state.dynamics] ||
      (state.dynamics === model.dynamics && model.dynamics_text) || words(state.dynamics);
    var label = (model.selection_labels || {})[state.selection] || SELECTIONS[state.selection];
    return ["Rule: " + rule, "vol: " + dynamics, "expiries: " + String(label).toLowerCase()].concat(model.filters || []);
  };

  function press(event) {
    var button = event.currentTarget, why = button.getAttribute("aria-disabled") && button.title;
    if (why) { desk.say(why); return; }
    desk.set(button.dataset.control, button.dataset.value);
  }
  function build(root, all) {
    root.replaceChildren();
    all.forEach(function (group) {
      var box = element("div", { class: "group", role: "group", "aria-label": group[1] });
      box.append(element("span", { class: "legend", text: group[1], "aria-hidden": "true" }));
      group[2].forEach(function (choice) {
        box.append(element("button", {
          type: "button", text: choice[1], "data-control": group[0], "data-value": choice[0], click: press
        }));
      });
      root.append(box);
    });
  }
  // Draws the controls, or only what has changed of them, so that the focus stays.
  desk.drawControls = function () {
    var root = document.getElementById("controls"), all = groups();
    var signature = JSON.stringify(all.map(function (group) { return [group[0], group[2]]; }));
    if (root.dataset.signature !== signature) {
      build(root, all);
      root.dataset.signature = signature;
    }
    var reasons = {};
    all.forEach(function (group) { reasons[group[0]] = group[3]; });
    root.querySelectorAll("button").forEach(function (button) {
      var name = button.dataset.control, value = button.dataset.value, why = reasons[name](value);
      button.setAttribute("aria-pressed", String(desk.state[name] === value));
      if (why) { button.setAttribute("aria-disabled", "true"); } else { button.removeAttribute("aria-disabled"); }
      button.title = why || meaning(name, value);
    });
  };
})(window.desk);
