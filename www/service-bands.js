// /bands: the price bands as a form, and what they would make of the prices that are published.
(function () {
  "use strict";
  var M = window.Minectl, el = M.el;
  var SVG = "http://www.w3.org/2000/svg", PATH = "/api/settings/agile-solo-strategy/bands";
  var choices = { coins: [], pools: [], modes: {} }, asked = 0, typing = 0, rows = 0, edited = false;

  function id(name) { return document.getElementById(name); }
  function load() {
    return M.ask("GET", PATH).then(function (found) {
      if (edited) { return; } // meanwhile
      choices = found.choices;
      id("bd-rows").replaceChildren();
      found.bands.forEach(add);
      if (!found.bands.length) { id("bd-preview").replaceChildren(el("p", {}, "This site has no bands yet.")); }
      later();
    });
  }

  // -- the form ------------------------------------------------------------------------------------------------

  function field(label, control) { return el("label", {}, label, control); }
  function select(words, value, first) {
    var all = words.slice();
    if (value && all.indexOf(value) < 0) { all.push(value); }
    var one = el("select", {}, el("option", { value: "" }, first), all.map(function (word) { return el("option", { value: word }, word); }));
    one.value = value || "";
    return one;
  }

  function add(band) {
    rows += 1;
    var price = el("input", { type: "number", step: "any", min: -1000, max: 10000, value: band.max_price === null ? "" : band.max_price, "data-what": "price" });
    var coin = select(choices.coins, band.target_coin, "as it is");
    var pool = select(choices.pools.map(function (one) { return one.name; }), band.pool, "first of the coin");
    coin.dataset.what = "coin";
    pool.dataset.what = "pool";
    var taken = {};
    (band.modes || []).forEach(function (text) { var cut = text.lastIndexOf(" "); taken[text.slice(0, cut)] = text.slice(cut + 1); });
    var known = Object.keys(choices.modes);
    Object.keys(taken).forEach(function (who) { if (known.indexOf(who) < 0) { known.push(who); } });
    var modes = known.map(function (who) {
      var one = select(choices.modes[who] || [], taken[who], "as it is");
      one.dataset.mode = who;
      return field(who, one);
    });
    var row = el("li", { "data-id": band.id }, el("p", { "class": "sv-head" }, el("b", {}, "Band " + band.id), el("span", { "class": "soft" }, "")),
      field("Prices below (p/kWh)", price), field("Mines", coin), field("Pool", pool), modes,
      el("button", { type: "button", "aria-label": "Remove band " + band.id, on: { click: function () { row.remove(); changed(); } } }, "Remove"));
    row.addEventListener("input", changed);
    id("bd-rows").append(row);
    order();
  }

  function changed() { edited = true; order(); later(); }

  // Colours and "from ... to below ..." follow the order.
  function order() {
    var all = Array.from(id("bd-rows").children);
    all.forEach(function (row, at) {
      row.className = "sv-b" + Math.min(at, 5);
      var below = row.querySelector("[data-what=price]").value;
      var next = all[at + 1] ? all[at + 1].querySelector("[data-what=price]").value : "";
      row.querySelector(".sv-head span").textContent = (next ? "from " + next : "any price") + (below ? " to below " + below : " and above");
    });
  }

  function bands() {
    return Array.from(id("bd-rows").children, function (row) {
      var price = row.querySelector("[data-what=price]").value;
      return {
        id: row.dataset.id, max_price: price === "" ? null : Number(price), target_coin: row.querySelector("[data-what=coin]").value,
        pool: row.querySelector("[data-what=pool]").value,
        modes: Array.from(row.querySelectorAll("[data-mode]")).filter(function (one) { return one.value; }).map(function (one) { return one.dataset.mode + " " + one.value; })
      };
    });
  }

  // -- preview -------------------------------------------------------------------------------------------------

  function later() { clearTimeout(typing); id("bd-go").disabled = true; typing = setTimeout(preview, 300); }
  function preview() {
    if (!M.may("operate") || !id("bd-rows").children.length) { return; }
    asked += 1;
    var mine = asked;
    M.ask("POST", PATH + "/preview", { bands: bands() }).then(function (found) {
      if (mine === asked) { show(found); }
    }).catch(function (error) {
      if (mine === asked) { id("bd-preview").replaceChildren(el("p", { "class": "sv-wrong" }, [error.message].concat(error.problems || []).join("; "))); }
    });
  }

  function show(found) {
    var parts = [];
    if (!found.ok) {
      parts.push(el("p", { "class": "sv-wrong" }, "It would not check:"), el("ul", { "class": "sv-limits", id: "bd-problems" }, found.problems.map(function (one) { return el("li", { "class": "sv-wrong" }, one); })));
    } else if (!found.slots.length) {
      parts.push(el("p", {}, "No prices are known from now on; tomorrow's are published in the afternoon."));
    } else {
      parts.push(chart(found.slots), figures(found), slots(found.slots));
    }
    if (found.diff.length) {
      parts.push(el("details", {}, el("summary", {}, "What changes in config.txt"), el("pre", { "class": "sv-diff", tabindex: "0" }, found.diff.map(function (one) {
        return el("span", { "class": { "+": "sv-add", "-": "sv-del", "@": "sv-at" }[one[0]] || "" }, one);
      }))));
    }
    id("bd-preview").replaceChildren.apply(id("bd-preview"), parts);
    id("bd-go").disabled = !found.ok || !found.diff.length || !M.may("admin");
  }

  function rank(name) {
    var at = Array.from(id("bd-rows").children).findIndex(function (row) { return row.dataset.id === name; });
    return "sv-b" + Math.min(Math.max(at, 0), 5);
  }
  function draw(kind, about, text) {
    var one = document.createElementNS(SVG, kind);
    Object.keys(about).forEach(function (name) { one.setAttribute(name, about[name]); });
    if (text !== undefined) { one.textContent = text; }
    return one;
  }

  // Bars of price in the colour of the band that would hold; below them the band that holds as it is written now.
  function chart(slots) {
    var wide = 960, tall = 150, strip = 14;
    var prices = slots.map(function (one) { return one.price; });
    var top = Math.max.apply(null, prices.concat([1])), low = Math.min.apply(null, prices.concat([0]));
    var begin = slots[0].start_s, end = slots[slots.length - 1].end_s;
    function x(at) { return (at - begin) / (end - begin) * wide; }
    function y(price) { return 8 + (top - price) / (top - low) * (tall - 16); }
    var picture = draw("svg", { "class": "sv-chart", viewBox: "0 0 " + wide + " " + (tall + strip * 2 + 6), preserveAspectRatio: "none", role: "img", "aria-label": "Prices from " + slots[0].at + " to " + slots[slots.length - 1].at + ", from " + low + " to " + top + " p/kWh; the table below has each" });
    slots.forEach(function (one, at) {
      var left = x(one.start_s), width = Math.max(1, x(one.end_s) - left - 1);
      var bar = draw("rect", { x: left, y: Math.min(y(one.price), y(0)), width: width, height: Math.max(1.5, Math.abs(y(one.price) - y(0))), "class": rank(one.then) });
      bar.append(draw("title", {}, one.at + ": " + one.price + " p/kWh, band " + one.then + (one.now === one.then ? "" : " instead of " + one.now)));
      picture.append(bar, draw("rect", { x: left, y: tall + 2, width: width + 1, height: strip, "class": rank(one.then) }));
      if (one.now !== null) { picture.append(draw("rect", { x: left, y: tall + strip + 5, width: width + 1, height: strip, "class": rank(one.now) })); }
      if (at && one.at.slice(0, 10) !== slots[at - 1].at.slice(0, 10)) { picture.append(draw("line", { x1: left, x2: left, y1: 0, y2: tall + strip * 2 + 6, "class": "sv-day" })); }
    });
    return el("figure", {}, picture, el("figcaption", {}, "Bars: published prices, " + slots[0].at + " to " + slots[slots.length - 1].at + ". Upper strip: the bands as typed here; lower strip: as they are now."));
  }

  function figures(found) {
    function price(one) { return one === null ? "nothing is mined" : one + " p/kWh"; }
    var head = ["", "As it is", "With this"].map(function (word) { return el("th", { scope: "col" }, word); });
    var lines = found.hours.map(function (one) { return [el("span", { "class": "sv-key-b " + rank(one.band) }, "Hours in band " + one.band), one.now + " h", one.then + " h"]; });
    lines.push(["Changes of band", String(found.changes.now), String(found.changes.then)]);
    lines.push(["Mean price while mining", price(found.mean_price.now), price(found.mean_price.then)]);
    return el("table", { "class": "sv-table sv-compare", id: "bd-figures" }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, lines.map(function (line) {
      return el("tr", { "class": line[1] === line[2] ? "" : "sv-differs" }, el("th", { scope: "row" }, line[0]), el("td", {}, line[1]), el("td", {}, line[2]));
    })));
  }
  function slots(all) {
    var head = ["From", "p/kWh", "As it is", "With this"].map(function (word) { return el("th", { scope: "col" }, word); });
    return el("details", {}, el("summary", {}, "Each slot"), el("table", { "class": "sv-table" }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, all.map(function (one) {
      return el("tr", { "class": one.now === one.then ? "" : "sv-differs" }, el("th", { scope: "row" }, one.at), el("td", {}, one.price), el("td", {}, one.now === null ? "unknown" : one.now), el("td", {}, one.then));
    }))));
  }

  // -- save ----------------------------------------------------------------------------------------------------

  function more() {
    var name = el("input", { id: "bd-name", required: true, maxlength: 32, pattern: "[A-Za-z0-9][A-Za-z0-9_.\\-]*" });
    var price = el("input", { id: "bd-price", type: "number", step: "any", required: true });
    M.dialog("One more band", [
      el("p", { "class": "sv-field" }, el("label", { for: "bd-name" }, "Name"), name),
      el("p", { "class": "sv-field" }, el("label", { for: "bd-price" }, "Prices below (p/kWh)"), price)
    ], "Add", function () {
      if (bands().some(function (one) { return one.id === name.value; })) { throw new Error("there is a band of that name"); }
      add({ id: name.value, max_price: Number(price.value), target_coin: "", pool: "", modes: [] });
      var all = Array.from(id("bd-rows").children), fresh = all[all.length - 1];
      var cheaper = all.find(function (row) { return row !== fresh && row.querySelector("[data-what=price]").value !== "" && Number(row.querySelector("[data-what=price]").value) < Number(price.value); });
      if (cheaper) { cheaper.before(fresh); }
      changed();
    });
  }
  function told(found) { M.say([found.changed.length + " changed and in the audit log; a tick takes it over."].concat(found.notes || []).join(" Note: ")); edited = false; return load(); }
  function save(event) {
    event.preventDefault();
    M.ask("PUT", PATH, { bands: bands(), reason: id("bd-reason").value.trim() }).then(told).catch(M.complain);
  }

  id("bd-form").addEventListener("submit", save);
  id("bd-more").addEventListener("click", more);
  id("bd-undo").addEventListener("click", function () { M.ask("POST", "/api/config/undo", { reason: id("bd-reason").value.trim() }).then(told).catch(M.complain); });
  id("bd-reset").addEventListener("click", function () {
    M.dialog("The five bands of the start?", [el("p", {}, "They take the place of every band there is; undo brings those back.")], "Put them in", function () {
      return M.ask("POST", PATH + "/reset", { reason: id("bd-reason").value.trim() }).then(told);
    });
  });
  // Whoever logs in again, because a save found the token gone, finds what was typed.
  M.onWho(function () { if (edited) { later(); } else { load().catch(M.complain); } });
})();
