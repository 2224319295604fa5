// Shows of each condition only what its rule reads, and suggests what the list's people have.
"use strict";
(() => {
  const box = document.querySelector("[data-known]");
  if (!box) return;
  const none = new Set(["attribute_is_there", "attribute_is_missing", "joined_this_month"]);
  const examples = { language: "de", zone: "Europe/Berlin", attribute: "pro", joined_within: "30" };
  const suggestions = document.createElement("datalist");
  let known = {};

  function example(rule) {
    return examples[rule] || examples[rule.split("_")[0]] || "";
  }

  function arrange(row) {
    const rule = row.querySelector("select[name$=-rule]");
    const attribute = row.querySelector("input[name$=-attribute]");
    const value = row.querySelector("input[name$=-value]");
    if (!rule || !attribute || !value) return;
    attribute.style.visibility = rule.value.startsWith("attribute_") ? "visible" : "hidden";
    value.style.visibility = rule.value && !none.has(rule.value) ? "visible" : "hidden";
    value.type = ["joined_since", "joined_before"].includes(rule.value) ? "date" : "text";
    value.placeholder = example(rule.value);
    attribute.placeholder = "plan";
  }

  function offer(input) {
    const row = input.closest("tr, .form-row") || document;
    const rule = row.querySelector("select[name$=-rule]")?.value || "";
    const named = row.querySelector("input[name$=-attribute]")?.value || "";
    const attributes = known.attributes || {};
    let values = [];
    if (input.name.endsWith("-attribute")) values = Object.keys(attributes);
    else if (rule.startsWith("language")) values = known.languages || [];
    else if (rule.startsWith("attribute")) values = attributes[named] || [];
    suggestions.replaceChildren(...values.map((value) => new Option(value, value)));
    input.setAttribute("list", suggestions.id);
  }

  async function learn() {
    const list = document.getElementById("id_list")?.value;
    known = list ? await (await fetch(`${box.dataset.known}?list=${list}`)).json() : {};
  }

  const rows = () => document.querySelectorAll("[id^=conditions-]");
  suggestions.id = "known-values";
  document.body.append(suggestions);
  document.addEventListener("focusin", (event) => event.target.name?.startsWith("conditions-") && event.target.tagName === "INPUT" && offer(event.target));
  for (const event of ["change", "click", "formset:added"]) document.addEventListener(event, () => setTimeout(() => rows().forEach(arrange)));
  // The list is chosen with jQuery's select2, whose events are jQuery's own.
  window.django?.jQuery?.("#id_list").on("change", (event) => {
    learn();
    event.target.form.dispatchEvent(new Event("change"));
  });
  rows().forEach(arrange);
  learn();
})();
