// Counts people in slices that each take the server a moment, so that any of them may be the last.
"use strict";
(() => {
  const number = new Intl.NumberFormat("en");

  class Tally {
    constructor(box) {
      this.box = box;
      this.url = box.dataset.tally;
      this.form = box.dataset.form ? document.getElementById(box.dataset.form) : null;
      this.sums = [...box.querySelectorAll("[data-part]")].map((cell) => Number(cell.dataset.count));
      this.suppressed = Number(box.querySelector("[data-suppressed]").dataset.count);
      box.querySelector("[data-stop]").addEventListener("click", () => this.stop("stopped"));
      if (this.form) this.follow();
      else if (box.dataset.next) this.run(box.dataset.next);
    }

    // The form's conditions are counted as they are typed, not as they were saved.
    follow() {
      let timer;
      const again = () => {
        clearTimeout(timer);
        timer = setTimeout(() => this.restart(), 300);
      };
      for (const event of ["input", "change", "click"]) this.form.addEventListener(event, again);
      this.restart();
    }

    restart() {
      const fields = new URLSearchParams(new FormData(this.form));
      fields.delete("csrfmiddlewaretoken"); // which belongs in no address
      const said = fields.toString();
      if (said === this.said) return;
      this.said = said;
      this.stop("");
      this.sums = this.sums.map(() => 0);
      this.suppressed = 0;
      this.run("0-0");
    }

    stop(word) {
      this.abort?.abort();
      this.show("", word);
    }

    async run(next) {
      const abort = (this.abort = new AbortController());
      try {
        while (next) {
          this.show(next, "");
          const query = `${this.said ? `${this.said}&` : ""}next=${next}`;
          const answer = await fetch(`${this.url}?${query}`, { signal: abort.signal, headers: { Accept: "application/json" } });
          const slice = await answer.json();
          if (abort.signal.aborted) return;
          if (slice.problem) return this.show("", slice.problem);
          this.sums = slice.people.map((count, place) => count + (this.sums[place] || 0));
          this.suppressed += slice.suppressed;
          next = slice.next;
        }
        this.show("", "");
        this.box.dispatchEvent(new CustomEvent("tally:done", { bubbles: true, detail: { total: this.total() } }));
      } catch (error) {
        if (error.name !== "AbortError") this.show("", "could not be counted; reload the page to try again");
      }
    }

    total() {
      return this.sums.reduce((sum, count) => sum + count, 0);
    }

    show(next, word) {
      this.box.querySelectorAll("[data-part]").forEach((cell, place) => (cell.textContent = number.format(this.sums[place] || 0)));
      this.box.querySelector("[data-total]").textContent = number.format(this.total());
      this.box.querySelector("[data-suppressed]").textContent = number.format(this.suppressed);
      this.box.querySelector("[data-state]").textContent = next ? "so far, counting …" : word;
      this.box.querySelector("[data-stop]").hidden = !next;
      this.box.querySelector("[data-left]").textContent = number.format(this.total() - this.suppressed);
      this.box.setAttribute("aria-busy", next ? "true" : "false");
    }
  }

  for (const box of document.querySelectorAll("[data-tally]")) new Tally(box);
})();
