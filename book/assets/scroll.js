// A box that scrolls sideways can be reached and moved with the keyboard, and says what it is. One
// that does not scroll is no stop for the Tab key.
(() => {
  const KINDS = {
    ".pst-scrollable-table-container, .text_html:has(table)": "Table",
    ".cell_output": "Output",
    pre: "Code",
    "mjx-container[display=true]": "Formula",
  };
  const article = document.querySelector(".bd-article");
  const marked = new Set();
  if (!article) return;

  const scrolls = (box) =>
    box.scrollWidth > box.clientWidth && getComputedStyle(box).overflowX !== "visible";

  const name = (box, kind) => {
    const heading = box.closest("section")?.querySelector("h1, h2, h3");
    return heading ? `${kind}: ${heading.textContent.replace(/#$/, "")}` : kind;
  };

  const mark = () => {
    for (const [boxes, kind] of Object.entries(KINDS))
      for (const box of article.querySelectorAll(boxes))
        if (scrolls(box)) {
          marked.add(box);
          box.tabIndex = 0;
          box.setAttribute("role", "group");
          box.setAttribute("aria-label", name(box, kind));
        } else if (marked.delete(box))
          for (const old of ["tabindex", "role", "aria-label"]) box.removeAttribute(old);
  };

  const observer = new ResizeObserver(mark);
  for (const one of [article, ...article.querySelectorAll("table, pre")]) observer.observe(one);
  new MutationObserver(mark).observe(article, { childList: true, subtree: true }); // formulas
})();
