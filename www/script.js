// Keeps the page young and tells when it is not; sorts and searches tables. Everything else works without it.
(function () {
  "use strict";
  var skew = 0; // the server's clock less this one's, in seconds
  var read = 0; // when the mine was read, by status.json; 0: not known yet
  var lost = false; // the last question was not answered
  var gone = false; // this miner's page is there no more

  function page() { return document.getElementById("page"); }
  function fact(name) { return Number(page().dataset[name]); }
  function every() { return fact("every") || 600; } // a template of the owner may say nothing of it
  function root() { return page().dataset.root || ""; }
  function now() { return Date.now() / 1000 + skew; }
  function isSlow() { return page().dataset.page !== "index.html"; } // made every ten minutes, not at every tick

  function words(seconds) {
    if (seconds < 100) { return Math.round(seconds) + " s"; }
    if (seconds < 6000) { return Math.round(seconds / 60) + " min"; }
    if (seconds < 172800) { return Math.round(seconds / 3600) + " h"; }
    return Math.round(seconds / 86400) + " days";
  }

  // The first page is as old as what stands on it. A slow page's own age says nothing of the mine: status.json does,
  // and only where that can't be had its own; one that should have been made anew long ago says so beside it.
  function tellAge() {
    var at = !isSlow() ? fact("at") : read || (lost ? fact("at") : 0);
    if (!at) { return; }
    var age = now() - at;
    var own = now() - fact("at");
    var slack = isSlow() && !read ? every() + 100 : 0;
    var ahead = Boolean(read || lost) && -age > fact("old"); // the controller's clock was wrong when it wrote this
    var old = age > fact("old") + slack || ahead || gone;
    var left = isSlow() && read && own > every() + fact("late");
    document.documentElement.classList.toggle("is-late", (age > fact("late") + slack || left) && !old);
    document.documentElement.classList.toggle("is-old", old);
    var long = words(Math.max(0, age));
    var said = ahead ? "dated ahead" : isSlow() && read ? "mine read " + long + " ago" : long + " old";
    document.getElementById("age").textContent = (left ? "made " + words(own) + " ago, " : "") + said;
    var told = document.getElementById("old");
    var text = old ? why(age, ahead) : "";
    if (told.textContent !== text) { told.textContent = text; }
  }

  function why(age, ahead) {
    if (gone) { return "This page is gone: fleet.csv lists this miner no more. What stands here is the last that was known of it."; }
    if (ahead) { return "This page is dated " + words(-age) + " ahead of the clock: how old it is can't be told."; }
    if (!isSlow() && now() - read <= fact("old")) { return "This page is " + words(age) + " old, and the newer one does not come: load it again."; }
    return "This page is old. The mine was last read " + words(age) + " ago; what it does now is not known.";
  }

  // A slow page that somebody leaves open is asked for again when it should have been made anew.
  function isDue(status) {
    return isSlow() ? status.written_at - fact("written") >= every() : status.written_at !== fact("written");
  }

  // A page of another version has a script and a style of its own, which only loading it brings.
  function ownScript(one) {
    var script = one.querySelector('script[src*="script.js"]');
    return script ? script.getAttribute("src") : "";
  }
  function isTyping() { return /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement ? document.activeElement.tagName : ""); }

  function replacePage(text) {
    var fresh = new DOMParser().parseFromString(text, "text/html");
    var next = fresh.getElementById("page");
    if (!next || isSlow() && next.dataset.written === page().dataset.written) { return; }
    if (ownScript(fresh) !== ownScript(document) && !isTyping()) { location.reload(); return; }
    document.querySelectorAll("details[open][id]").forEach(function (one) {
      var same = next.querySelector("#" + one.id);
      if (same) { same.open = true; }
    });
    var scrolled = Array.from(document.querySelectorAll(".scroll"), function (one) { return [one.scrollTop, one.scrollLeft]; });
    var held = page().contains(document.activeElement) ? document.activeElement : null;
    var slot = document.getElementById("service-slot"); // what stands in it is not ours
    var nextSlot = next.querySelector("#service-slot");
    if (slot && nextSlot) { nextSlot.replaceWith(slot); }
    var sorted = document.querySelector("table.sortable [aria-sort]");
    var typed = document.querySelector("form.sift");
    page().replaceWith(document.adoptNode(next));
    dress(sorted, typed);
    document.querySelectorAll(".scroll").forEach(function (one, at) {
      if (scrolled[at]) { one.scrollTop = scrolled[at][0]; one.scrollLeft = scrolled[at][1]; }
    });
    if (held) { hold(held); }
    document.documentElement.className = fresh.documentElement.className;
    document.title = fresh.title;
    tellAge();
    document.dispatchEvent(new CustomEvent("minectl:page"));
  }

  // Whoever has no mouse stays where he was: on what was kept, else on what leads to or says the same, else on its fold.
  function told(one) {
    return [one.tagName, one.tabIndex, one.getAttribute("href") || one.getAttribute("aria-label") || one.id || one.parentNode.id || one.textContent].join(" ");
  }
  function hold(held) {
    var fold = held.closest("details[id]");
    var same = held.isConnected ? held : Array.from(page().querySelectorAll(held.tagName)).find(function (one) { return told(one) === told(held); });
    same = same || fold && document.querySelector("#" + fold.id + " > summary");
    if (same) { same.focus({ preventScroll: true }); }
  }

  // Where reading needs a token, the service's login keeps one for this tab.
  function ask(path) {
    var about = { cache: "no-store" }, token = "";
    try { token = sessionStorage.getItem("minectl-token"); } catch { /* no storage, no token */ }
    if (token) { about.headers = { "Minectl-Token": token }; }
    return fetch(path, about);
  }

  // A miner's page that is not there: has it left the fleet? After a boot none is there until a tick has made it.
  function hasLeft() {
    var own = document.querySelector(".miner[data-miner]");
    if (gone || !own) { return null; }
    return ask(root() + "fleet.html").then(function (answer) { return answer.ok ? answer.text() : null; }).then(function (text) {
      var listed = text && new DOMParser().parseFromString(text, "text/html").querySelectorAll("[data-miner]");
      gone = Boolean(text) && !Array.from(listed).some(function (one) { return one.dataset.miner === own.dataset.miner; });
      tellAge();
      return null;
    });
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
      return status && isDue(status) ? ask(location.href.split("#")[0]) : null;
    }).then(function (answer) {
      if (answer && answer.status === 404 && page().dataset.page === "miner") { return hasLeft(); }
      if (answer) { gone = false; }
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
    form.hidden = false;
    function look() {
      var all = form.parentNode.querySelectorAll("tbody tr, .events > li");
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

  // What the script adds to a page; one that replaces another goes on as that was sorted, and with what was typed there.
  function dress(sorted, typed) {
    document.querySelectorAll("table.sortable").forEach(function (table) {
      sortable(table);
      var head = sorted && Array.from(table.tHead.rows[0].cells).find(function (one) { return one.textContent === sorted.textContent; });
      if (!head) { return; }
      if (sorted.getAttribute("aria-sort") === "descending") { head.setAttribute("aria-sort", "ascending"); }
      sort(table, head, head.cellIndex);
    });
    var form = document.querySelector("form.sift");
    if (!form) { return; }
    if (!typed) { sift(form); return; }
    var picked = typed.querySelector("select"), word = picked.value;
    picked.replaceChildren.apply(picked, Array.from(form.querySelector("select").options));
    picked.value = word;
    if (picked.selectedIndex < 0) { picked.append(new Option(word, word, false, true)); } // nobody is so any more
    form.replaceWith(typed);
    typed.dispatchEvent(new Event("input"));
  }

  dress(null, null);

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
