// Choose packages: the form's buttons at once, without leaving the page. What they do is decided on the server, which
// sends the parts of the page that changed.
"use strict";

(() => {
  const form = document.querySelector("[data-choose]");
  if (!form) return;
  const search = form.querySelector("#q");
  const status = form.querySelector("[role=status]");
  const ACTS = ["add", "drop", "keep", "swap"];
  let searching = null; // the search under way: another takes its place
  let changes = Promise.resolve(); // one after the other, so that none gets lost
  let pending = 0;
  let waiting = 0;

  form.querySelectorAll("[data-without-script]").forEach((element) => { element.hidden = true; });
  form.querySelectorAll("[data-with-script]").forEach((element) => { element.hidden = false; });

  function say(text) {
    if (text && status.textContent !== text) status.textContent = text;
  }

  // The script of the first boot is in no address.
  function query(more = {}) {
    const fields = new URLSearchParams();
    for (const name of ["version", "packages", "filesystem", "rootfs_size_mb", "network_profile", "q"]) {
      const text = form.elements[name]?.value.trim();
      if (text) fields.set(name, text);
    }
    for (const [name, text] of Object.entries(more)) fields.set(name, text);
    return fields.toString();
  }

  async function fetched(address, signal) {
    const answer = await fetch(address, { signal, headers: { Accept: "text/html" } });
    if (!answer.ok) throw new Error(String(answer.status));
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  }

  function take(part, id) {
    const old = document.getElementById(id);
    const fresh = part.getElementById(id);
    if (!old || !fresh) return null;
    const isOpen = [...old.querySelectorAll("details")].map((element) => element.open);
    const isAlike = fresh.querySelectorAll("details").length === isOpen.length;
    fresh.querySelectorAll("details").forEach((element, number) => {
      if (isAlike || element.dataset.keep) element.open = isAlike ? isOpen[number] : old.querySelector(`[data-keep=${element.dataset.keep}]`)?.open;
    });
    old.replaceWith(document.adoptNode(fresh));
    fresh.querySelectorAll("[data-copy], [data-copy-from]").forEach(window.setUpCopying ?? (() => {}));
    return fresh;
  }

  function remember(address) {
    history.replaceState(null, "", address ? `${form.dataset.page}?${address}` : form.dataset.page);
  }

  async function find() {
    const results = document.getElementById("results");
    results.setAttribute("aria-busy", "true");
    searching?.abort();
    searching = new AbortController();
    try {
      const part = await fetched(`${form.dataset.results}?${query()}`, searching.signal);
      say(take(part, "results")?.dataset.said);
      remember(query());
    } catch (error) {
      if (error.name !== "AbortError") results.removeAttribute("aria-busy");
    }
  }

  // After a button: the focus stays where it was, on the button that now stands for the same package.
  async function change(more, button) {
    const name = button?.value.split(":")[0];
    const place = button?.closest("#results, #selection, #defaults-list")?.id;
    searching?.abort();
    const part = await fetched(`${form.dataset.parts}?${query(more)}`);
    for (const id of ["results", "defaults-list"]) take(part, id);
    const selection = take(part, "selection");
    remember(selection.dataset.query);
    say(selection.dataset.said);
    if (!button) return;
    const fresh = document.getElementById(place);
    const next = [...fresh.querySelectorAll("button[name]")].find((other) => other.value.split(":")[0] === name);
    (next ?? fresh.querySelector("button") ?? search).focus({ preventScroll: true });
  }

  // Without an answer the form does what it does without this file.
  let isOurs = true;
  function enqueue(more, button) {
    pending += 1;
    changes = changes.then(() => change(more, button)).catch(() => {
      isOurs = false;
      form.requestSubmit(button?.isConnected ? button : form.querySelector("button[name=update]"));
    }).finally(() => { pending -= 1; });
  }

  form.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (!isOurs || !button) return;
    if (ACTS.includes(button.name)) {
      event.preventDefault();
      enqueue({ [button.name]: button.value }, button);
    } else if (button.name === "search") {
      event.preventDefault();
      find();
    } else if (pending) {
      event.preventDefault();
      changes.then(() => form.requestSubmit(form.querySelector(`button[name=${button.name}]`)));
    }
  });

  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(find, 120);
  });
  form.addEventListener("change", (event) => {
    if (event.target.matches("[data-counts]")) enqueue({});
    if (event.target.matches("[data-reloads]")) {
      isOurs = false;
      form.requestSubmit(form.querySelector("button[name=update]"));
    }
  });

  // Arrow keys lead from the field into the list and through it.
  form.addEventListener("keydown", (event) => {
    const buttons = [...form.querySelectorAll("#results button")];
    const place = buttons.indexOf(document.activeElement);
    if (event.target !== search && place < 0) return;
    if (event.key === "ArrowDown" && buttons.length) {
      event.preventDefault();
      buttons[Math.min(place + 1, buttons.length - 1)].focus();
    } else if (event.key === "ArrowUp" && place >= 0) {
      event.preventDefault();
      (buttons[place - 1] ?? search).focus();
    } else if (event.key === "Escape" && place >= 0) {
      search.focus();
    }
  });

  const script = form.querySelector("[data-count]:is(textarea)");
  script?.addEventListener("input", () => {
    const count = document.getElementById(script.dataset.count);
    const size = new TextEncoder().encode(script.value).length;
    count.textContent = count.dataset.words.replace("{size}", String(size)).replace("{most}", script.dataset.most);
    count.classList.toggle("wrong", size > Number(script.dataset.most));
  });
})();
