// Offers the addresses that begin with what is typed.
"use strict";
for (const input of document.querySelectorAll("[data-people]")) {
  let timer;
  let abort;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    abort?.abort();
    if (input.value.trim().length < 2) return;
    timer = setTimeout(async () => {
      abort = new AbortController();
      try {
        const answer = await fetch(`${input.dataset.people}?q=${encodeURIComponent(input.value)}`, { signal: abort.signal });
        const { people } = await answer.json();
        input.list.replaceChildren(...people.map((address) => new Option(address, address)));
      } catch (error) {
        if (error.name !== "AbortError") input.list.replaceChildren();
      }
    }, 200);
  });
}
