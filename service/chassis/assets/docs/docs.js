// "Try it": asks the operation of a form, and shows status and body below it.
for (const form of document.querySelectorAll("form[data-path]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const output = form.querySelector("output");
    let path = form.dataset.path;
    const query = new URLSearchParams();
    const request = { method: form.dataset.method, headers: {} };
    for (const field of form.querySelectorAll("[data-in]")) {
      if (field.dataset.in === "path") {
        path = path.replace(`{${field.name}}`, encodeURIComponent(field.value));
      } else if (field.dataset.in === "body") {
        request.body = field.value;
        request.headers["content-type"] = "application/json";
      } else if (field.value !== "") {
        query.append(field.name, field.value);
      }
    }
    const asked = query.size ? `${path}?${query}` : path;
    output.replaceChildren();
    const shown = document.createElement("pre");
    try {
      // Relative, whatever path a proxy puts before it.
      const answer = await fetch(`..${asked}`, request);
      shown.textContent = `${request.method} ${asked}\n${answer.status}\n\n${await answer.text()}`;
    } catch (error) {
      shown.textContent = `${request.method} ${asked}\n${error}`;
    }
    output.append(shown);
  });
}
