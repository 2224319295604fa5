// The template editor: a preview and a check after each pause in typing, sources in colour, names put in by a click.
"use strict";
(() => {
  const form = document.getElementById("editor");
  if (!form) return;
  const frame = form.querySelector("iframe[name=mail]");
  const show = form.querySelector("[data-show]");
  let last = form.elements.html;
  let timer;
  let asked = 0;

  const text = (selector, words) => (form.querySelector(selector).textContent = words);

  async function check() {
    const turn = ++asked;
    const answer = await fetch(form.dataset.check, { method: "POST", body: new FormData(form) });
    if (!answer.ok || turn !== asked) return;
    const found = await answer.json();
    text("[data-subject]", found.subject);
    text("[data-preheader]", found.preheader);
    text("[data-size]", found.kilobytes === null ? "" : `${found.kilobytes} KB of HTML`);
    document.getElementById("faults").replaceChildren(...found.faults.map(card));
    showConditions(found.conditions);
  }

  function card(fault) {
    const paragraph = document.createElement("p");
    paragraph.className = `post-card ${fault.error ? "post-problem" : "post-warning"}`;
    paragraph.textContent = fault.words;
    const field = { "body.html": form.elements.html, "body.txt": form.elements.text }[fault.part];
    if (field && fault.line) {
      const go = document.createElement("button");
      go.type = "button";
      go.className = "post-button post-small";
      go.textContent = "Go there";
      go.addEventListener("click", () => goTo(field, fault.line));
      paragraph.append(" ", go);
    }
    return paragraph;
  }

  function goTo(field, line) {
    const start = field.value.split("\n").slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    const end = field.value.indexOf("\n", start);
    field.focus();
    field.setSelectionRange(start, end < 0 ? field.value.length : end);
    field.scrollTop = (line - 4) * parseFloat(getComputedStyle(field).lineHeight);
  }

  function showConditions(conditions) {
    const box = form.querySelector("[data-conditions]");
    const chosen = new FormData(form).getAll("held");
    if (!conditions.length) return;
    box.replaceChildren(
      ...conditions.map((words) => {
        const label = document.createElement("label");
        const select = document.createElement("select");
        select.name = "held";
        select.className = "post-input";
        for (const [value, said] of [["", "as the sample says"], [`1:${words}`, "holds"], [`0:${words}`, "does not"]]) {
          select.add(new Option(said, value, false, chosen.includes(value) && value !== ""));
        }
        label.className = "post-row";
        label.append(select, document.createTextNode(words));
        return label;
      }),
    );
  }

  function look() {
    form.requestSubmit(show);
    check();
  }

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(look, 500);
  }

  // Highlighting: the same text in colour lies behind a field whose own letters are transparent.
  const PATTERN = /(\{#.*?#\}|<!--[\s\S]*?-->)|(\{%.*?%\})|(\{\{.*?\}\})|(<\/?[a-zA-Z][^<>]*>)|(&[a-zA-Z#0-9]+;)/g;
  const KINDS = ["comment", "tag", "name", "html", "html"];

  function colour(field, behind, gutter) {
    const parts = [];
    let end = 0;
    for (const match of field.value.matchAll(PATTERN)) {
      parts.push(document.createTextNode(field.value.slice(end, match.index)));
      const span = document.createElement("span");
      span.className = `post-src-${KINDS[match.slice(1).findIndex(Boolean)]}`;
      span.textContent = match[0];
      parts.push(span);
      end = match.index + match[0].length;
    }
    parts.push(document.createTextNode(`${field.value.slice(end)}\n`));
    behind.replaceChildren(...parts);
    gutter.textContent = field.value.split("\n").map((_, line) => line + 1).join("\n");
  }

  for (const field of form.querySelectorAll("textarea[data-source]")) {
    const behind = document.createElement("pre");
    const gutter = document.createElement("pre");
    behind.setAttribute("aria-hidden", "true");
    gutter.setAttribute("aria-hidden", "true");
    gutter.className = "post-gutter";
    field.before(behind);
    field.after(gutter);
    field.parentElement.classList.add("post-coloured");
    const follow = () => {
      behind.style.transform = `translate(${-field.scrollLeft}px, ${-field.scrollTop}px)`;
      gutter.style.transform = `translateY(${-field.scrollTop}px)`;
    };
    field.addEventListener("scroll", follow);
    field.addEventListener("input", () => colour(field, behind, gutter));
    field.addEventListener("focus", () => (last = field));
    colour(field, behind, gutter);
  }
  form.elements.subject.addEventListener("focus", (event) => (last = event.target));

  for (const button of form.querySelectorAll("[data-insert]")) {
    button.addEventListener("click", () => {
      last.setRangeText(`{{ ${button.dataset.insert} }}`, last.selectionStart, last.selectionEnd, "end");
      last.focus();
      last.dispatchEvent(new Event("input", { bubbles: true }));
    });
  }

  const add = form.querySelector("[data-add-language]");
  add.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    const query = new URLSearchParams(location.search);
    query.set("language", add.value.trim());
    location.search = query;
  });

  form.querySelector("[data-phone]").addEventListener("change", (event) => frame.classList.toggle("post-phone", event.target.checked));

  let saved = true;
  form.addEventListener("input", (event) => {
    if (event.target.dataset.addLanguage !== undefined) return;
    if (event.target.matches("textarea, [name=subject], [name=note]")) saved = false;
    soon();
  });
  form.addEventListener("submit", (event) => {
    if (event.submitter !== show) saved = true;
  });
  window.addEventListener("beforeunload", (event) => {
    if (!saved) event.preventDefault();
  });
  look();
})();
