(function (desk) { "use strict"; desk.drawHero = function () {}; })(window.desk);
