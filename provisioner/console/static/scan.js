// A barcode scanner types a code and Enter. The first Enter leads to the extension, the second sends both and leads back at once:
// each pair waits its turn, and what was wrong comes back as a row of its own, so nothing that is scanned meanwhile is lost.
(function () {
  "use strict";
  const form = document.querySelector("form[data-look]");
  const [told, list] = [document.getElementById("look"), document.getElementById("scanned")];
  if (!form) return;
  const { mac, account, model } = form.elements;
  const live = { "HX-Request": "true" };
  let turn = Promise.resolve();

  async function look(asked) {
    const answer = await fetch(`${form.dataset.look}?${asked}`, { headers: live });
    if (answer.ok && asked.get("mac") === (mac.value || asked.get("mac"))) told.innerHTML = await answer.text();
  }

  async function send(said) {
    const box = document.createElement("template");
    try {
      const answer = await fetch(form.action, { method: "POST", body: said, headers: live });
      if (!answer.ok) throw new Error(answer.status);
      box.innerHTML = await answer.text();
    } catch {
      const row = document.createElement("li");
      row.className = "fault";
      row.textContent = `${said.get("mac")} ${said.get("account")}: ${form.dataset.lost}`;
      box.content.append(row);
    }
    const rows = [...box.content.children];
    list.prepend(...rows);
    if (window.htmx) rows.forEach((row) => window.htmx.process(row));
  }

  mac.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !mac.value.trim()) return;
    event.preventDefault();
    account.focus();
    account.select();
    look(new URLSearchParams({ mac: mac.value, model: model.value }));
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!account.value.trim()) return account.focus();
    const said = new URLSearchParams(new FormData(form));
    turn = turn.then(() => send(said));
    mac.value = account.value = "";
    told.textContent = "";
    mac.focus();
  });
})();
