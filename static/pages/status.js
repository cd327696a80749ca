// Keeps the parts of the status page fresh. A part that holds the focus, or that was opened, is left alone.
"use strict";

function isInUse(part) {
  return part.contains(document.activeElement) || part.querySelector("details[open]") !== null;
}

function take(fresh) {
  for (const part of fresh.querySelectorAll("[data-part]")) {
    const old = document.querySelector(`[data-part="${part.dataset.part}"]`);
    if (!old) return location.reload();
    if (old.innerHTML !== part.innerHTML && !isInUse(old)) update(old, part);
  }
  document.title = fresh.title;
  return undefined;
}

// The headline stays the same element, so that a screen reader says it when its words change.
function update(old, part) {
  const live = old.querySelector("[role=status]");
  const words = part.querySelector("[role=status]");
  if (!live || !words) return old.replaceChildren(...part.childNodes);
  if (live.textContent !== words.textContent) live.textContent = words.textContent;
  old.querySelector(".led").className = part.querySelector(".led").className;
  const row = old.querySelector(".row");
  while (row.nextSibling) row.nextSibling.remove();
  part.querySelector(".row").remove();
  old.append(...part.childNodes);
  return undefined;
}

async function look() {
  if (document.hidden) return;
  try {
    const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } });
    if (answer.ok) take(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    // The next look may succeed; the time on the page tells how old it is.
  }
}

const seconds = Number(document.getElementById("status").dataset.seconds);
setInterval(look, seconds * 1000);
document.addEventListener("visibilitychange", look);
