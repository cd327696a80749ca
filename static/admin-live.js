// Keeps the parts of an admin page fresh. `[data-live]` names the address that has them, `[data-part]` where each goes.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const notice = document.querySelector("[data-live]");
  if (!notice || !notice.dataset.live) return;
  const pause = Number(notice.dataset.liveSeconds) * 1000;
  const known = new Map();
  let timer = 0;

  function place(name, html) {
    const part = document.querySelector(`[data-part="${CSS.escape(name)}"]`);
    if (!part || known.get(name) === html) return;
    known.set(name, html);
    if (part.innerHTML === html) return;
    // Who reads further up in a log, or is about to press a button, is not disturbed.
    const scrolls = [...part.querySelectorAll(".farm-log")].map((log) => (isAtEnd(log) ? null : log.scrollTop));
    const focused = part.contains(document.activeElement) ? document.activeElement.value : "";
    part.innerHTML = html;
    part.querySelectorAll(".farm-log").forEach((log, number) => {
      log.scrollTop = scrolls[number] ?? log.scrollHeight;
    });
    if (focused) [...part.querySelectorAll("button")].find((button) => button.value === focused)?.focus();
  }

  async function look() {
    clearTimeout(timer);
    if (document.hidden) return;
    let again = true;
    try {
      const answer = await fetch(notice.dataset.live, { credentials: "same-origin", redirect: "error" });
      if (!answer.ok) throw new Error(String(answer.status));
      const found = await answer.json();
      for (const [name, html] of Object.entries(found.parts)) place(name, html);
      again = found.again;
      notice.hidden = true;
    } catch {
      if (notice.hidden) {
        const time = new Date().toLocaleTimeString();
        notice.textContent = `What is shown is from ${time}: the server gave no answer since. Load the page again if this stays.`;
        notice.hidden = false;
      }
    }
    if (again) timer = setTimeout(look, pause);
  }

  function isAtEnd(log) {
    return log.scrollTop + log.clientHeight >= log.scrollHeight - 8;
  }

  document.querySelectorAll("[data-part] .farm-log").forEach((log) => {
    log.scrollTop = log.scrollHeight;
  });
  document.addEventListener("visibilitychange", look);
  timer = setTimeout(look, pause);
});
