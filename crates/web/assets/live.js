// The live board: rows come as HTML over server-sent events and change in place.
//
// Events: `board` is the whole board (sent after every connect, so that a gap heals), `calls` the
// rows that changed, `beat` says that the line is alive, `again` asks to connect anew. A row carries its group in data
// attributes. Nothing is removed while the pointer is over the board.
(function () {
  "use strict";
  var board = document.getElementById("board");
  if (!board || !window.EventSource) return;
  var lost = document.getElementById("board-lost");
  var lostSince = document.getElementById("board-lost-since");
  var empty = document.getElementById(board.dataset.empty);
  var count = document.getElementById("board-count");

  // How long an ended call stays to be seen, how long silence may last, and how long a new
  // connection may take before the old one counts as lost, in milliseconds.
  var ENDED_STAYS = 6000, SILENCE_MAX = 40000;
  var LOST_AFTER = 1500;
  var source = null, heard = 0, retry = 0, over = false, losing = 0;

  board.addEventListener("pointerenter", function () { over = true; });
  board.addEventListener("pointerleave", function () { over = false; });

  // A row is new once; without this, a change of the layout would show it as new again.
  board.addEventListener("animationend", function (event) {
    var row = event.target.closest("tr");
    if (row) row.classList.remove("fresh");
  });

  function parse(html) {
    var holder = document.createElement("table");
    holder.innerHTML = html;
    return holder;
  }

  // Takes an event of the stream apart, so that a fault of one row stops no other.
  function rowsOf(html) { return Array.prototype.slice.call(parse(html).querySelectorAll("tr[data-group]")); }

  function bodyOf(row) {
    var bodies = board.tBodies;
    for (var i = 0; i < bodies.length; i++) if (bodies[i].dataset.group === row.dataset.group) return bodies[i];
    var body = document.createElement("tbody");
    body.dataset.group = row.dataset.group;
    if (row.dataset.label) {
      var head = body.insertRow();
      head.className = "hs-group";
      var cell = document.createElement("th");
      cell.colSpan = 7;
      cell.scope = "rowgroup";
      cell.textContent = row.dataset.label;
      var number = document.createElement("span");
      number.className = "hs-count";
      cell.appendChild(number);
      head.appendChild(cell);
    }
    // Groups stand in the order of their names, as the server renders them.
    var next = null;
    for (var j = 0; j < bodies.length && !next; j++) {
      if (bodies[j].dataset.group > row.dataset.group) next = bodies[j];
    }
    board.insertBefore(body, next);
    return body;
  }

  function place(row) {
    var old = document.getElementById(row.id);
    if (old && old.dataset.group === row.dataset.group) {
      row.dataset.endedAt = old.dataset.endedAt || "";
      old.replaceWith(row);
    } else {
      if (old) old.remove(); else if (row.dataset.ended !== undefined) return;
      row.classList.add("fresh");
      bodyOf(row).appendChild(row);
    }
    if (row.dataset.ended !== undefined && !row.dataset.endedAt) row.dataset.endedAt = String(Date.now());
  }

  function tidy() {
    var now = Date.now(), rows = board.querySelectorAll("tr[data-ended]"), i;
    for (i = 0; i < rows.length; i++) {
      if (!rows[i].dataset.endedAt) rows[i].dataset.endedAt = String(now);
      if (!over && now - Number(rows[i].dataset.endedAt) > ENDED_STAYS) rows[i].remove();
    }
    var total = 0, bodies = Array.prototype.slice.call(board.tBodies);
    for (i = 0; i < bodies.length; i++) {
      var shown = bodies[i].querySelectorAll("tr[data-order]").length;
      total += bodies[i].querySelectorAll("tr[data-order]:not([data-ended])").length;
      if (shown === 0 && !over) { bodies[i].remove(); continue; }
      var number = bodies[i].querySelector(".hs-count");
      if (number && number.textContent !== String(shown)) number.textContent = String(shown);
    }
    empty.hidden = board.querySelector("tr[data-order]") !== null;
    var text = (total === 1 ? count.dataset.one : count.dataset.many).replace("{n}", total);
    if (count.textContent !== text) count.textContent = text;
  }

  // The whole board: keep rows that did not change, so that nothing flickers or loses its focus.
  function whole(html) {
    var rows = rowsOf(html), known = {}, i;
    for (i = 0; i < rows.length; i++) known[rows[i].id] = true;
    var old = board.querySelectorAll("tr[data-order]");
    for (i = 0; i < old.length; i++) if (!known[old[i].id]) old[i].remove();
    rows.forEach(place);
  }

  function alive() {
    heard = Date.now();
    retry = 0;
    clearTimeout(losing);
    losing = 0;
    lost.hidden = true;
  }

  function tellLost() {
    lost.hidden = false;
    lostSince.dataset.since = String(window.hookswitch.now() - LOST_AFTER);
    window.hookswitch.tick();
  }

  function gone() {
    if (lost.hidden && !losing) losing = setTimeout(tellLost, LOST_AFTER);
    close();
    // 0.5, 1, 2 … 15 seconds, so that a hub that comes back is not stormed by every open board.
    retry = Math.min(15000, retry ? retry * 2 : 500);
    setTimeout(open, retry * (0.75 + Math.random() / 2));
  }

  function close() { if (source) { source.close(); source = null; } }

  function open() {
    if (source || document.hidden) return;
    heard = Date.now();
    source = new EventSource(board.dataset.stream);
    source.addEventListener("board", function (event) { alive(); whole(JSON.parse(event.data)); tidy(); });
    source.addEventListener("calls", function (event) { alive(); rowsOf(JSON.parse(event.data)).forEach(place); tidy(); window.hookswitch.tick(); });
    source.addEventListener("beat", alive);
    source.addEventListener("again", function () { close(); open(); });
    source.onerror = gone;
  }

  // A tab in the background holds no connection: browsers allow few of them per site.
  document.addEventListener("visibilitychange", function () {
    if (document.hidden) close(); else open();
  });
  setInterval(function () {
    tidy();
    if (source && Date.now() - heard > SILENCE_MAX) gone();
  }, 1000);
  open();
})();
