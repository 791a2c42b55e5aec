// /debug: values set for a time, the decision before it is taken, the reasons while they change.
(function () {
  "use strict";
  var M = window.Minectl, el = M.el;
  var board = null, seen = null, asked = 0, typing = 0;
  var GROUPS = { input: "What is measured", fan: "Fans", miner: "All miners", one: "One miner", price: "Price and people" };
  var FOR = [["300", "5 min"], ["1800", "30 min"], ["3600", "1 h"], ["14400", "4 h"], ["", "until changed"]];
  var LONGEST = 200;

  function id(name) { return document.getElementById(name); }
  // The viewer's clock says whose it is: the mine may stand in another zone, and its own pages tell its own time.
  function time(at) {
    if (!at) { return "never"; }
    var then = new Date(at * 1000), how = { hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short" };
    if (then.toDateString() !== new Date().toDateString()) { how.weekday = "short"; how.day = "numeric"; how.month = "short"; }
    return then.toLocaleString("en-GB", how);
  }
  function kw(watts) { return (watts / 1000).toFixed(1) + " kW"; }

  // -- the rows of the form ------------------------------------------------------------------------------------

  var rows = 0;
  function addRow() {
    rows += 1;
    var key = el("select", { id: "db-key-" + rows });
    var groups = {};
    board.keys.forEach(function (one) {
      if (!groups[one.group]) { groups[one.group] = el("optgroup", { label: GROUPS[one.group] }); key.append(groups[one.group]); }
      groups[one.group].append(el("option", { value: one.key }, one.label + (one.now === null || one.now === undefined ? "" : " (" + one.now + (one.unit ? " " + one.unit : "") + ")")));
    });
    if (board.readings.length) {
      var readings = el("optgroup", { label: "One reading" });
      board.readings.forEach(function (name) { readings.append(el("option", { value: name }, name.slice(8))); });
      key.append(readings);
    }
    var value = el("span", { "class": "sv-value" });
    var span = el("select", { id: "db-for-" + rows }, FOR.map(function (one) { return el("option", { value: one[0] }, one[1]); }));
    span.value = "1800";
    var row = el("li", {},
      el("label", { "class": "sv-key" }, "Value", key), value, el("label", {}, "For", span),
      el("button", { type: "button", on: { click: function () { row.remove(); if (!id("db-rows").children.length) { addRow(); } later(); } }, "aria-label": "Take this line out" }, "Take out"));
    key.addEventListener("change", function () { control(row, key.value); later(); });
    span.addEventListener("change", later);
    id("db-rows").append(row);
    control(row, key.value);
  }

  function control(row, key) {
    var about = board.keys.find(function (one) { return one.key === key; });
    var name = "db-value-" + row.querySelector("select").id.slice(7);
    var field;
    if (about && about.choices) {
      field = el("select", { id: name }, el("option", { value: "" }, "choose"), about.choices.map(function (one) { return el("option", {}, one); }));
    } else {
      field = el("input", { id: name, maxlength: 40, list: "db-unknown", placeholder: about ? about.low + " to " + about.high + " " + about.unit : "a number, a word or unknown" });
    }
    field.addEventListener("input", later);
    row.querySelector(".sv-value").replaceChildren(el("label", {}, "Set to", field));
  }

  function sets() {
    return Array.from(id("db-rows").children, function (row) {
      var field = row.querySelector(".sv-value select, .sv-value input");
      var one = { key: row.querySelector("select").value, value: field.value.trim() };
      var seconds = row.querySelector("select[id^=db-for]").value;
      if (seconds) { one.for_s = Number(seconds); }
      if (one.key === "signal") {
        one.stand_in = id("db-standin").checked;
        one.accept_penalty = id("db-penalty").checked;
        one.site = id("db-site").value.trim();
      }
      return one;
    }).filter(function (one) { return one.value !== ""; });
  }

  // -- preview -------------------------------------------------------------------------------------------------

  function later() { clearTimeout(typing); typing = setTimeout(preview, 350); }
  function preview() {
    var wanted = sets();
    if (!wanted.length) { return; }
    if (!M.may("operate")) { id("db-preview").replaceChildren(el("p", { "class": "soft" }, "Log in with a token of role operate to see what it would do.")); return; }
    asked += 1;
    var mine = asked;
    M.ask("POST", "/api/debug/preview", { sets: wanted, reason: id("db-reason").value || "preview" }).then(function (found) {
      if (mine === asked) { id("db-preview").replaceChildren.apply(id("db-preview"), told(found)); }
    }).catch(function (error) {
      if (mine === asked) { id("db-preview").replaceChildren(el("p", { "class": "sv-wrong" }, [error.message].concat(error.problems || []).join("; "))); }
    });
  }

  function told(found) {
    var parts = [];
    found.asked.forEach(function (one) {
      var text = one.args.join(" ") + ": " + one.verdict + ", " + one.why;
      parts.push(el("p", { "class": one.verdict === "refused" ? "sv-wrong" : "sv-good" }, text));
      one.notes.forEach(function (note) { parts.push(el("p", { "class": "soft" }, note)); });
    });
    parts.push(el("p", {}, found.changed.length ? "On the readings of " + time(found.on) + ":" : "On the readings of " + time(found.on) + " nothing would change."));
    var lines = [
      ["Mode", found.now.mode, found.then.mode], ["Why", found.now.why, found.then.why],
      ["Miners that run", found.now.miners_run + " of " + found.now.miners, found.then.miners_run + " of " + found.then.miners],
      ["Miners started now", group(found.now.starts), group(found.then.starts)],
      ["Miners stopped now", group(found.now.stops), group(found.then.stops)],
      ["Power permitted", kw(found.now.permitted_w), kw(found.then.permitted_w)],
      ["Fans on", found.now.fans_on.join(" ") || "none", found.then.fans_on.join(" ") || "none"]
    ];
    parts.push(el("table", { "class": "sv-table sv-compare", id: "db-compare" },
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, ""), el("th", { scope: "col" }, "As it is"), el("th", { scope: "col" }, "With it"))),
      el("tbody", {}, lines.map(function (line) {
        return el("tr", { "class": line[1] === line[2] ? "" : "sv-differs" }, el("th", { scope: "row" }, line[0]), el("td", {}, line[1]), el("td", {}, line[2]));
      }))));
    parts.push(el("h3", {}, "Commands it would send" + (found.live ? "" : " (shadow mode: none is sent)")));
    parts.push(found.then.commands.length ? el("ul", { "class": "sv-limits" }, found.then.commands.map(function (one) {
      return el("li", {}, one.lane + ": " + one.verb + " " + group(one.targets) + " (" + one.why + ")");
    })) : el("p", { "class": "soft" }, "none"));
    var fresh = difference(found.now.limits, found.then.limits);
    if (fresh.length) { parts.push(el("h3", {}, "Reasons that come and go"), el("ul", { "class": "sv-limits" }, fresh)); }
    return parts;
  }
  function group(one) {
    if (!one.count) { return "none"; }
    return one.names.join(", ") + (one.count > one.names.length ? " and " + (one.count - one.names.length) + " more" : "");
  }
  function line(one) { return one.layer + " " + one.what + ": " + one.text; }
  function difference(was, is) {
    var before = was.map(line), after = is.map(line);
    return before.filter(function (one) { return after.indexOf(one) < 0; }).map(function (one) { return el("li", { "class": "sv-minus" }, one); })
      .concat(after.filter(function (one) { return before.indexOf(one) < 0; }).map(function (one) { return el("li", { "class": "sv-plus" }, one); }));
  }

  // -- what holds now ------------------------------------------------------------------------------------------

  function load() {
    return M.ask("GET", "/api/debug/board").then(function (found) {
      var first = board === null;
      if (!first && found.tick_at !== board.tick_at) { note(board.limits, found.limits, found.tick_at); }
      board = found;
      if (first) { addRow(); document.body.append(el("datalist", { id: "db-unknown" }, el("option", { value: "unknown" }))); }
      id("db-mode").textContent = found.mode || "INIT";
      id("db-why").textContent = found.why || "no tick has run yet";
      id("db-when").textContent = found.tick_at ? "Tick of " + time(found.tick_at) + "." : "";
      id("db-kind").textContent = found.live ? "Live: an input can only make it stricter." : "Shadow mode: nothing is sent.";
      id("db-limits").replaceChildren.apply(id("db-limits"), found.limits.map(function (one) {
        return el("li", { "class": one.binding ? "sv-bites" : "" }, el("b", {}, one.layer), one.what + ": " + one.text + (one.binding ? " (bites)" : ""));
      }));
      held(found);
      later();
    });
  }
  function note(was, is, at) {
    var fresh = difference(was, is);
    fresh.forEach(function (one) { one.prepend(el("time", {}, time(at)), " "); id("db-log").prepend(one); });
    while (id("db-log").children.length > LONGEST) { id("db-log").lastElementChild.remove(); }
  }

  function held(found) {
    var parts = found.overrides.map(function (one) {
      return el("tr", {}, el("td", {}, one.key + " = " + one.value), el("td", {}, one.until ? "until " + time(one.until) : "until changed"),
        el("td", {}, one.actor + ": " + one.reason),
        el("td", {}, el("button", { type: "button", "aria-label": "Give back " + one.key, on: { click: function () { clear(one.key); } } }, "Give back")));
    });
    var waiting = found.waiting.map(function (one) {
      return el("p", { "class": "soft" }, "Request " + one.id + " waits for a tick: " + one.verb + " " + one.args.join(" ") + " (" + one.actor + ")");
    });
    if (!parts.length) { id("db-held").replaceChildren.apply(id("db-held"), [el("p", { "class": "soft" }, "Nothing is set by a person.")].concat(waiting)); return; }
    var head = ["Value", "How long", "Who and why", ""].map(function (word) { return el("th", { scope: "col" }, word); });
    id("db-held").replaceChildren.apply(id("db-held"), [
      el("table", { "class": "sv-table" }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, parts)),
      el("p", {}, el("button", { type: "button", on: { click: function () { clear("--all"); } } }, "Give all of it back"))].concat(waiting));
  }

  function act(method, path, body) {
    return M.ask(method, path, body).then(function (found) { M.say(M.outcome(found)); return load(); }).catch(M.complain);
  }
  function clear(key) { act("POST", "/api/debug/clear?wait=1", { key: key, reason: id("db-reason").value || "given back" }); }

  function set(event) {
    event.preventDefault();
    if (!M.may("operate")) { M.login(); return; }
    var wanted = sets(), reason = id("db-reason").value.trim();
    if (!wanted.length) { M.say("Choose a value first.", true); return; }
    var chain = Promise.resolve();
    wanted.forEach(function (one, at) {
      chain = chain.then(function () {
        var body = { value: one.value, reason: reason }, path = "raw-state";
        if (one.for_s) { body.for_s = one.for_s; }
        if (one.key === "signal") { path = "power-signal"; body.stand_in = one.stand_in; body.accept_penalty = one.accept_penalty; body.site = one.site; } else { body.key = one.key; }
        return M.ask("POST", "/api/debug/" + path + (at === wanted.length - 1 ? "?wait=1" : ""), body);
      });
    });
    chain.then(function (found) { M.say(M.outcome(found)); return load(); }).catch(M.complain);
  }

  function stepping(event) {
    event.preventDefault();
    var left = Number(id("db-steps").value);
    (function one() {
      if (left < 1) { return; }
      left -= 1;
      M.say("Stepping, " + left + " left");
      M.ask("POST", "/api/debug/step?wait=1", { reason: "step" }).then(load).then(one).catch(M.complain);
    })();
  }

  // What fails is said in the box, which stays: whoever pressed it must not believe that the mine stops.
  function stop() {
    if (!M.may("operate")) { M.login(); return; }
    M.dialog("Stop everything?", [el("p", {}, "All miners go off now, at their outlets where they have any, and stay off until minectl resume."), M.reasonField()], "Stop everything", function (form) {
      return M.ask("POST", "/api/debug/emergency-shutdown", { reason: form.querySelector("#sv-reason").value }).then(function (found) {
        M.say(M.outcome(found));
        load().catch(M.complain);
      }, function (error) { throw new Error("Not stopped: " + error.message); });
    }, "sv-bad");
  }

  // A look every few seconds costs next to nothing; the board is asked for when a tick has passed.
  function watch() {
    M.ask("GET", "/api/status").then(function (found) {
      id("db-step").hidden = !found.simulated;
      if (board === null || found.tick_at !== seen) { seen = found.tick_at; return load(); }
      return null;
    }).catch(function (error) { id("db-why").textContent = error.message; }).then(function () {
      setTimeout(watch, document.hidden ? 15000 : 3000);
    });
  }

  id("db-form").addEventListener("submit", set);
  id("db-more").addEventListener("click", function () { if (board) { addRow(); } });
  id("db-tick").addEventListener("click", function () { act("POST", "/api/settings/agile-solo-strategy/execute?wait=1", { reason: id("db-reason").value || "from the debug page" }); });
  id("db-step").addEventListener("submit", stepping);
  id("db-stop").addEventListener("click", stop);
  ["db-standin", "db-penalty", "db-site"].forEach(function (name) { id(name).addEventListener("input", later); });
  M.onWho(function () { if (board) { later(); } });
  watch();
})();
