// Searches while somebody types. Without this file the form does the same by loading a page.
"use strict";

const PAUSE = 150; // milliseconds without a key before it asks
const QUIET = 700; // before a screen reader is told how many there are

function setUpFinder(form) {
  const field = form.elements.q;
  const results = document.getElementById(form.dataset.results);
  const status = document.querySelector("[data-finder-status]");
  let timer, telling, running;
  let shown = query(form);

  async function search() {
    const wanted = query(form);
    if (wanted === shown) return;
    running?.abort();
    running = new AbortController();
    const { signal } = running;
    try {
      const answer = await fetch(`${form.action}?${wanted}&part=${form.dataset.finder}`, { signal });
      if (!answer.ok) return;
      show(await answer.text(), wanted);
    } catch (error) {
      if (error.name !== "AbortError") results.removeAttribute("aria-busy");
      // What is shown stays; Enter still loads the page.
    }
  }

  function show(html, wanted) {
    shown = wanted;
    results.innerHTML = field.value.trim() || "keepsAddress" in form.dataset ? html : "";
    clearTimeout(telling);
    telling = setTimeout(() => {
      status.textContent = results.querySelector("[data-status]")?.dataset.status ?? "";
    }, QUIET);
    if ("keepsAddress" in form.dataset) history.replaceState(null, "", wanted ? `?${wanted}` : form.action);
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(search, PAUSE);
  }

  field.addEventListener("input", later);
  form.addEventListener("change", later);
  form.addEventListener("keydown", (event) => move(event, field, results));
  results.addEventListener("keydown", (event) => move(event, field, results));
}

// What the form would send, without what is empty.
function query(form) {
  const values = [...new FormData(form)].filter(([, value]) => value.trim());
  return new URLSearchParams(values).toString();
}

// Arrow keys go from the field through the devices and back; Escape goes back at once.
function move(event, field, results) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const isBack = event.key === "Escape" && document.activeElement !== field;
  if ((!step && !isBack) || event.target.tagName === "SELECT") return;
  const stops = [field, ...results.querySelectorAll(".devices a")];
  const place = stops.indexOf(document.activeElement);
  if (place < 0) return;
  event.preventDefault();
  (isBack ? field : stops[Math.min(Math.max(place + step, 0), stops.length - 1)]).focus();
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("form[data-finder]").forEach(setUpFinder);
});
