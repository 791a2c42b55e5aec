// Keeps the page young and tells when it is not. Everything else works without it.
(function () {
  "use strict";
  var skew = 0; // the server's clock less this one's, in seconds

  function page() { return document.getElementById("page"); }
  function fact(name) { return Number(page().dataset[name]); }
  function now() { return Date.now() / 1000 + skew; }

  function words(seconds) {
    if (seconds < 100) { return Math.round(seconds) + " s"; }
    if (seconds < 6000) { return Math.round(seconds / 60) + " min"; }
    if (seconds < 172800) { return Math.round(seconds / 3600) + " h"; }
    return Math.round(seconds / 86400) + " days";
  }

  function tellAge() {
    var at = fact("at");
    if (!at) { return; }
    var age = Math.max(0, now() - at);
    var old = age > fact("old");
    document.documentElement.classList.toggle("is-late", age > fact("late") && !old);
    document.documentElement.classList.toggle("is-old", old);
    document.getElementById("age").textContent = words(age) + " old";
    var told = document.getElementById("old");
    var text = old ? "This page is old. The mine was last read " + words(age) + " ago; what it does now is not known." : "";
    if (told.textContent !== text) { told.textContent = text; }
  }

  function replacePage(text) {
    var fresh = new DOMParser().parseFromString(text, "text/html");
    var next = fresh.getElementById("page");
    if (!next) { return; }
    document.querySelectorAll("details[open][id]").forEach(function (one) {
      var same = next.querySelector("#" + one.id);
      if (same) { same.open = true; }
    });
    var scrolled = Array.from(document.querySelectorAll(".scroll"), function (one) { return one.scrollTop; });
    var focus = document.activeElement && document.activeElement.closest("details[id]");
    page().replaceWith(document.adoptNode(next));
    document.querySelectorAll(".scroll").forEach(function (one, at) { one.scrollTop = scrolled[at] || 0; });
    if (focus) {
      var again = document.querySelector("#" + focus.id + " > summary");
      if (again) { again.focus({ preventScroll: true }); }
    }
    document.documentElement.className = fresh.documentElement.className;
    document.title = fresh.title;
    tellAge();
  }

  function refresh() {
    fetch("status.json", { cache: "no-store" }).then(function (answer) {
      var date = Date.parse(answer.headers.get("date"));
      if (date) { skew = (date - Date.now()) / 1000; }
      return answer.ok ? answer.json() : null;
    }).then(function (status) {
      if (!status || status.written_at === fact("written")) { return null; }
      return fetch(location.href.split("#")[0], { cache: "no-store" });
    }).then(function (answer) {
      return answer && answer.ok ? answer.text() : null;
    }).then(function (text) {
      if (text) { replacePage(text); }
    }).catch(tellAge).then(function () {
      setTimeout(refresh, fact("refresh") * 1000);
    });
  }

  tellAge();
  setInterval(tellAge, 1000);
  if (location.protocol === "file:") {
    setTimeout(function () { location.reload(); }, fact("refresh") * 1000);
  } else {
    setTimeout(refresh, 1000);
  }
})();
