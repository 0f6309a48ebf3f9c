"use strict";
(() => {
  const templates = JSON.parse(document.getElementById("templates").textContent);
  const figures = [...document.querySelectorAll("script[data-figure]")].map((script) => ({
    place: document.getElementById(script.dataset.figure),
    ...JSON.parse(script.textContent),
  }));
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const config = { displayModeBar: false, responsive: true, doubleClick: false };

  const draw = () => {
    const template = templates[dark.matches ? "dark" : "light"];
    for (const { place, data, layout } of figures) {
      Plotly.react(place, data, { ...layout, template }, config);
    }
  };
  draw();
  dark.addEventListener("change", draw);

  // A button that could do nothing isn't shown.
  if (!navigator.clipboard) return;
  const told = document.getElementById("told");
  for (const button of document.querySelectorAll(".command button")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(button.previousElementSibling.textContent);
        button.textContent = told.textContent = "Copied";
      } catch {
        button.textContent = told.textContent = "Can't copy";
      }
      setTimeout(() => {
        button.textContent = "Copy";
        told.textContent = "";
      }, 2000);
    });
  }
})();
