/* Safemail in Outlook: the button "Secure". It puts [secure] into the subject or takes it out, and says which.

   Loaded by commands.html after launchevent.js, whose functions it uses. The subject is the one source of truth: nothing is
   remembered between two presses, and a failing information bar changes nothing. */
"use strict";

const SAFEMAIL_BAR_ON = "safemail-on";
const SAFEMAIL_BAR_OFF = "safemail-off";
const SAFEMAIL_SUBJECT_MAX = 255; /* subject.setAsync refuses more: DataExceedsMaximumSize */

/* Called by Outlook when the button is pressed; named so in manifest.xml. */
function toggleSecure(event) {
  const done = onceCompleted(event);
  const end = function () {
    done();
  };
  guarded(end, function () {
    const item = Office.context.mailbox.item;
    const texts = ownTexts();
    item.subject.getAsync(guarded(end, function (result) {
      if (!result || result.status !== "succeeded") {
        tell(item, { isError: true, text: texts.failed }, end);
        return;
      }
      const subject = String(result.value || "");
      const isOn = !isTagged(subject);
      const wanted = changed(subject, isOn);
      if (wanted.length > SAFEMAIL_SUBJECT_MAX) {
        tell(item, { isError: true, text: texts.tooLong }, end);
        return;
      }
      item.subject.setAsync(wanted, guarded(end, function () {
        readBack(item, isOn, texts, end);
      }));
    }));
  })();
}

function changed(subject, isOn) {
  if (isOn) {
    return withTag(subject);
  }
  return withoutTag(subject);
}

/* Look once whether the subject now says what was wanted; never try again by itself. */
function readBack(item, isOn, texts, end) {
  item.subject.getAsync(guarded(end, function (result) {
    if (result && result.status === "succeeded" && isTagged(String(result.value || "")) === isOn) {
      tell(item, { isOn: isOn, text: stateText(isOn, texts) }, end);
    } else {
      tell(item, { isError: true, text: texts.failed }, end);
    }
  }));
}

function stateText(isOn, texts) {
  if (isOn) {
    return texts.on;
  }
  return texts.off;
}

/* Show a bar. Both old ones are removed first and a new one is added: replacing was broken in Outlook on the web for weeks
   of 2026 (OfficeDev/office-js issue 6650). */
function tell(item, news, end) {
  const bars = item.notificationMessages;
  if (!bars) {
    end();
    return;
  }
  const then = guarded(end, function () {
    bars.addAsync(barKey(news), barDetails(news), end);
  });
  bars.removeAsync(SAFEMAIL_BAR_ON, guarded(end, function () {
    bars.removeAsync(SAFEMAIL_BAR_OFF, then);
  }));
}

function barKey(news) {
  if (news.isOn) {
    return SAFEMAIL_BAR_ON;
  }
  return SAFEMAIL_BAR_OFF;
}

/* An icon is required for information and forbidden for errors. */
function barDetails(news) {
  if (news.isError) {
    return { type: "errorMessage", message: news.text };
  }
  return { type: "informationalMessage", message: news.text, icon: "Icon.16", persistent: Boolean(news.isOn) };
}

/* Office.js wants to hear that its page is there; nothing waits for it. */
Office.onReady(function () {});
Office.actions.associate("toggleSecure", toggleSecure);
