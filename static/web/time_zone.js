// Offers the time zone that the device is set to. The page works without it: the button stays hidden.
for (const button of document.querySelectorAll("[data-zone-for]")) {
  const select = document.getElementById(button.dataset.zoneFor);
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const there = [...select.options].some((option) => option.value === zone);
  if (there && select.value !== zone) {
    button.textContent = `Your device says ${zone}: take it`;
    button.hidden = false;
    button.addEventListener("click", () => {
      select.value = zone;
      button.hidden = true;
      select.focus();
    });
  }
}
