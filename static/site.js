// What every page has: the theme button and buttons that copy. All pages work without.
"use strict";

function isDark() {
  return getComputedStyle(document.documentElement).colorScheme === "dark";
}

function setUpTheme(button) {
  const show = () => button.setAttribute("aria-pressed", String(isDark()));
  button.hidden = false;
  button.addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem("theme", theme);
    } catch {
      // It holds for this page only.
    }
    show();
  });
  show();
}

// `<button data-copy="text" data-done="Copied" hidden>`, or `data-copy-from="id"` for what stands in another element.
function setUpCopying(button) {
  const label = button.querySelector("[data-label]") ?? button;
  const words = label.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const text = button.dataset.copy ?? document.getElementById(button.dataset.copyFrom).textContent;
    await copy(text);
    label.textContent = button.dataset.done;
    setTimeout(() => { label.textContent = words; }, 2000);
  });
}

// The clipboard is closed to pages without TLS, which a server in a home network has.
async function copy(text) {
  if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "hidden-text";
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
  return undefined;
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("[data-theme-button]").forEach(setUpTheme);
  document.querySelectorAll("[data-copy], [data-copy-from]").forEach(setUpCopying);
});
