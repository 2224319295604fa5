// An import's pages: how far it is, without loading the page again; and a file that is too long is said before it is sent.
"use strict";

const progress = document.querySelector("[data-import-progress]");

async function look() {
  try {
    const answer = await fetch(progress.dataset.importProgress, { credentials: "same-origin" });
    if (!answer.ok) throw new Error(answer.status);
    const now = await answer.json();
    if (!now.working) {
      location.replace(progress.dataset.importPage);
      return;
    }
    progress.querySelector("progress").value = now.percent;
    progress.querySelector("[data-words]").textContent = now.words;
  } catch (error) {
    progress.querySelector("[data-words]").textContent = "The server does not answer; the import goes on without this page.";
  }
  setTimeout(look, 1000);
}

if (progress) setTimeout(look, 700);

const file = document.querySelector("input[type=file][name=file]");
const limit = document.querySelector("[data-most-bytes]");

if (file && limit) {
  file.addEventListener("change", () => {
    const chosen = file.files[0];
    const tooLong = chosen && chosen.size > Number(limit.dataset.mostBytes);
    file.setCustomValidity(tooLong ? limit.dataset.tooLong : "");
    file.reportValidity();
  });
}
