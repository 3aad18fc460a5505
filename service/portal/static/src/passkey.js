// Passkeys: asks the browser for one and puts its answer into a form. Parts of a page that need this are hidden until
// here; who cancels, or has none, stays on the page as it is.
// In a block of its own: scripts of one page share their names.
{
  const can = "PublicKeyCredential" in window && "credentials" in navigator;
  for (const part of document.querySelectorAll("[data-passkey-part]")) part.hidden = !can;
  for (const part of document.querySelectorAll("[data-passkey-none]")) part.hidden = can;

  const bytes = (text) => {
    const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
  };
  const letters = (buffer) => {
    const plain = String.fromCharCode(...new Uint8Array(buffer));
    return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  };
  const named = (list) => (list ?? []).map((one) => ({ ...one, id: bytes(one.id) }));

  async function create(options) {
    const publicKey = {
      ...options,
      challenge: bytes(options.challenge),
      user: { ...options.user, id: bytes(options.user.id) },
      excludeCredentials: named(options.excludeCredentials),
    };
    const made = await navigator.credentials.create({ publicKey });
    const { clientDataJSON, attestationObject } = made.response;
    const transports = made.response.getTransports?.() ?? [];
    return answer(made, { clientDataJSON: letters(clientDataJSON), attestationObject: letters(attestationObject), transports });
  }

  async function get(options) {
    const publicKey = {
      ...options,
      challenge: bytes(options.challenge),
      allowCredentials: named(options.allowCredentials),
    };
    const made = await navigator.credentials.get({ publicKey });
    const { clientDataJSON, authenticatorData, signature, userHandle } = made.response;
    return answer(made, {
      clientDataJSON: letters(clientDataJSON),
      authenticatorData: letters(authenticatorData),
      signature: letters(signature),
      userHandle: userHandle ? letters(userHandle) : null,
    });
  }

  const answer = (made, response) =>
    JSON.stringify({
      id: made.id,
      rawId: letters(made.rawId),
      type: made.type,
      authenticatorAttachment: made.authenticatorAttachment,
      clientExtensionResults: {},
      response,
    });

  // <button data-passkey="get|create" data-options="path" data-form="id" data-field="name">
  for (const button of document.querySelectorAll("[data-passkey]")) {
    const form = document.getElementById(button.dataset.form);
    const told = document.getElementById(button.dataset.told ?? "");
    button.addEventListener("click", async () => {
      button.disabled = true;
      if (told) told.hidden = true;
      try {
        const body = new URLSearchParams({ csrf: form.elements.csrf.value });
        const asked = await fetch(button.dataset.options, { method: "POST", body });
        if (asked.status === 403) return form.submit(); // the page asks who it is, and comes back
        if (!asked.ok) throw new Error("not asked");
        const options = await asked.json();
        form.elements[button.dataset.field].value = await (button.dataset.passkey === "get" ? get : create)(options);
        form.submit();
      } catch {
        if (told) told.hidden = false;
      } finally {
        button.disabled = false;
      }
    });
  }
}
