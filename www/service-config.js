// /config: config.txt as a form. Every change is checked by the same code that reads the file, and shown as a difference.
(function () {
  "use strict";
  var M = window.Minectl, el = M.el;
  var sha = "", changes = new Map(), kinds = [], asked = 0, typing = 0, was = "";

  function id(name) { return document.getElementById(name); }
  function load() {
    return M.ask("GET", "/api/config").then(function (found) {
      if (changes.size) { return; } // meanwhile
      sha = found.sha;
      kinds = found.kinds;
      id("cf-sections").replaceChildren.apply(id("cf-sections"), found.sections.map(function (one) { return section(one, false); }));
      id("cf-kind").replaceChildren.apply(id("cf-kind"), kinds.map(function (one) { return el("option", { value: one.kind }, one.kind); }));
      id("cf-undo").disabled = !found.can_undo;
      state(found, true);
      kind();
      find();
    });
  }

  function again() { changes.clear(); return load(); }

  // -- the form ------------------------------------------------------------------------------------------------

  function section(about, open) {
    var box = el("details", { "class": "sv-section", "data-title": about.title },
      el("summary", {}, "[" + about.title + "]", " ", el("span", {}, about.options.filter(function (one) { return one.written; }).length + " written")),
      el("p", { "class": "soft" }, about.about));
    box.open = open;
    var filled = false;
    function fillIn() {
      if (filled) { return; }
      filled = true;
      about.options.forEach(function (one) { box.append(option(about.title, one)); });
      box.append(el("p", { "class": "sv-buttons" }, line(about.title, box), about.line ? whole(about.title, box) : null));
    }
    box.addEventListener("toggle", fillIn);
    box.fillIn = fillIn;
    box.dataset.words = (about.title + " " + about.about + " " + about.options.map(function (one) { return one.key + " " + one.help; }).join(" ")).toLowerCase();
    if (open) { fillIn(); }
    return box;
  }

  function whole(title, box) {
    return el("button", { type: "button", on: { click: function () {
      changes.set(title, { section: title, option: "", value: null });
      box.hidden = true;
      later();
    } } }, "Take the whole section out");
  }
  function line(title, box) {
    if (title !== "wiring") { return null; }
    return el("button", { type: "button", on: { click: function () {
      var key = el("input", { id: "cf-new-key", required: true, maxlength: 80, placeholder: "fan 3" });
      M.dialog("One more line of [wiring]", [el("p", { "class": "sv-field" }, el("label", { for: "cf-new-key" }, "Name"), key)], "Add", function () {
        box.querySelector(".sv-buttons").before(option(title, { key: key.value.trim(), type: "text", help: "", value: "", choices: [], written: false, unit: "", low: null, high: null, required: false, example: "", "default": "" }));
      });
    } } }, "Add a line");
  }

  function option(title, about) {
    var name = "cf:" + title + ":" + about.key;
    var field = control(name, about);
    var row = el("div", { "class": "sv-option" }, el("label", { for: name }, about.key),
      el("div", {}, field, el("small", { id: name + ":h" }, hint(about))));
    if (about.here_only) { field.disabled = true; }
    field.addEventListener("input", function () { touched(title, about, field, row); });
    return row;
  }

  function control(name, about) {
    var common = { id: name, "aria-describedby": name + ":h" };
    if (about.type === "bool" || (about.choices.length && about.type !== "list")) {
      var words = about.type === "bool" ? ["yes", "no"] : about.choices;
      var first = about["default"] ? "default: " + about["default"] : "default";
      var chosen = el("select", common, el("option", { value: "" }, about.required ? "choose" : first), words.filter(Boolean).map(function (one) { return el("option", { value: one }, one); }));
      if (about.value && words.indexOf(about.value) < 0) { chosen.append(el("option", { value: about.value }, about.value)); }
      chosen.value = about.value;
      return chosen;
    }
    if (about.type === "secret") {
      return el("input", Object.assign(common, { type: "password", autocomplete: "off", placeholder: about.written ? "written; empty: stays as it is" : "not written" }));
    }
    var holder = about["default"] || (about.example ? "for example " + about.example : "");
    // A number may be written in ways of the file's own, so it is a text here; its bounds stand beside it.
    return el("input", Object.assign(common, { value: about.value, placeholder: holder, maxlength: 2000, inputmode: about.type === "int" ? "numeric" : about.type === "float" ? "decimal" : null, spellcheck: "false", autocomplete: "off" }));
  }

  function hint(about) {
    var bounds = about.low !== null && about.high !== null ? about.low + " to " + about.high : "";
    var more = [about.unit, bounds, about.type === "list" ? ["with commas"].concat(about.choices.join(" ")).filter(Boolean).join(": ") : "", about["default"] ? "default " + about["default"] : "", about.required ? "needed" : "",
      about.type === "secret" ? "the secret itself; file:PATH is written at the controller" : "", about.here_only ? "a file of the controller: changed there with minectl config set" : ""].filter(Boolean).join(", ");
    return about.help + (more ? " (" + more + ")" : "");
  }

  function touched(title, about, field, row) {
    var value = field.value.trim(), key = title + "\n" + about.key;
    var same = about.type === "secret" ? value === "" : value === about.value;
    if (same) { changes.delete(key); } else { changes.set(key, { section: title, option: about.key, value: value === "" ? null : value }); }
    if (value === "" && !about.written) { changes.delete(key); }
    row.classList.toggle("sv-touched", changes.has(key));
    var box = row.closest("details");
    box.classList.toggle("sv-touched", Boolean(box.querySelector(".sv-option.sv-touched")));
    later();
  }

  // -- check, save, undo ---------------------------------------------------------------------------------------

  function body() { return { sha: sha, changes: Array.from(changes.values()), reason: id("cf-reason").value.trim() }; }
  function later() { clearTimeout(typing); id("cf-go").disabled = true; typing = setTimeout(check, 400); }
  function check() {
    id("cf-drop").disabled = !changes.size;
    if (!changes.size) { id("cf-state").replaceChildren(el("p", { "class": "soft" }, "Nothing is changed.")); return; }
    asked += 1;
    var mine = asked;
    M.ask("POST", "/api/config/check", body()).then(function (found) {
      if (mine === asked) { state(found, false); }
    }).catch(function (error) {
      if (mine === asked) { id("cf-state").replaceChildren(el("p", { "class": "sv-wrong" }, [error.message].concat(error.problems || []).join("; "))); }
    });
  }

  function state(found, first) {
    var parts = [];
    if (!found.ok) {
      parts.push(el("p", { "class": "sv-wrong" }, first ? "The file as it is does not check:" : "It would not check, so it can't be saved:"));
      parts.push(el("ul", { "class": "sv-limits", id: "cf-problems" }, found.problems.map(function (one) { return el("li", { "class": "sv-wrong" }, one); })));
    } else if (!first) {
      parts.push(el("p", { "class": "sv-good" }, "It checks. " + (found.changed.length === 1 ? "1 option changes." : found.changed.length + " options change.")));
    } else {
      parts.push(el("p", { "class": "soft" }, "Nothing is changed."));
    }
    if (found.diff && found.diff.length) { parts.push(difference(found.diff)); }
    id("cf-state").replaceChildren.apply(id("cf-state"), parts);
    id("cf-go").disabled = first || !found.ok || !found.changed.length;
  }
  function difference(lines) {
    return el("pre", { "class": "sv-diff", id: "cf-diff", tabindex: "0", "aria-label": "What changes in config.txt" }, lines.map(function (one) {
      return el("span", { "class": { "+": "sv-add", "-": "sv-del", "@": "sv-at" }[one[0]] || "" }, one);
    }));
  }

  function save(event) {
    event.preventDefault();
    clearTimeout(typing);
    was = Array.from(document.querySelectorAll(".sv-section[open]"), function (one) { return one.dataset.title; }).join("\n");
    M.ask("PATCH", "/api/config", body()).then(function (found) {
      M.say([found.changed.length + " changed and in the audit log; a tick takes it over."].concat(found.notes || []).join(" Note: "));
      return again().then(reopen);
    }).catch(M.complain);
  }
  function undo() {
    M.dialog("Undo the last save?", [el("p", {}, "config.txt is put back as it was before the last change, whoever made it. Undo once more brings it back.")], "Undo", function () {
      return M.ask("POST", "/api/config/undo", { reason: id("cf-reason").value.trim() }).then(function (found) {
        M.say(found.changed.length + " changed back.");
        return again();
      });
    });
  }
  function reopen() {
    var titles = was.split("\n");
    document.querySelectorAll(".sv-section").forEach(function (one) { if (titles.indexOf(one.dataset.title) >= 0) { one.fillIn(); one.open = true; } });
  }

  // -- find and add --------------------------------------------------------------------------------------------

  function find() {
    var words = id("cf-find").value.toLowerCase().split(/\s+/).filter(Boolean);
    document.querySelectorAll(".sv-section").forEach(function (one) {
      one.hidden = changes.has(one.dataset.title) || !words.every(function (word) { return one.dataset.words.indexOf(word) >= 0; });
    });
  }
  function kind() {
    var about = kinds.find(function (one) { return one.kind === id("cf-kind").value; });
    if (!about) { return; }
    id("cf-about").textContent = about.about;
    id("cf-name").disabled = !about.named;
    id("cf-name").required = about.named;
  }
  function add(event) {
    event.preventDefault();
    var title = (id("cf-kind").value + " " + (id("cf-name").disabled ? "" : id("cf-name").value)).trim();
    var there = document.querySelector('.sv-section[data-title="' + CSS.escape(title) + '"]');
    if (there) { there.hidden = false; there.open = true; there.querySelector("summary").focus(); return; }
    M.ask("GET", "/api/config/sections/" + encodeURIComponent(title)).then(function (about) {
      var box = section(about, true);
      id("cf-sections").prepend(box);
      box.querySelector("summary").focus();
    }).catch(M.complain);
  }

  id("cf-find").addEventListener("input", find);
  id("cf-kind").addEventListener("change", kind);
  id("cf-add").addEventListener("submit", add);
  id("cf-save").addEventListener("submit", save);
  id("cf-drop").addEventListener("click", function () { again().catch(M.complain); });
  id("cf-undo").addEventListener("click", undo);
  addEventListener("beforeunload", function (event) { if (changes.size) { event.preventDefault(); } });
  // Whoever logs in again, because a save found the token gone, finds what was typed.
  M.onWho(function () {
    if (changes.size) { later(); } else if (M.may("admin")) { load().catch(M.complain); }
  });
})();
