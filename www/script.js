// Keeps the page young and tells when it is not; sorts and searches tables. Everything else works without it.
(function () {
  "use strict";
  var skew = 0; // the server's clock less this one's, in seconds
  var read = 0; // when the mine was read, by status.json; 0: not known yet
  var lost = false; // the last question was not answered

  function page() { return document.getElementById("page"); }
  function fact(name) { return Number(page().dataset[name]); }
  function root() { return page().dataset.root || ""; }
  function now() { return Date.now() / 1000 + skew; }
  function isSlow() { return page().dataset.page !== "index.html"; } // made every ten minutes, not at every tick

  function words(seconds) {
    if (seconds < 100) { return Math.round(seconds) + " s"; }
    if (seconds < 6000) { return Math.round(seconds / 60) + " min"; }
    if (seconds < 172800) { return Math.round(seconds / 3600) + " h"; }
    return Math.round(seconds / 86400) + " days";
  }

  // A slow page's own age says nothing of the mine: status.json does, and only where that can't be had its own.
  function tellAge() {
    var at = isSlow() && !read && !lost ? 0 : Math.max(read, fact("at"));
    if (!at) { return; }
    var age = Math.max(0, now() - at);
    var slack = isSlow() && !read ? 700 : 0;
    var old = age > fact("old") + slack;
    document.documentElement.classList.toggle("is-late", age > fact("late") + slack && !old);
    document.documentElement.classList.toggle("is-old", old);
    document.getElementById("age").textContent = isSlow() && read ? "mine read " + words(age) + " ago" : words(age) + " old";
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
    var scrolled = Array.from(document.querySelectorAll(".scroll"), function (one) { return [one.scrollTop, one.scrollLeft]; });
    var focus = document.activeElement && document.activeElement.closest("details[id]");
    var slot = document.getElementById("service-slot"); // what stands in it is not ours
    var nextSlot = next.querySelector("#service-slot");
    if (slot && nextSlot) { nextSlot.replaceWith(slot); }
    page().replaceWith(document.adoptNode(next));
    document.querySelectorAll(".scroll").forEach(function (one, at) {
      if (scrolled[at]) { one.scrollTop = scrolled[at][0]; one.scrollLeft = scrolled[at][1]; }
    });
    if (focus) {
      var again = document.querySelector("#" + focus.id + " > summary");
      if (again) { again.focus({ preventScroll: true }); }
    }
    document.documentElement.className = fresh.documentElement.className;
    document.title = fresh.title;
    tellAge();
    document.dispatchEvent(new CustomEvent("minectl:page"));
  }

  // Where reading needs a token, the service's login keeps one for this tab.
  function ask(path) {
    var about = { cache: "no-store" }, token = "";
    try { token = sessionStorage.getItem("minectl-token"); } catch { /* no storage, no token */ }
    if (token) { about.headers = { "Minectl-Token": token }; }
    return fetch(path, about);
  }

  function refresh() {
    ask(root() + "status.json").then(function (answer) {
      var date = Date.parse(answer.headers.get("date"));
      if (date) { skew = (date - Date.now()) / 1000; }
      return answer.ok ? answer.json() : null;
    }).then(function (status) {
      lost = !status;
      if (status) { read = status.tick_at || 0; }
      tellAge();
      if (!status || isSlow() || status.written_at === fact("written")) { return null; }
      return ask(location.href.split("#")[0]);
    }).then(function (answer) {
      return answer && answer.ok ? answer.text() : null;
    }).then(function (text) {
      if (text) { replacePage(text); }
    }).catch(function () {
      lost = true;
      tellAge();
    }).then(function () {
      setTimeout(refresh, fact("refresh") * 1000);
    });
  }

  // -- tables and lists: sort by a column's head, search

  function sortable(table) {
    var heads = table.tHead.rows[0].cells;
    Array.from(heads).forEach(function (head, at) {
      var button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", function () { sort(table, head, at); });
    });
  }

  function sort(table, head, at) {
    var down = head.getAttribute("aria-sort") === "ascending";
    Array.from(head.parentNode.cells).forEach(function (one) { one.removeAttribute("aria-sort"); });
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    var body = table.tBodies[0];
    var rows = Array.from(body.rows, function (row) {
      var cell = row.cells[at];
      return { row: row, number: cell.dataset.n === undefined ? null : Number(cell.dataset.n), text: cell.textContent };
    });
    rows.sort(function (one, other) {
      var order = one.number === null ? one.text.localeCompare(other.text, "en", { numeric: true }) : one.number - other.number;
      return down ? -order : order;
    });
    body.append.apply(body, rows.map(function (one) { return one.row; }));
  }

  function sift(form) {
    var all = form.parentNode.querySelectorAll("tbody tr, .events > li");
    form.hidden = false;
    function look() {
      var text = form.elements.text.value.trim().toLowerCase();
      var pick = form.elements.state || form.elements.kind;
      var count = 0;
      all.forEach(function (one) {
        var said = pick.name === "state" ? one.dataset.state : one.dataset.kind;
        var fits = (!text || one.textContent.toLowerCase().includes(text)) && (!pick.value || said === pick.value);
        one.hidden = !fits;
        count += fits;
      });
      form.querySelector("output").textContent = count + " of " + all.length;
    }
    form.addEventListener("input", look);
    form.addEventListener("submit", function (event) { event.preventDefault(); });
  }

  document.querySelectorAll("table.sortable").forEach(sortable);
  document.querySelectorAll("form.sift").forEach(sift);

  tellAge();
  setInterval(tellAge, 1000);
  if (location.protocol === "file:") {
    lost = true;
    if (!isSlow()) { setTimeout(function () { location.reload(); }, fact("refresh") * 1000); }
  } else {
    setTimeout(refresh, isSlow() ? 0 : 1000);
    if ("serviceWorker" in navigator && window.isSecureContext) {
      navigator.serviceWorker.register(root() + "sw.js").catch(function () { /* then there is no last view offline */ });
    }
  }
})();
