/* Office.js wants to hear that its page is there. In an ordinary browser there may be no Office. */
"use strict";

if (typeof Office !== "undefined") {
  Office.onReady(function () {});
}
