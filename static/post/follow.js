/* Follows a mailing that is being sent: each second the card is brought up to date, with the pace and the time left. */
(function () {
  "use strict";

  const SPAN = 10; // seconds over which the rate is reckoned
  const section = document.querySelector("[data-follow]");
  if (!section) {
    return;
  }
  const card = section.querySelector("[data-card]");
  const pace = section.querySelector("[data-pace]");
  const seen = [];

  function number(value, digits) {
    return value.toLocaleString("en", { maximumFractionDigits: digits });
  }

  function span(seconds) {
    if (seconds < 60) {
      return "less than a minute";
    }
    const minutes = Math.round(seconds / 60);
    return minutes < 90 ? "about " + minutes + " min" : "about " + number(minutes / 60, 1) + " h";
  }

  function inWords(rate, waiting) {
    if (rate <= 0) {
      return "Nothing has moved in the last seconds.";
    }
    return "Now " + number(rate, rate < 10 ? 1 : 0) + " mails/s; " + span(waiting / rate) + " left.";
  }

  function show(told) {
    if (told.status !== section.dataset.status || !told.running) {
      location.reload();
      return;
    }
    seen.push({ at: performance.now() / 1000, done: told.done });
    while (seen.length > 2 && seen[seen.length - 1].at - seen[0].at > SPAN) {
      seen.shift();
    }
    const first = seen[0];
    const last = seen[seen.length - 1];
    if (!card.contains(document.activeElement)) {
      card.innerHTML = told.card; // the server's own template, escaped there
    }
    if (last.at - first.at > 2) {
      const words = inWords((last.done - first.done) / (last.at - first.at), told.waiting);
      if (pace.textContent !== words) {
        pace.textContent = words;
      }
    }
    setTimeout(look, 1000);
  }

  function look() {
    fetch(section.dataset.follow, { headers: { Accept: "application/json" } })
      .then(function (answer) {
        if (!answer.ok) {
          throw new Error(answer.status);
        }
        return answer.json();
      })
      .then(show)
      .catch(function () {
        pace.textContent = "The page can't be brought up to date just now; trying again.";
        setTimeout(look, 5000);
      });
  }

  setTimeout(look, 1000);
})();
