// Scales, ticks and SVG elements.
(function (desk) {
  "use strict";
  var SPACE = "http://www.w3.org/2000/svg";

  desk.svg = function (tag, attributes) {
    var made = document.createElementNS(SPACE, tag);
    Object.keys(attributes || {}).forEach(function (name) {
      var value = attributes[name];
      if (value === null || value === undefined) { return; }
      if (name === "text") { made.textContent = value; } else { made.setAttribute(name, value); }
    });
    for (var i = 2; i < arguments.length; i++) { if (arguments[i]) { made.append(arguments[i]); } }
    return made;
  };
  // A straight scale from values to pixels, and back.
  desk.scale = function (from, to, start, end) {
    var slope = (end - start) / (to - from || 1);
    function at(value) { return start + (value - from) * slope; }
    at.back = function (pixel) { return from + (pixel - start) / slope; };
    at.from = from;
    at.to = to;
    return at;
  };
  // About `count` round numbers between two values, and the decimals they need.
  desk.ticks = function (low, high, count) {
    var rough = (high - low) / Math.max(1, count), power = Math.pow(10, Math.floor(Math.log10(rough)));
    var step = power * [1, 2, 5, 10].find(function (fold) { return power * fold >= rough * 0.999; });
    var values = [];
    for (var i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) { values.push(i * step); }
    return { values: values, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
  };
  // Value of the line through (xs, ys) at x, xs ascending; null outside.
  desk.between = function (xs, ys, x) {
    var low = 0, high = xs.length - 1;
    if (!ys || high < 0 || x < xs[0] || x > xs[high]) { return null; }
    while (high - low > 1) {
      var middle = (low + high) >> 1;
      if (xs[middle] <= x) { low = middle; } else { high = middle; }
    }
    if (xs[high] === xs[low]) { return ys[low]; }
    return ys[low] + (ys[high] - ys[low]) * (x - xs[low]) / (xs[high] - xs[low]);
  };
})(window.desk);
