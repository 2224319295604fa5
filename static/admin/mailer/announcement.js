// Another template asks for other fields; the number of people goes where it is asked for once it is known.
"use strict";
(() => {
  const template = document.querySelector("#announcement_form select[name=template]");
  template?.addEventListener("change", () => {
    const button = document.createElement("input");
    Object.assign(button, { type: "submit", name: "_template", value: "1", hidden: true, formNoValidate: true });
    template.form.append(button);
    button.click();
  });
  document.addEventListener("tally:done", (event) => {
    const shown = document.querySelector("input[name=shown]");
    const again = document.querySelector("[data-total-again]");
    if (shown) shown.value = event.detail.total;
    if (again) again.textContent = new Intl.NumberFormat("en").format(event.detail.total);
  });
  const later = document.querySelector(".post-later");
  const follow = () => (later.hidden = document.querySelector("input[name=when]:checked")?.value !== "later");
  if (later) {
    document.querySelectorAll("input[name=when]").forEach((choice) => choice.addEventListener("change", follow));
    follow();
  }
})();
