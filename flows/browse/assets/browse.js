// The pages work without this; with it a word shows its raw characters, layers switch at once, and colours change.
"use strict";

const keep = (name, value) => { document.cookie = `${name}=${value}; path=/; max-age=31536000; samesite=strict`; };

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-theme-switch]")) return;
  const root = document.documentElement;
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
  keep("theme", root.dataset.theme);
});

const article = document.querySelector("article.doc");
if (article) followWords(article);

function followWords(article) {
  const mended = article.querySelector(".mended");
  const rawPane = article.querySelector(".rawtext");
  const sheets = article.querySelector(".sheets");
  const place = article.querySelector(".place");
  const said = place.querySelector("[data-said]");
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const words = [...mended.querySelectorAll("i.w")].reduce((all, one) => {
    (all[one.dataset.w] ||= { mended: [], raw: [] }).mended.push(one);
    return all;
  }, []);
  if (rawPane) rawPane.querySelectorAll("i.w").forEach((one) => words[one.dataset.w]?.raw.push(one));
  let current = -1;

  function show(number, from) {
    if (number === current || !words[number]) return;
    const before = words[current];
    if (before) [...before.mended, ...before.raw].forEach((one) => one.classList.remove("on"));
    current = number;
    const word = words[number];
    [...word.mended, ...word.raw].forEach((one) => one.classList.add("on"));
    if (from !== "raw" && word.raw.length) bring(word.raw[0], rawPane);
    if (from !== "mended") bring(word.mended[0], mended);
    if (sheets) onPage(word);
    tell(word);
  }

  // The block and the name of a word, on the page as it was printed.
  function onPage(word) {
    sheets.querySelectorAll(".on").forEach((one) => one.classList.remove("on"));
    const block = word.mended[0].closest(".b"), mention = word.mended[0].closest(".m");
    const found = [
      block && sheets.querySelector(`a[data-block="${block.id.slice(1)}"]`),
      mention && sheets.querySelector(`g[data-m="${mention.dataset.m}"]`),
    ].filter(Boolean);
    found.forEach((one) => one.classList.add("on"));
    if (found.length) bring(found.at(-1), sheets);
  }

  function bring(element, pane) {
    const inside = element.getBoundingClientRect(), around = pane.getBoundingClientRect();
    if (pane.scrollHeight <= pane.clientHeight + 2) return;
    if (inside.top >= around.top + 24 && inside.bottom <= around.bottom - 24) return;
    const top = pane.scrollTop + inside.top - around.top - pane.clientHeight / 2;
    pane.scrollTo({ top, behavior: isCalm ? "auto" : "smooth" });
  }

  function tell(word) {
    const pieces = [];
    const add = (name, text, kind) => {
      const element = document.createElement(name);
      element.textContent = text;
      if (kind) element.className = kind;
      pieces.push(element);
    };
    add("b", word.mended.map((one) => one.textContent).join(""));
    const raw = word.raw.map((one) => one.textContent).join("");
    if (raw) add("code", raw.replaceAll("\n", "⏎"));
    add("span", `${said.dataset.raw} ${word.mended[0].dataset.o}`, "quiet");
    const mention = word.mended[0].closest(".m");
    if (mention) add("span", [said.dataset[`label${mention.dataset.label[0]}${mention.dataset.label.slice(1).toLowerCase()}`], mention.dataset.told].filter(Boolean).join(" · "), `dot ${mention.dataset.label}`);
    said.replaceChildren(...pieces.flatMap((one) => [one, " "]));
  }

  const numberOf = (event) => event.target.closest?.("i.w")?.dataset.w;
  // What scrolls by under a pointer that rests was not pointed at.
  let last = "";
  const follow = (from) => (event) => {
    const n = numberOf(event), now = `${event.screenX} ${event.screenY}`;
    if (n && now !== last) show(+n, from);
    last = now;
  };
  mended.addEventListener("pointermove", follow("mended"));
  mended.addEventListener("focusin", (event) => { const n = event.target.querySelector?.("i.w")?.dataset.w; if (n && event.target !== mended) show(+n, "mended"); });
  rawPane?.addEventListener("pointermove", follow("raw"));
  for (const pane of [mended, rawPane]) pane?.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input, select")) return;
    event.preventDefault();
    let next = current + step;
    while (next >= 0 && next < words.length && !words[next]) next += step;
    show(next, "keys");
  });

  article.querySelectorAll(".layers input").forEach((box) => box.addEventListener("change", () => {
    article.classList.toggle(`show-${box.value}`, box.checked);
    if (box.value === "raw" && rawPane) rawPane.hidden = !box.checked;
    if (box.value === "pages" && sheets) sheets.hidden = !box.checked;
    const chosen = [...article.querySelectorAll(".layers input:checked")].map((one) => one.value);
    const url = new URL(location.href);
    url.searchParams.set("layers", chosen.join(","));
    history.replaceState(null, "", url);
  }));

  article.querySelectorAll("[data-goto]").forEach((row) => row.addEventListener("pointerover", () => {
    const found = rawPane?.querySelector(`.rep[data-r="${row.dataset.goto}"]`);
    article.querySelectorAll(".rep.on").forEach((one) => one.classList.remove("on"));
    if (!found) return;
    rawPane.querySelectorAll(`.rep[data-r="${row.dataset.goto}"]`).forEach((one) => one.classList.add("on"));
    bring(found, rawPane);
  }));

  // With a word picked, the forms for corrections are about its name and its block.
  mended.addEventListener("pointerdown", (event) => {
    const mention = event.target.closest(".m");
    const chosen = mention && article.querySelector(`[data-mentions] option[data-no="${mention.dataset.m}"]`);
    if (chosen) chosen.selected = true;
    const block = event.target.closest(".b"), blocks = article.querySelector("[data-blocks]");
    if (block && blocks) blocks.selectedIndex = [...mended.querySelectorAll(".b")].indexOf(block);
    const joined = block && article.querySelector(`[data-joins] option[data-block="${block.id.slice(1)}"]`);
    if (joined) joined.selected = true;
    const word = event.target.closest("i.w"), part = article.querySelector("[data-part]");
    if (word && part) {
      part.value = word.dataset.o.split("–")[0];
      article.querySelector("[data-part-word]").textContent = word.textContent;
    }
  });

  // A link to a page shows the pages first, if they are not.
  article.addEventListener("click", (event) => {
    const box = article.querySelector(".layers input[value=pages]");
    if (event.target.closest?.('a[href^="#page"]') && box && !box.checked) box.click();
  });

  // Over a block of the page its text is marked; a page whose picture did not come is drawn as one without.
  for (const name of ["pointerover", "focusin"]) sheets?.addEventListener(name, (event) => {
    mended.querySelectorAll(".b.on").forEach((one) => one.classList.remove("on"));
    const link = event.target.closest("[data-block]"), block = link && document.getElementById(`b${link.dataset.block}`);
    if (!block) return;
    block.classList.add("on");
    bring(block, mended);
  });
  sheets?.addEventListener("pointerleave", () => mended.querySelectorAll(".b.on").forEach((one) => one.classList.remove("on")));
  sheets?.querySelectorAll(".leaf img").forEach((picture) => {
    const bare = () => { picture.parentElement.classList.remove("is-drawn"); picture.remove(); };
    if (picture.complete && !picture.naturalWidth) bare();
    else picture.addEventListener("error", bare);
  });

  const target = document.getElementById("at");
  if (target) { bring(target, mended); show(+target.dataset.w, "start"); }
}
