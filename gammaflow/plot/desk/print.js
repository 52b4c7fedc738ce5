// Paper: light colours, everything that is open drawn at the width of the sheet, and the screen as it was afterwards.
(function (desk) {
  "use strict";
  function redraw() {
    desk.showTheme();
    desk.drawHero();
    desk.redrawSections();
  }
  window.addEventListener("beforeprint", function () {
    if (!desk.model) { return; }
    desk.printing = true;
    desk.holdPaper(true);
    document.documentElement.classList.add("printing");
    redraw();
  });
  window.addEventListener("afterprint", function () {
    if (!desk.printing) { return; }
    desk.printing = false;
    desk.holdPaper(false);
    document.documentElement.classList.remove("printing");
    redraw();
  });
})(window.desk);
