/* Safemail in Outlook: what is checked when Send is pressed, and what the button's page shares with it.

   One classic script, because classic Outlook on Windows loads this file alone, without a page: no imports, no document,
   no timers, ES2016 at most, no async functions and no conditional operator (before version 2403 either keeps the file
   from loading). The other Outlooks load it through commands.html. Nothing here is a guard: the mail-flow rule decides
   what is secured; this only speaks early and kindly. It never changes the message. */
"use strict";

/* Set for your tenant: everything an agency may want to change stands here. */
const SAFEMAIL = {
  insideDomains: ["ct.gov", "po.state.ct.us"],
  subdomainsAreInside: false,
  limitBytes: 35 * 1048576
};

const SAFEMAIL_TAG = /\[\s*secure\s*\]/i;
const SAFEMAIL_TAGS = /\[\s*secure\s*\]/gi;
/* What Outlooks put before an answered or forwarded subject, in the languages of our tenants. */
const SAFEMAIL_PREFIXES = /^(?:\s*(?:re|fw|fwd|rv|aw|wg)\s*:)*\s*/i;

const SAFEMAIL_TEXTS = {
  en: {
    on: "Secure is on. People outside the state will read this message on the secure portal.",
    off: "Secure is off. This message goes out as ordinary email.",
    tooLong: "The subject is too long for the tag [secure]. Make it shorter, then press Secure again.",
    failed: "Outlook did not let us change the subject. Type [secure] into it, or take it out, by hand.",
    tooBig:
      "This message is {size} with its files. A secure message can hold {limit}, so it is {over} too big. Remove or " +
      "shrink files, or send them in several messages. Nothing was sent.",
    insideOnly:
      "Everyone on this message is inside the state. Secure is for people outside; Exchange delivers this message " +
      "inside as usual.",
    misspelt:
      "The subject says {found}. That is not the tag [secure], so this message would go out as ordinary email. To " +
      "secure it, choose Don't Send and press Secure.",
    turnOn: "Turn Secure on",
    turnOff: "Turn Secure off"
  },
  es: {
    on: "Seguro activado. Las personas fuera del estado leerán este mensaje en el portal seguro.",
    off: "Seguro desactivado. Este mensaje sale como correo normal.",
    tooLong: "El asunto es demasiado largo para la etiqueta [secure]. Acórtelo y presione Seguro otra vez.",
    failed: "Outlook no permitió cambiar el asunto. Escriba o quite [secure] a mano.",
    tooBig:
      "Este mensaje ocupa {size} con sus archivos. Un mensaje seguro admite {limit}; sobran {over}. Quite o reduzca " +
      "archivos, o envíelos en varios mensajes. No se envió nada.",
    insideOnly:
      "Todos los destinatarios están dentro del estado. Seguro es para personas de fuera; Exchange entrega este " +
      "mensaje como siempre.",
    misspelt:
      "El asunto dice {found}. Esa no es la etiqueta [secure], así que este mensaje saldría como correo normal. Para " +
      "protegerlo, elija No enviar y presione Seguro.",
    turnOn: "Activar Seguro",
    turnOff: "Desactivar Seguro"
  }
};

/* ---- the subject: the one place where the state lives ---- */

function isTagged(subject) {
  return SAFEMAIL_TAG.test(subject);
}

function withTag(subject) {
  if (isTagged(subject)) {
    return subject;
  }
  const prefix = SAFEMAIL_PREFIXES.exec(subject)[0];
  return prefix + ("[secure] " + subject.slice(prefix.length)).trim();
}

function withoutTag(subject) {
  return subject.replace(SAFEMAIL_TAGS, " ").replace(/ {2,}/g, " ").trim();
}

/* Say what looks like the tag and is not it, or "". Near words count in brackets of any kind, "secure:" only in front. */
function misspeltTag(subject) {
  if (isTagged(subject)) {
    return "";
  }
  const rest = subject.slice(SAFEMAIL_PREFIXES.exec(subject)[0].length);
  const inFront = /^(?:secured?|encrypt(?:ed)?)\s*:/i.exec(rest) || /^#\s*secured?\b/i.exec(rest);
  if (inFront) {
    return inFront[0].trim();
  }
  const bracketed = /[[({<\u3010\uff3b\uff08]\s*([^\][(){}<>\u3010\u3011\uff3b\uff3d\uff08\uff09]{1,24}?)\s*[\])}>\u3011\uff3d\uff09]/g;
  let found = bracketed.exec(rest);
  while (found) {
    if (isNearSecure(found[1])) {
      return found[0];
    }
    found = bracketed.exec(rest);
  }
  const half = /\[\s*secure\b|\bsecure\s*\]/i.exec(rest);
  if (half) {
    return half[0];
  }
  return "";
}

function isNearSecure(words) {
  const word = words.trim().toLowerCase();
  if (/^(?:secured?|encrypt(?:ed)?)(?:\s+(?:e-?mail|mail|message))?$/.test(word)) {
    return true;
  }
  if (/^\s*s\s*e\s*c\s*u\s*r\s*e\s*$/.test(word)) {
    return true;
  }
  return word.length <= 7 && editDistance(word, "secure") <= 1; /* at two, "score" and "secret" would be asked about */
}

/* Count letters changed, added, left out or swapped with their neighbour. */
function editDistance(one, other) {
  const rows = [[]];
  for (let column = 0; column <= other.length; column += 1) {
    rows[0].push(column);
  }
  for (let row = 1; row <= one.length; row += 1) {
    rows.push([row]);
    for (let column = 1; column <= other.length; column += 1) {
      const changed = Number(one[row - 1] !== other[column - 1]);
      let best = Math.min(rows[row - 1][column] + 1, rows[row][column - 1] + 1, rows[row - 1][column - 1] + changed);
      if (row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1]) {
        best = Math.min(best, rows[row - 2][column - 2] + 1);
      }
      rows[row].push(best);
    }
  }
  return rows[one.length][other.length];
}

/* ---- people and sizes ---- */

/* True only where every address is there and lies inside; what cannot be told counts as outside. */
function allAreInside(recipients) {
  return recipients.length > 0 && recipients.every(isInside);
}

function isInside(recipient) {
  if (!recipient || recipient.recipientType === "distributionList") {
    return false;
  }
  const address = String(recipient.emailAddress || "").trim().toLowerCase();
  const domain = address.slice(address.lastIndexOf("@") + 1);
  if (address.indexOf("@") < 1 || !domain) {
    return false;
  }
  return SAFEMAIL.insideDomains.some(function (inside) {
    return domain === inside || (SAFEMAIL.subdomainsAreInside && domain.endsWith("." + inside));
  });
}

/* Cloud files travel as links; Outlook tells some sizes as 0, so this errs downwards and the service has the last word. */
function attachedBytes(attachments) {
  return attachments.reduce(function (sum, one) {
    if (one.attachmentType === "cloud") {
      return sum;
    }
    return sum + Math.max(0, Number(one.size) || 0);
  }, 0);
}

/* Pictures written into the HTML are left out: Outlook lists them as attachments too. */
function bodyBytes(html) {
  const text = html.replace(/data:image\/[a-z+.-]+;base64,[A-Za-z0-9+/=\s]*/gi, "");
  let bytes = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    bytes += 1;
    if (code > 0x7f) {
      bytes += 1;
    }
    if (code > 0x7ff && (code < 0xd800 || code > 0xdfff)) {
      bytes += 1;
    }
  }
  return bytes;
}

/* 1 MB is 1,048,576 bytes; rounded up, so that "0 MB too big" never stands on a screen. */
function inMegabytes(bytes) {
  const tenths = Math.ceil((bytes * 10) / 1048576);
  return String(tenths / 10) + " MB";
}

/* ---- the verdict ---- */

/* Judge what is to be sent: {kind: "allow" | "block" | "ask", text, action}. */
function judge(message, texts) {
  if (!isTagged(message.subject)) {
    const found = misspeltTag(message.subject);
    if (found && !allAreInside(message.recipients)) {
      return { kind: "ask", text: texts.misspelt.replace("{found}", quoted(found)), action: texts.turnOn };
    }
    return { kind: "allow" };
  }
  if (message.bytes > SAFEMAIL.limitBytes) {
    const over = message.bytes - SAFEMAIL.limitBytes;
    const text = texts.tooBig
      .replace("{size}", inMegabytes(message.bytes))
      .replace("{limit}", inMegabytes(SAFEMAIL.limitBytes))
      .replace("{over}", inMegabytes(over));
    return { kind: "block", text: text };
  }
  if (allAreInside(message.recipients)) {
    return { kind: "ask", text: texts.insideOnly, action: texts.turnOff };
  }
  return { kind: "allow" };
}

function quoted(found) {
  return "\u201c" + found + "\u201d";
}

function textsFor(language) {
  if (String(language || "").toLowerCase().indexOf("es") === 0) {
    return SAFEMAIL_TEXTS.es;
  }
  return SAFEMAIL_TEXTS.en;
}

function ownTexts() {
  try {
    return textsFor(Office.context.displayLanguage);
  } catch (error) {
    return SAFEMAIL_TEXTS.en;
  }
}

function supports(version) {
  try {
    return Office.context.requirements.isSetSupported("Mailbox", version);
  } catch (error) {
    return false;
  }
}

/* ---- reading the message, one question after the other ---- */

/* Let the event end once and no more: in classic Outlook a second, later "allow" would send under an open dialog. */
function onceCompleted(event) {
  let isDone = false;
  return function (options) {
    if (isDone) {
      return;
    }
    isDone = true;
    if (options) {
      event.completed(options);
    } else {
      event.completed();
    }
  };
}

/* Run the next step; whatever breaks in it ends the event by `otherwise`, so that nobody waits five minutes. */
function guarded(otherwise, step) {
  return function (result) {
    try {
      step(result);
    } catch (error) {
      otherwise();
    }
  };
}

function valueOf(result, otherwise) {
  if (result && result.status === "succeeded" && result.value !== undefined && result.value !== null) {
    return result.value;
  }
  return otherwise;
}

/* Read To, Cc and Bcc. A list that cannot be read becomes one recipient of whom nothing is known. */
function readRecipients(item, otherwise, then) {
  const unknown = [{ emailAddress: "" }];
  item.to.getAsync(guarded(otherwise, function (to) {
    item.cc.getAsync(guarded(otherwise, function (cc) {
      item.bcc.getAsync(guarded(otherwise, function (bcc) {
        then(valueOf(to, unknown).concat(valueOf(cc, unknown), valueOf(bcc, unknown)));
      }));
    }));
  }));
}

/* Estimate the size; the body is asked for only where the files alone do not decide. */
function readBytes(item, otherwise, then) {
  item.getAttachmentsAsync(guarded(otherwise, function (attachments) {
    const bytes = attachedBytes(valueOf(attachments, []));
    if (bytes > SAFEMAIL.limitBytes) {
      then(bytes);
      return;
    }
    item.body.getAsync("html", guarded(otherwise, function (body) {
      then(bytes + bodyBytes(String(valueOf(body, ""))));
    }));
  }));
}

/* Called by Outlook when Send is pressed; named so in manifest.xml. What cannot be read is let go: the rule decides. */
function onMessageSend(event) {
  const done = onceCompleted(event);
  const allow = function () {
    done({ allowEvent: true });
  };
  guarded(allow, function () {
    const item = Office.context.mailbox.item;
    item.subject.getAsync(guarded(allow, function (result) {
      const subject = String(valueOf(result, ""));
      if (!isTagged(subject) && !misspeltTag(subject)) {
        allow();
        return;
      }
      readRecipients(item, allow, guarded(allow, function (recipients) {
        if (!isTagged(subject)) {
          answer(item, done, { subject: subject, recipients: recipients, bytes: 0 });
          return;
        }
        readBytes(item, allow, guarded(allow, function (bytes) {
          answer(item, done, { subject: subject, recipients: recipients, bytes: bytes });
        }));
      }));
    }));
  })();
}

function answer(item, done, message) {
  const verdict = judge(message, ownTexts());
  if (verdict.kind === "allow") {
    done({ allowEvent: true });
  } else if (verdict.kind === "block") {
    done({ allowEvent: false, errorMessage: verdict.text });
  } else if (supports("1.14")) {
    done(question(verdict));
  } else {
    warnOnce(item, done, message, verdict);
  }
}

/* The manifest's mode is the stricter one; "promptUser" adds Send Anyway. From 1.15 a button may run our command. */
function question(verdict) {
  const options = { allowEvent: false, errorMessage: verdict.text, sendModeOverride: "promptUser" };
  if (supports("1.15")) {
    options.cancelLabel = verdict.action;
    options.commandId = "SafemailToggle";
  }
  return options;
}

/* Without Send Anyway: the first Send warns, a second one of the same message passes. Where Outlook cannot remember the first,
   what may leave unprotected is stopped, and what stays inside goes. */
function warnOnce(item, done, message, verdict) {
  const warn = function () {
    done({ allowEvent: false, errorMessage: verdict.text });
  };
  const forget = function () {
    done({ allowEvent: isTagged(message.subject), errorMessage: verdict.text });
  };
  if (!item.sessionData) {
    forget();
    return;
  }
  const print = fingerprint(message);
  item.sessionData.getAsync("safemail-warned", guarded(warn, function (result) {
    if (valueOf(result, "") === print) {
      done({ allowEvent: true });
      return;
    }
    item.sessionData.setAsync("safemail-warned", print, guarded(warn, function (written) {
      if (written && written.status === "succeeded") {
        warn();
      } else {
        forget();
      }
    }));
  }));
}

function fingerprint(message) {
  const people = message.recipients.map(function (one) {
    return String((one && one.emailAddress) || "").toLowerCase();
  });
  const text = message.subject + "\n" + people.join(",");
  let sum = 5381;
  for (let index = 0; index < text.length; index += 1) {
    sum = (sum * 33 + text.charCodeAt(index)) % 4294967296;
  }
  return String(sum);
}

/* At the top level, outside onReady: classic Outlook never runs onReady for events. */
Office.actions.associate("onMessageSend", onMessageSend);
