// Replay of a store: a day, a moment of it, and the page as it was then.
(function (live, desk) {
  "use strict";
  var moments = [], wanted = null, busy = false, turn = 0, ready = false, make = live.make;

  function ask(address) {
    return fetch(address).then(function (answer) {
      if (answer.ok) { return answer.json(); }
      return answer.text().then(function (reason) { throw new Error(reason); });
    });
  }
  function offer() {
    var day = make("select", live.player), slider = make("input", live.player);
    var text = make("output", live.player), back = make("button", live.player, "", "Back to live");
    live.player.hidden = false;
    day.setAttribute("aria-label", "Day to replay");
    slider.setAttribute("aria-label", "Moment to replay");
    slider.type = "range";
    back.type = "button";
    back.hidden = true;

    // The moments of a day, by default the last, with the slider at its first or last unless it was moved meanwhile.
    function load(name, last) {
      var place = slider.value;
      return ask("moments" + (name ? "?day=" + encodeURIComponent(name) : "")).then(function (found) {
        day.replaceChildren();
        found.days.forEach(function (known) { make("option", day, "", known); });
        day.value = found.day;
        moments = found.moments;
        slider.max = Math.max(moments.length - 1, 0);
        if (slider.value === place) { slider.value = last ? slider.max : 0; }
      });
    }
    // One request at a time: while it runs, the slider's newest place waits.
    function go() {
      if (busy || wanted === null) { return; }
      var asof = wanted, when = "?asof=" + encodeURIComponent(asof), now = ++turn;
      wanted = null;
      busy = true;
      function current() { return now === turn && wanted === null; }
      ask("replay" + when).then(function (model) {
        if (!current()) { return null; }
        live.replay = asof;
        back.hidden = false;
        live.show(model, []);
        live.tick();
        return ask("replay/day" + when).then(function (record) { if (current()) { live.show(model, record); } });
      }).catch(function (error) { text.textContent = error.message; }).then(function () { busy = false; go(); });
    }
    function move() {
      wanted = moments[slider.value] || null;
      text.textContent = wanted ? live.clock(wanted) : "";
      slider.setAttribute("aria-valuetext", wanted ? live.stamp(wanted) : "none");
      go();
    }
    slider.addEventListener("input", move);
    day.addEventListener("change", function () { load(day.value, false).then(move); });
    // Chains that came since are offered once the replay begins.
    slider.addEventListener("focus", function () { if (!live.replay) { load(day.value, true); } });
    back.addEventListener("click", function () {
      turn++;
      wanted = live.replay = null;
      back.hidden = true;
      text.textContent = "";
      slider.focus();
      live.draw();
      live.tick();
    });
    load("", true);
  }
  live.on(function (message) {
    if (desk && !ready && message.status && message.status.replay) { ready = true; offer(); }
  });
})(window.live, window.desk);

window.live.start();
