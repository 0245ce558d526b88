  const document = page.document, stage = document.querySelector(".stage"), range = stage.querySelector("input");
  const style = element => page.getComputedStyle(element);
  const light = colour => colour.match(/[\d.]+/g).slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const contrast = (one, other) => { const [a, b] = [light(one), light(other)].sort((x, y) => y - x); return (a + .05) / (b + .05); };
  range.focus();
  range.value = 20;
  range.dispatchEvent(new page.Event("input"));
  const clip = style(stage.querySelector(".right")).clipPath;
  for (const layer of ["restored", "mask"]) document.querySelector(`.choose input[value="${layer}"]`).click();
  const body = style(document.body).backgroundColor;
  return {
    overflow: document.documentElement.scrollWidth - page.innerWidth,
    wide: [...document.querySelectorAll("main *")].filter(e => !e.closest(".scroll, svg, .stage, .bands")
      && e.getBoundingClientRect().right > page.innerWidth + 1).map(e => e.outerHTML.slice(0, 90)),
    broken: [...document.images].filter(image => !image.naturalWidth).length,
    unnamed: [...document.querySelectorAll("input, button, a, img, svg[role=img], summary")].filter(e =>
      !(e.getAttribute("aria-label") || e.getAttribute("alt") || e.textContent.trim() || e.closest("label")?.textContent.trim()))
      .map(e => e.outerHTML.slice(0, 90)),
    repeated: [...document.querySelectorAll("[id]")].map(e => e.id).filter((id, i, all) => all.indexOf(id) !== i),
    levels: [...document.querySelectorAll("h1, h2, h3, h4")].map(e => +e.tagName[1]),
    focused: document.activeElement === range,
    clip, spoken: range.getAttribute("aria-valuetext"),
    mask: style(stage.querySelector(".mask")).display,
    stage: Math.round(stage.getBoundingClientRect().width),
    contrasts: [".verdict strong", ".note", ".facts dt", "a", "td.better"].map(name =>
      contrast(style(document.querySelector(name)).color, name.startsWith(".verdict") ? style(document.querySelector(".verdict")).backgroundColor : body)),
    dark: light(body) < .2,
  };
