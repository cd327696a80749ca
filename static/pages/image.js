// The page of an image: while it is being made the page keeps itself fresh, by events or else by asking; then it becomes
// the page of what came out, without a reload. And the filter of the list of packages.
"use strict";
(() => {
  const said = document.getElementById("said");
  const once = (element, text) => { if (element && element.textContent !== text) element.textContent = text; };

  // -- packages ----------------------------------------------------------------------------------------------
  function setUpFilter(form) {
    const field = form.querySelector("input");
    const rows = [...document.getElementById(form.dataset.filter).children];
    const none = form.parentElement.querySelector("[data-none]");
    const names = rows.map((row) => row.querySelector("code").textContent.toLowerCase());
    const filter = () => {
      const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      rows.forEach((row, number) => {
        row.hidden = !words.every((word) => names[number].includes(word));
        if (!row.hidden) shown += 1;
      });
      none.hidden = shown > 0;
    };
    form.addEventListener("submit", (event) => { event.preventDefault(); filter(); });
    field.addEventListener("input", filter);
  }

  function setUp(part) {
    part.querySelectorAll("form[data-filter]").forEach(setUpFilter);
    watch(part);
  }

  // -- while it is being made --------------------------------------------------------------------------------
  function watch(image) {
    if (!image.dataset.events) return;
    const pause = Number(image.dataset.seconds) * 1000;
    const log = image.querySelector("[data-log]");
    const elapsed = image.querySelector("[data-elapsed]");
    let source = null;
    let timer = 0;
    let isOver = false;
    image.querySelector("[data-watched]").hidden = false;
    if (!log.hidden) log.scrollTop = log.scrollHeight;

    // The time goes on by itself, from what the server said last.
    let base = Date.now() - seconds(elapsed.textContent) * 1000;
    const clock = setInterval(() => once(elapsed, words((Date.now() - base) / 1000)), 1000);

    function show(found) {
      if (!found.again) { finish(); return; }
      document.title = found.title;
      once(said, found.say);
      base = Date.now() - seconds(found.elapsed) * 1000;
      for (const [name, html] of Object.entries(found.parts)) place(image.querySelector(`[data-part="${name}"]`), html);
      const isAtEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 8;
      log.hidden = !found.log;
      once(log, found.log);
      if (isAtEnd) log.scrollTop = log.scrollHeight;
    }

    const shown = new Map();
    function place(part, html) {
      if (shown.get(part) !== html) part.innerHTML = html;
      shown.set(part, html);
    }

    function listen() {
      source = new EventSource(image.dataset.events);
      source.onmessage = (event) => show(JSON.parse(event.data));
      // A browser that lost the connection comes back by itself; told that there is no place, it has given up.
      source.onerror = () => { if (source.readyState === EventSource.CLOSED) ask(); };
    }

    async function ask() {
      clearTimeout(timer);
      if (isOver) return;
      if (!document.hidden) {
        try {
          const answer = await fetch(image.dataset.live, { credentials: "same-origin" });
          if (!answer.ok) throw new Error(String(answer.status));
          show(await answer.json());
        } catch {
          once(said, said.dataset.lost);
        }
      }
      if (!isOver) timer = setTimeout(ask, pause);
    }

    async function finish() {
      if (isOver) return;
      isOver = true;
      source?.close();
      clearInterval(clock);
      try {
        const answer = await fetch(location.href, { credentials: "same-origin", cache: "no-store" });
        if (!answer.ok) throw new Error(String(answer.status));
        become(new DOMParser().parseFromString(await answer.text(), "text/html"), answer.url);
      } catch {
        location.reload();
      }
    }

    function become(page, address) {
      const next = page.getElementById("image");
      const hadFocus = image.contains(document.activeElement);
      image.replaceWith(document.adoptNode(next));
      if (address !== location.href) history.replaceState(null, "", address);
      document.title = page.title;
      // Where the reader is: nothing jumps, and who had pressed or selected something in it is at its beginning.
      if (hadFocus) next.focus({ preventScroll: true });
      if (!next.dataset.events) once(said, next.dataset.state === "ready" ? said.dataset.ready : said.dataset.over);
      next.querySelectorAll("[data-copy], [data-copy-from]").forEach(setUpCopying);
      setUp(next);
    }

    if (window.EventSource) listen(); else ask();
    addEventListener("pagehide", () => source?.close(), { once: true });
    addEventListener("pageshow", (event) => { if (event.persisted && !isOver) ask(); });
    document.addEventListener("visibilitychange", () => { if (timer) ask(); });
  }

  const seconds = (text) => text.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
  function words(count) {
    const whole = Math.max(0, Math.floor(count));
    const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
    const two = (number) => String(number).padStart(2, "0");
    return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
  }

  setUp(document.getElementById("image"));
})();
