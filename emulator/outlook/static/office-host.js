/* Office.js as this emulator plays it: what addin/web uses of it, with the limits Microsoft documents.

   It runs in the add-in's own sandboxed frame and asks the compose window for everything by message. A breach of Office's
   rules (a text too long, an event completed twice) is told to the window, which shows it: here nothing is lenient. */
"use strict";

const Office = (function () {
  const ERROR_MESSAGE_MAX = 500;
  const INFOBAR_MAX = 150;
  const KEY_MAX = 32;
  const SUBJECT_MAX = 255;
  const CANCEL_LABEL_MAX = 20;
  const REQUIREMENT_SET = [1, 15];
  const actions = {};
  const waiting = new Map();
  let number = 0;

  function tell(message) {
    window.parent.postMessage({ safemail: true, ...message }, "*");
  }

  function ask(name, given, callback) {
    number += 1;
    waiting.set(number, callback);
    tell({ kind: "call", id: number, name, given });
  }

  function refuse(name, callback) {
    setTimeout(() => callback({ status: "failed", value: undefined, error: { code: 9000, name, message: name } }), 0);
  }

  function withOptions(...given) {
    const callback = given.find((one) => typeof one === "function");
    return callback || (() => {});
  }

  const reading = (name) => ({ getAsync: (...given) => ask(name, null, withOptions(...given)) });

  const subject = {
    ...reading("subject.get"),
    setAsync(text, ...given) {
      const callback = withOptions(...given);
      if (typeof text !== "string" || text.length > SUBJECT_MAX) {
        refuse("DataExceedsMaximumSize", callback);
      } else {
        ask("subject.set", text, callback);
      }
    }
  };

  const notificationMessages = {
    addAsync: (key, details, ...given) => show("bars.add", key, details, withOptions(...given)),
    replaceAsync: (key, details, ...given) => show("bars.replace", key, details, withOptions(...given)),
    removeAsync: (key, ...given) => ask("bars.remove", { key }, withOptions(...given)),
    getAllAsync: (...given) => ask("bars.all", null, withOptions(...given))
  };

  function show(name, key, details, callback) {
    const isInformation = details.type === "informationalMessage";
    const text = String(details.message || "");
    if (!text || text.length > INFOBAR_MAX || key.length > KEY_MAX || isInformation !== Boolean(details.icon)) {
      tell({ kind: "fault", text: `The add-in's infobar "${key}" breaks a rule of Outlook.` });
      refuse("ArgumentException", callback);
      return;
    }
    ask(name, { key, type: details.type, message: text }, callback);
  }

  const sessionData = {
    getAsync: (key, ...given) => ask("session.get", { key }, withOptions(...given)),
    setAsync: (key, value, ...given) => ask("session.set", { key, value }, withOptions(...given)),
    removeAsync: (key, ...given) => ask("session.remove", { key }, withOptions(...given))
  };

  const item = {
    subject,
    to: reading("to.get"),
    cc: reading("cc.get"),
    bcc: reading("bcc.get"),
    body: { getAsync: (type, ...given) => ask("body.get", type, withOptions(...given)) },
    getAttachmentsAsync: (...given) => ask("attachments.get", null, withOptions(...given)),
    notificationMessages,
    sessionData
  };

  function run(name, id) {
    let isCompleted = false;
    const completed = (options = {}) => {
      if (isCompleted) {
        tell({ kind: "fault", text: `The add-in completed "${name}" twice.` });
        return;
      }
      isCompleted = true;
      const tooLong = String(options.errorMessage || "").length > ERROR_MESSAGE_MAX;
      if (tooLong || String(options.cancelLabel || "").length > CANCEL_LABEL_MAX) {
        tell({ kind: "fault", text: `The add-in's words for "${name}" are longer than Outlook shows.` });
      }
      tell({ kind: "completed", id, options: JSON.parse(JSON.stringify(options)) });
    };
    if (!actions[name]) {
      tell({ kind: "fault", text: `The add-in has no action "${name}".` });
      return;
    }
    actions[name]({ completed, source: { id: "SafemailToggle" } });
  }

  window.addEventListener("message", (event) => {
    if (event.source !== window.parent || !event.data || !event.data.safemail) {
      return;
    }
    if (event.data.kind === "run") {
      run(event.data.name, event.data.id);
    } else if (event.data.kind === "answer") {
      const callback = waiting.get(event.data.id);
      waiting.delete(event.data.id);
      callback({ status: "succeeded", value: event.data.value, error: undefined });
    }
  });
  window.addEventListener("error", (event) => tell({ kind: "fault", text: `The add-in failed: ${event.message}` }));
  window.addEventListener("load", () => tell({ kind: "ready", names: Object.keys(actions) }));

  return {
    AsyncResultStatus: { Succeeded: "succeeded", Failed: "failed" },
    actions: { associate: (name, action) => { actions[name] = action; } },
    onReady: (callback) => {
      const about = { host: "Outlook", platform: "OfficeOnline" };
      if (callback) {
        setTimeout(() => callback(about), 0);
      }
      return Promise.resolve(about);
    },
    context: {
      displayLanguage: (navigator.language || "en-US").toLowerCase().startsWith("es") ? "es-ES" : "en-US",
      requirements: {
        isSetSupported(set, version) {
          const [major, minor] = String(version || "1.1").split(".").map(Number);
          return set === "Mailbox" && (major < REQUIREMENT_SET[0] || (major === REQUIREMENT_SET[0] && minor <= REQUIREMENT_SET[1]));
        }
      },
      mailbox: { item, userProfile: { emailAddress: "" } }
    }
  };
})();
