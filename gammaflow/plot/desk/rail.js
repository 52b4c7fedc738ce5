(function (desk) { "use strict"; desk.drawRail = function () {}; })(window.desk);
