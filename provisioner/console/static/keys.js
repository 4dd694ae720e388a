// A key that is dragged in the picture is moved in the form beside it, which is then sent: the server decides, as for one that was typed.
(function () {
  "use strict";
  const form = document.getElementById("keys");
  const picture = document.querySelector("svg.keys");
  if (!form || !picture) return;
  let held = null;

  const under = (event) => {
    const found = document.elementsFromPoint(event.clientX, event.clientY).map((one) => one.closest("[data-key]"));
    return found.find((one) => one && one !== held) || null;
  };
  const let_go = () => {
    picture.querySelectorAll(".held, .target").forEach((one) => one.classList.remove("held", "target"));
    held = null;
  };
  const to = (key) => form.elements[`to-${key.dataset.key}`];

  picture.addEventListener("pointerdown", (event) => {
    held = event.target.closest("[data-own]");
    if (!held) return;
    event.preventDefault();
    held.classList.add("held");
    picture.setPointerCapture(event.pointerId);
  });
  picture.addEventListener("pointermove", (event) => {
    if (!held) return;
    picture.querySelectorAll(".target").forEach((one) => one.classList.remove("target"));
    const key = under(event);
    if (key) key.classList.add("target");
  });
  picture.addEventListener("pointerup", (event) => {
    const [from, key] = [held, held && under(event)];
    let_go();
    if (!key || !from) return;
    to(from).value = key.dataset.key;
    form.requestSubmit();
  });
  picture.addEventListener("pointercancel", let_go);
})();
