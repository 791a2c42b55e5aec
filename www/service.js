// The service's side of a page: who is logged in, asking, and the buttons that `minectl serve` adds.
// The token stays in this tab (sessionStorage) and travels only in a header, so no other page can ask in its name.
// Not in Authorization: that one belongs to the web server in front, where it asks for a password.
(function () {
  "use strict";
  if (window.Minectl) { return; } // a page names it, and who serves the page does again: two undo each other
  var KEY = "minectl-token";
  var me = { name: null, role: null };
  var RANK = { read: 1, operate: 2, admin: 3 };
  var listeners = [];

  function token() { try { return sessionStorage.getItem(KEY) || ""; } catch (_) { return ""; } }
  function keep(text) { try { if (text) { sessionStorage.setItem(KEY, text); } else { sessionStorage.removeItem(KEY); } } catch (_) { /* no storage: logged in until the page goes */ } }
  function may(role) { return (RANK[me.role] || 0) >= RANK[role]; }

  // An element out of a tag, attributes, and children; texts are always texts.
  function el(tag, about) {
    var one = document.createElement(tag);
    Object.keys(about || {}).forEach(function (name) {
      var value = about[name];
      if (name === "on") { Object.keys(value).forEach(function (kind) { one.addEventListener(kind, value[kind]); }); }
      else if (name === "class") { one.className = value; }
      else if (value === true) { one.setAttribute(name, ""); }
      else if (value !== false && value !== null && value !== undefined) { one.setAttribute(name, value); }
    });
    Array.prototype.slice.call(arguments, 2).flat().forEach(function (child) {
      if (child !== null && child !== undefined) { one.append(child); }
    });
    return one;
  }

  function ask(method, path, body, as) {
    var headers = { Accept: "application/json" };
    var mine = as === undefined ? token() : as;
    if (mine) { headers["Minectl-Token"] = mine; }
    if (body !== undefined && body !== null) { headers["Content-Type"] = "application/json"; }
    return fetch(path, {
      method: method, headers: headers, cache: "no-store", credentials: "same-origin",
      body: body === undefined || body === null ? undefined : JSON.stringify(body)
    }).then(function (answer) {
      return answer.json().catch(function () { return {}; }).then(function (found) {
        if (answer.ok) { return found; }
        var absent = [404, 405, 501].includes(answer.status); // a web server that shows files alone
        var error = new Error(found.error || (absent ? "minectl serve does not run behind this page: start it, or use the command line" : "the service answers " + answer.status));
        error.status = answer.status;
        error.problems = (found.problems || []).map(function (one) { return one.what ? one.where + ": " + one.what : String(one); });
        throw error;
      });
    }, function () { throw new Error("the service does not answer"); });
  }

  var said = el("div", { "class": "sv-said", role: "status" });
  var quiet = 0;
  function say(text, bad) {
    if (!said.isConnected) { document.body.append(said); }
    said.classList.toggle("sv-is-bad", Boolean(bad));
    said.textContent = text;
    clearTimeout(quiet);
    quiet = setTimeout(function () { said.textContent = ""; }, bad ? 15000 : 8000);
  }
  function complain(error) {
    say([error.message].concat(error.problems || []).join("; "), true);
    if (error.status === 401) { login(); }
  }
  // What came of a request, and of what miners were told because of it: taken is not obeyed.
  function outcome(found) {
    var told = (found.outcome || [])[0];
    var came = (found.outcomes || []).map(function (one) {
      return "; " + one.miner + " " + one.verb + ": " + one.verdict + (one.why ? " (" + one.why + ")" : "");
    });
    if (found.done) { return found.done; }
    if (told && told.verdict) { return told.verdict + ": " + told.why + came.join(""); }
    return found.request_id ? "filed as request " + found.request_id + "; the next tick judges it" : "done";
  }

  // A dialog with a form; `go` gives a promise, and the dialog closes when it is kept.
  function dialog(title, parts, word, go, tone) {
    var back = document.activeElement;
    var wrong = el("p", { "class": "sv-wrong", role: "alert" });
    var send = el("button", { type: "submit", "class": tone || "sv-main" }, word);
    var close = el("button", { type: "button", on: { click: function () { box.close(); } } }, "Close");
    var form = el("form", { method: "dialog", autocomplete: "off" }, el("h2", { id: "sv-dialog-h" }, title), parts, wrong,
      el("p", { "class": "sv-buttons" }, word ? send : null, close));
    var box = el("dialog", { "class": "sv-dialog", "aria-labelledby": "sv-dialog-h" }, form);
    form.addEventListener("submit", function (event) {
      event.preventDefault();
      wrong.textContent = "";
      send.disabled = true;
      Promise.resolve(go(form)).then(function (open) { if (!open) { box.close(); } }, function (error) {
        wrong.textContent = [error.message].concat(error.problems || []).join("; ");
      }).then(function () { send.disabled = false; });
    });
    box.addEventListener("close", function () { box.remove(); if (back && back.isConnected) { back.focus(); } });
    document.body.append(box);
    box.showModal();
    return box;
  }

  function reasonField() {
    return el("p", { "class": "sv-field" }, el("label", { for: "sv-reason" }, "Reason"), el("input", { id: "sv-reason", maxlength: 200 }));
  }

  function login() {
    if (document.querySelector(".sv-dialog")) { return; }
    var field = el("input", { id: "sv-token", type: "password", autocomplete: "current-password", required: true, maxlength: 200 });
    dialog("Log in", [
      el("p", { "class": "sv-field" }, el("label", { for: "sv-token" }, "Token"), field,
        el("small", {}, "minectl tokens add NAME makes one on the controller. It is kept in this tab alone, until you log out or close it."))
    ], "Log in", function () {
      var given = field.value.trim();
      return ask("GET", "/api/me", null, given).then(function (found) {
        if (!found.role) { throw new Error("nobody's token is that"); }
        keep(given);
        if (document.getElementById("sv-locked")) { return unlock(); }
        return whoami();
      });
    });
    field.focus();
  }
  function logout() {
    keep("");
    location.reload();
  }

  function whoami() {
    if (!token()) { me = { name: null, role: null }; changed(); return Promise.resolve(); }
    return ask("GET", "/api/me").then(function (found) {
      me = found;
      if (!found.role) { keep(""); }
      changed();
    }).catch(complain);
  }
  function changed() {
    var who = document.getElementById("sv-who");
    if (who) { who.replaceChildren.apply(who, whoParts()); }
    fill();
    listeners.forEach(function (one) { one(me); });
  }
  function whoParts() {
    if (!me.role) { return [el("button", { type: "button", on: { click: login } }, "Log in")]; }
    return [el("span", {}, me.name + " (" + me.role + ")"), el("button", { type: "button", on: { click: logout } }, "Log out")];
  }

  // A page that reading needs a token for: fetched with it and put in place of the question. Its own script comes after
  // it, and renews it and tells its age as everywhere.
  function unlock() {
    return fetch(location.href, { headers: { "Minectl-Token": token(), Accept: "text/html" }, cache: "no-store", credentials: "same-origin" }).then(function (answer) {
      if (!answer.ok) { keep(""); throw new Error("this token does not open it"); }
      return answer.text();
    }).then(function (text) {
      var fresh = new DOMParser().parseFromString(text, "text/html");
      var own = fresh.querySelector('script[src*="script.js"]');
      fresh.querySelectorAll("script, noscript").forEach(function (one) { one.remove(); });
      document.title = fresh.title;
      document.documentElement.className = fresh.documentElement.className;
      document.body.replaceWith(document.adoptNode(fresh.body));
      if (own) { document.head.append(el("script", { src: own.getAttribute("src") })); }
      return whoami();
    });
  }

  // -- the mine's own pages: buttons ---------------------------------------------------------------------------

  function fill() {
    if (document.body.dataset.service !== undefined) { return; }
    fillSlot();
    document.querySelectorAll("[data-miner]").forEach(fillMiner);
  }

  function fillSlot() {
    var slot = document.getElementById("service-slot");
    if (!slot) {
      var main = document.querySelector("main");
      if (!main) { return; }
      slot = el("div", { id: "service-slot" });
      main.before(slot);
    }
    var state = me.role || "nobody";
    if (slot.dataset.served === state) { return; }
    slot.dataset.served = state;
    slot.hidden = false;
    slot.className = "sv-slot";
    slot.setAttribute("role", "group");
    slot.setAttribute("aria-label", "What you can do");
    var parts = whoParts();
    if (may("operate")) {
      parts.unshift(el("button", { type: "button", on: { click: discover } }, "Discover miners"),
        el("button", { type: "button", on: { click: addOne } }, "Add a miner"));
      parts.push(link("/debug", "Debug"), link("/bands", "Bands"));
    }
    if (may("admin")) { parts.push(link("/config", "Settings")); }
    slot.replaceChildren.apply(slot, parts);
  }
  function link(to, word) { return el("a", { href: to }, word); }

  function fillMiner(holder) {
    var old = holder.querySelector(":scope > .sv-acts, :scope > td > .sv-acts");
    if (!may("operate")) { if (old) { old.remove(); } return; }
    if (old || !(holder instanceof HTMLElement)) { return; }
    var name = holder.dataset.miner;
    var acts = [el("button", { type: "button", "aria-label": "Restart " + name, on: { click: function () { restart(name); } } }, "Restart")];
    if (may("admin")) {
      acts.push(el("button", { type: "button", "aria-label": "Remove " + name, on: { click: function () { remove(name, holder); } } }, "Remove"));
    }
    var row = el("div", { "class": "sv-acts" }, acts);
    var place = holder.tagName === "TR" ? holder.lastElementChild : holder;
    if (place && !place.closest("a, button, summary")) { place.append(row); }
  }

  function path(name) { return "/api/miners/" + encodeURIComponent(name); }
  function restart(name) {
    dialog("Restart " + name + "?", [reasonField()], "Restart", function (form) {
      return ask("POST", path(name) + "/restart?wait=1", { reason: form.querySelector("#sv-reason").value }).then(function (found) {
        say("Restart of " + name + ": " + outcome(found));
      });
    });
  }
  function remove(name, holder) {
    dialog("Remove " + name + "?", [
      el("p", {}, "Its line goes from fleet.csv; what is known of its wear stays, and counts when it is listed again. It is told nothing.")
    ], "Remove", function () {
      return ask("DELETE", path(name) + "?wait=1").then(function () {
        holder.hidden = true;
        say(name + " is taken out of the fleet.");
      });
    }, "sv-bad");
  }

  function discover() { search("Discover miners", "", "Search", false, "Networks or addresses; empty: those of the config."); }
  function addOne() { search("Add a miner", "", "Add", true, "Its address. It is asked what it is, and listed in fleet.csv (role admin)."); }

  function search(title, subnet, word, add, hint) {
    var field = el("input", { id: "sv-subnet", value: subnet, placeholder: add ? "10.0.0.21" : "10.0.0.0/24", required: add, maxlength: 60 });
    var result = el("div", { "aria-live": "polite" });
    dialog(title, [
      el("p", { "class": "sv-field" }, el("label", { for: "sv-subnet" }, add ? "Address" : "Network"), field, el("small", {}, hint)), result
    ], word, function () { return run(field.value.trim(), add, result); });
    field.focus();
  }

  function run(subnet, add, result) {
    var body = { add: add };
    if (subnet) { body.subnet = subnet; }
    var bar = el("progress", { max: 100, value: 0, "aria-label": "Search" });
    var told = el("p", { "class": "soft" }, "Knocking at every door");
    result.replaceChildren(bar, told);
    return ask("POST", "/api/discover", body).then(function (begun) {
      return new Promise(function (done, failed) {
        (function look() {
          ask("GET", "/api/discover/" + begun.job).then(function (job) {
            bar.value = job.percent;
            told.textContent = job.doors_done + " of " + job.doors + " doors, " + Math.round(job.seconds) + " s";
            if (job.state === "running") { setTimeout(look, 500); return; }
            if (job.state === "failed") { failed(new Error(job.error || "the search failed")); return; }
            result.replaceChildren.apply(result, finds(job.result || {}, subnet, result));
            done(true);
          }).catch(failed);
        })();
      });
    });
  }

  function finds(found, subnet, result) {
    var rows = (found.found || []).filter(function (one) { return one.state !== "other"; });
    var fresh = rows.filter(function (one) { return one.state === "new"; });
    var parts = [el("p", {}, rows.length ? rows.length + " found, " + fresh.length + " new" : "Nobody answered as a miner.")];
    if (rows.length) {
      parts.push(el("table", { "class": "sv-table" },
        el("thead", {}, el("tr", {}, el("th", {}, "Address"), el("th", {}, "Model"), el("th", {}, "State"))),
        el("tbody", {}, rows.map(function (one) {
          return el("tr", {}, el("td", {}, one.address), el("td", {}, one.model || one.kind || "unknown"), el("td", {}, one.state));
        }))));
    }
    if (found.added && found.added.length) { parts.push(el("p", { "class": "sv-good" }, found.added.length + " added to fleet.csv.")); }
    (found.not_added || []).forEach(function (one) { parts.push(el("p", { "class": "soft" }, one.address + " was not added: " + one.why)); });
    (found.notes || []).forEach(function (note) { parts.push(el("p", { "class": "soft" }, "Note: " + note)); });
    if (fresh.length && may("admin") && !(found.added && found.added.length)) {
      parts.push(el("p", {}, el("button", { type: "button", on: { click: function () {
        run(subnet, true, result).catch(function (error) { result.append(el("p", { "class": "sv-wrong" }, error.message)); });
      } } }, "Add the " + fresh.length + " new to fleet.csv")));
    }
    return parts;
  }

  // -- begin ---------------------------------------------------------------------------------------------------

  window.Minectl = {
    ask: ask, el: el, say: say, complain: complain, outcome: outcome, dialog: dialog, login: login, reasonField: reasonField,
    may: may, onWho: function (listener) { listeners.push(listener); listener(me); }
  };
  var waiting = 0;
  new MutationObserver(function () { // the page renews itself: what it brings has no buttons yet
    clearTimeout(waiting);
    waiting = setTimeout(fill, 50);
  }).observe(document.documentElement, { childList: true, subtree: true });
  var button = document.getElementById("sv-login");
  if (button) { button.addEventListener("click", login); }
  if (document.getElementById("sv-locked") && token()) { unlock().catch(complain); } else { whoami(); }
})();
