// Items are dragged to their place; the buttons beside them do the same without it.
"use strict";
for (const list of document.querySelectorAll("[data-arrange]")) {
  const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
  const order = () => [...list.children].map((row) => row.dataset.item).join(",");
  let dragged = null;
  let before = "";

  list.addEventListener("dragstart", (event) => {
    dragged = event.target.closest("li");
    before = order();
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", dragged.dataset.item);
    dragged.classList.add("post-dragged");
  });
  list.addEventListener("dragover", (event) => {
    const over = event.target.closest("li");
    if (!dragged || !over || over.parentElement !== list) return;
    event.preventDefault();
    if (over === dragged) return;
    const box = over.getBoundingClientRect();
    over[event.clientY < box.top + box.height / 2 ? "before" : "after"](dragged);
  });
  list.addEventListener("drop", (event) => event.preventDefault());
  list.addEventListener("dragend", async () => {
    dragged?.classList.remove("post-dragged");
    dragged = null;
    if (order() === before) return;
    const body = new URLSearchParams({ csrfmiddlewaretoken: token, order: order() });
    await fetch(list.dataset.arrange, { method: "POST", body, redirect: "manual" });
    // The first and last buttons, and the letter below, go by the new order.
    location.hash = "waiting";
    location.reload();
  });
}
