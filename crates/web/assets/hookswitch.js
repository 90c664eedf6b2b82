// What every page needs beyond HTML: the keys, times that stay true, rows that open on a click,
// copy buttons, and plain words when the hub does not answer. No library but htmx, no build step.
(function () {
  "use strict";

  // The server renders times in this zone from the next page on.
  try {
    var zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (zone) document.cookie = "hs_zone=" + zone + "; path=/; max-age=31536000; samesite=lax";
  } catch (ignored) { /* an old browser shows the hub's own zone */ }

  // The clock of this machine may be wrong: count from what the server said, not from Date.now().
  var skew = Number(document.body.dataset.now) - Date.now();
  function now() { return Date.now() + skew; }

  function two(n) { return (n < 10 ? "0" : "") + n; }

  // As show::clock_seconds of the server writes it.
  function clock(ms) {
    var s = Math.max(0, Math.floor(ms / 1000));
    var h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
    return h > 0 ? h + ":" + two(m) + ":" + two(s % 60) : m + ":" + two(s % 60);
  }

  // As show::Times::ago of the server writes it.
  function ago(ms) {
    var t = document.body.dataset, s = Math.floor(ms / 1000);
    if (s <= -60) return t.tInMinutes.replace("{n}", Math.floor(-s / 60));
    if (s < 0) return t.tInSeconds.replace("{n}", -s);
    if (s < 5) return t.tNow;
    if (s < 60) return t.tSeconds.replace("{n}", s);
    if (s < 3600) return t.tMinutes.replace("{n}", Math.floor(s / 60));
    if (s < 86400) return t.tHours.replace("{n}", Math.floor(s / 3600));
    return t.tDays.replace("{n}", Math.floor(s / 86400));
  }

  function show(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  function tick() {
    var at = now(), i;
    var running = document.querySelectorAll(".tick[data-since]");
    for (i = 0; i < running.length; i++) show(running[i], clock(at - Number(running[i].dataset.since)));
    var past = document.querySelectorAll("time[data-ago]");
    for (i = 0; i < past.length; i++) show(past[i], ago(at - Number(past[i].dataset.ago)));
  }
  setInterval(tick, 1000);

  // On a narrow screen the navigation scrolls: where one is must be in sight.
  var here = document.querySelector(".hs-nav a[aria-current]");
  if (here) here.parentNode.scrollLeft = here.offsetLeft - 60;

  // The keys. `g` waits a second for the letter of the page.
  var pages = { l: "/live", c: "/calls", p: "/pbxes", i: "/integrations", d: "/deliveries", h: "/health" };
  var going = 0;

  function typing(element) {
    return element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName);
  }

  function focus(id) {
    var field = document.getElementById(id);
    if (!field) return;
    var bar = document.getElementById("bar");
    if (field.offsetParent === null && bar) toggle(document.querySelector("[data-toggle=bar]"), true);
    field.focus();
    if (field.select) field.select();
  }

  function keys() {
    var dialog = document.getElementById("keys");
    if (!dialog || !dialog.showModal) return;
    if (dialog.open) dialog.close(); else dialog.showModal();
  }

  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      if (typing(event.target)) event.target.blur();
      closeMenus(null);
      return;
    }
    if (typing(event.target)) return;
    if (going && now() - going < 1000 && pages[event.key]) {
      // Only pages that the navigation offers to this person.
      if (document.querySelector('.hs-nav a[href="' + pages[event.key] + '"]')) location.href = pages[event.key];
      going = 0;
      return;
    }
    going = 0;
    if (event.key === "/") { event.preventDefault(); focus("search"); }
    else if (event.key === "?") { event.preventDefault(); keys(); }
    else if (event.key === "d") { event.preventDefault(); focus("dial"); }
    else if (event.key === "g") { going = now(); }
  });

  function toggle(button, open) {
    var bar = document.getElementById(button.dataset.toggle);
    var opened = bar.classList.toggle("open", open);
    button.setAttribute("aria-expanded", String(opened));
  }

  function closeMenus(except) {
    var open = document.querySelectorAll("details.hs-menu[open]");
    for (var i = 0; i < open.length; i++) if (open[i] !== except) open[i].open = false;
  }

  function copy(button) {
    var text = document.getElementById(button.dataset.copy).textContent;
    function done() {
      var before = button.innerHTML;
      button.textContent = document.body.dataset.tCopied;
      setTimeout(function () { button.innerHTML = before; }, 1500);
    }
    if (navigator.clipboard) { navigator.clipboard.writeText(text).then(done, function () {}); return; }
    // Without TLS there is no clipboard object: select the text and let the browser copy it.
    var range = document.createRange();
    range.selectNodeContents(document.getElementById(button.dataset.copy));
    var selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    if (document.execCommand("copy")) done();
  }

  document.addEventListener("click", function (event) {
    var target = event.target;
    closeMenus(target.closest("details.hs-menu"));
    var toggler = target.closest("[data-toggle]");
    if (toggler) { toggle(toggler); return; }
    if (target.closest("[data-keys]")) { keys(); return; }
    var copier = target.closest("[data-copy]");
    if (copier) { copy(copier); return; }
    // A click anywhere in a row opens it; its link remains for the keyboard and for new tabs.
    var row = target.closest("tr[data-href]");
    if (row && !target.closest("a, button, input, select, summary, label") && !String(getSelection())) {
      location.href = row.dataset.href;
    }
  });

  document.addEventListener("change", function (event) {
    if (event.target.matches("[data-submit]")) event.target.form.submit();
  });

  // The parts of a group of settings are shown while the group is switched on.
  function parts(box) {
    var all = document.querySelectorAll('[data-part-of="' + box.name + '"]');
    for (var i = 0; i < all.length; i++) all[i].hidden = !box.checked;
  }
  document.addEventListener("change", function (event) {
    if (event.target.type === "checkbox") parts(event.target);
  });
  document.querySelectorAll(".hs-field input[type=checkbox]").forEach(parts);

  document.addEventListener("htmx:responseError", function (event) {
    // The session ended while the page was open: say so once and leave the page as it is.
    if (event.detail.xhr.status === 401) say(document.body.dataset.tSession, "warn");
  });
  document.addEventListener("htmx:beforeSwap", function (event) {
    var status = event.detail.xhr.status;
    // A poll that fails leaves what is shown; a form that fails shows why.
    var poll = event.detail.requestConfig && event.detail.requestConfig.verb === "get";
    if (status === 401 || (poll && status >= 400)) event.detail.shouldSwap = false;
  });
  document.addEventListener("htmx:sendError", function () {
    // The live board has a place of its own to say so.
    if (!document.getElementById("board-lost")) say(document.body.dataset.tFailed, "warn");
  });
  document.addEventListener("htmx:afterRequest", function (event) {
    if (event.detail.successful) unsay();
  });
  document.addEventListener("htmx:afterSwap", tick);

  function say(text, tone) {
    var place = document.getElementById("notice");
    var note = document.createElement("div");
    note.className = "hs-note hs-note-" + tone;
    note.dataset.said = "";
    note.textContent = text;
    place.replaceChildren(note);
  }
  function unsay() {
    var said = document.querySelector("#notice [data-said]");
    if (said) said.remove();
  }

  window.hookswitch = { now: now, tick: tick };
})();
