/* Gives what the theme's widgets leave nameless a name for those who don't see the page. */
(function () {
  "use strict";

  function nameSelects(root) {
    root.querySelectorAll(".select2-container .select2-selection").forEach(function (box) {
      const select = box.closest(".select2-container").previousElementSibling;
      const label = select && select.id && document.querySelector('label[for="' + select.id + '"]');
      const name = label ? label.textContent.trim().replace(/[\s*:]+$/, "") : headingOf(box);
      if (name) {
        [box, ...box.querySelectorAll("[role=textbox], [role=searchbox]")].forEach(function (part) {
          part.setAttribute("aria-label", name);
        });
      }
    });
  }

  function headingOf(field) {
    const cell = field.closest("td");
    const table = cell && cell.closest("table");
    const heading = table && table.querySelectorAll("thead th")[cell.cellIndex];
    return heading ? heading.textContent.trim() : "";
  }

  function nameCells(root) {
    root.querySelectorAll("td input, td select, td textarea").forEach(function (field) {
      const named = field.getAttribute("aria-label") || (field.labels && field.labels.length);
      if (field.type !== "hidden" && !named) {
        field.setAttribute("aria-label", headingOf(field) || field.name);
      }
    });
  }

  function nameAll() {
    nameSelects(document);
    nameCells(document);
    document.querySelectorAll(".help-tooltip[aria-label]").forEach(function (tip) {
      tip.setAttribute("role", "img");
    });
  }

  window.addEventListener("load", function () {
    nameAll();
    new MutationObserver(nameAll).observe(document.body, { childList: true, subtree: true });
  });
})();
