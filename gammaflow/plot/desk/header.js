// Head of the page: symbol, time, age, score, banners, and the regime line of the view shown.
(function (desk) {
  "use strict";
  var element = desk.element;

  function badge(score) {
    return element("span", { class: "badge " + score.level, text: score.text });
  }
  desk.drawHeader = function () {
    var model = desk.model, at = document.getElementById("head");
    var title = element("h1", {}, element("span", { text: model.symbol }), " ",
      element("span", { class: "spot", text: desk.price(model.spot) }));
    var line = element("p", { class: "when" }, element("span", { text: model.asof_text }));
    if (model.quotes && model.quotes.text) { line.append(element("span", { text: model.quotes.text })); }
    if (model.vendor) { line.append(element("span", { text: model.vendor })); }
    if (model.score && model.score.text) { line.append(badge(model.score)); }
    at.replaceChildren(element("div", { class: "name" }, title, line));
    (model.banners || []).forEach(function (banner) {
      at.append(element("p", { class: "banner " + banner.kind, text: banner.text }));
    });
    document.title = model.title;
  };
  desk.drawRegime = function () {
    var view = desk.view(), regime = (view && view.regime) || desk.model.regime, at = document.getElementById("regime");
    at.hidden = !regime;
    if (!regime) { return; }
    at.className = "regime " + String(regime.state).replace(/ /g, "-");
    at.replaceChildren(element("strong", { text: "Regime: " + regime.state + "." }), " ", regime.text);
  };
  // Conditions under which every number of the page holds.
  desk.drawConditions = function () {
    var list = element("dl", { class: "facts" }), at = document.getElementById("conditions");
    (desk.model.facts || []).concat((desk.model.filters || []).map(function (text) { return ["filter", text]; }))
      .forEach(function (pair) { list.append(element("dt", { text: pair[0] }), element("dd", { text: pair[1] })); });
    at.replaceChildren(element("summary", {}, element("h2", { text: "Conditions" })), list);
  };
})(window.desk);
