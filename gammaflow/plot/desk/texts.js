// Numbers as text: one unit per family, the same digits everywhere.
(function (desk) {
  "use strict";
  var SIZES = [[1e12, "tn"], [1e9, "bn"], [1e6, "m"], [1e3, "k"]];
  var SIGNS = { USD: "$", EUR: "\u20ac", GBP: "\u00a3", JPY: "\u00a5" };
  var SHORT = [["per +1 % spot", "per 1%"], ["per +1 vol point", "per vol point"], ["GEX ", "GEX "]];
  var NONE = "\u2013";
  var formats = {};

  function fixed(x, digits) {
    var format = formats[digits] || (formats[digits] = new Intl.NumberFormat("en-US", {
      minimumFractionDigits: digits, maximumFractionDigits: digits
    }));
    var text = format.format(x);
    return /[1-9]/.test(text) ? text : text.replace("-", "");
  }
  function none(x) { return x === null || x === undefined || !isFinite(x); }
  function largest(values) {
    return values.flat(2).reduce(function (most, x) { return none(x) ? most : Math.max(most, Math.abs(x)); }, 0);
  }
  function size(value) {
    return SIZES.find(function (pair) { return value >= pair[0]; }) || [1, ""];
  }

  // A number with `digits` decimals; without them, three significant digits or all of a whole part.
  desk.number = function (x, digits) {
    if (none(x)) { return NONE; }
    if (digits === undefined) {
      digits = x === 0 ? 0 : Math.min(12, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(x)))));
      if (Number.isInteger(x)) { digits = 0; }
    }
    return fixed(x, digits);
  };
  // A price with digits to suit its size: 74,338, 512.50, 0.06123.
  desk.price = function (x) {
    if (none(x)) { return NONE; }
    var size = Math.abs(x);
    if (size >= 1e4) { return fixed(x, 0); }
    return size >= 10 ? fixed(x, 2) : String(Number(x.toPrecision(4)));
  };
  // A strike as listed: 22.5, 4,500.
  desk.strike = function (x) {
    return none(x) ? NONE : new Intl.NumberFormat("en-US", { maximumSignificantDigits: 10 }).format(x);
  };
  // A fraction in percent; `signed` puts + before what is above zero.
  desk.percent = function (x, digits, signed) {
    if (none(x)) { return NONE; }
    var text = fixed(100 * x, digits === undefined ? 1 : digits);
    return (signed && x > 0 && /[1-9]/.test(text) ? "+" : "") + text + "%";
  };
  // The sign of the page's currency, or its name and a space.
  desk.currency = function () { return SIGNS[desk.model.currency] || desk.model.currency + " "; };

  // Divisor and name of one readable unit for all `values`: "USD per +1 % spot" as "$bn per 1%".
  desk.unit = function (values, unit) {
    var currency = desk.model.currency, text = String(unit === null || unit === undefined ? "" : unit);
    var money = text === currency || text.indexOf(currency + " ") === 0;
    var counted = /^(contracts|GEX)( |$)/.test(text);
    var found = money || counted ? size(largest(values)) : [1, ""];
    SHORT.forEach(function (pair) { text = text.replace(pair[0], pair[1]); });
    if (money) {
      var sign = SIGNS[currency], rest = text.slice(currency.length);
      text = (sign ? sign + found[1] : [currency, found[1]].filter(Boolean).join(" ")) + rest;
    } else if (found[1]) { text = found[1] + " " + text; }
    return { divisor: found[0], unit: text };
  };
  // Decimals that show three digits of the largest of `values` once divided.
  desk.digits = function (values, divisor) {
    var most = largest(values) / (divisor || 1);
    return most === 0 ? 0 : Math.min(6, Math.max(0, 2 - Math.floor(Math.log10(most))));
  };
  // An amount of the page's currency with three digits: $16.1bn, -$204m.
  desk.money = function (x, signed) {
    if (none(x)) { return NONE; }
    var scale = size(Math.abs(x)), value = Math.abs(x) / scale[0];
    var text = desk.currency() + fixed(value, value >= 100 || value === 0 ? 0 : value >= 10 ? 1 : 2) + scale[1];
    return (x < 0 ? "-" : signed && x > 0 ? "+" : "") + text;
  };
  // Unit of a measure, as the model names it.
  desk.unitOf = function (measure) {
    return measure === "flow" ? desk.model.currency : desk.model.units[measure] || "";
  };
})(window.desk);
