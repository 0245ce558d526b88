"use strict";
// The page can be read without this: pictures then stand side by side.
document.documentElement.classList.remove("plain");
for (const moment of document.querySelectorAll(".moment")) {
  const stage = moment.querySelector(".stage");
  const range = stage.querySelector("input");
  const full = moment.querySelector(".actual");
  range.addEventListener("input", () => {
    stage.style.setProperty("--at", range.value + "%");
    range.setAttribute("aria-valuetext", range.value + " % camera");
  });
  for (const choice of moment.querySelectorAll(".choose input")) {
    choice.addEventListener("change", () => (stage.dataset.right = choice.value));
  }
  full.addEventListener("click", () => {
    full.setAttribute("aria-pressed", String(moment.classList.toggle("full")));
  });
}
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
