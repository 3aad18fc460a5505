import assert from "node:assert/strict";
import { test } from "node:test";

import { load, outlook, script } from "./office_stub.mjs";

/* Comments, strings and regular expressions become blanks, so that only the language itself is left to look at. */
function bare(text) {
  const token = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/g;
  const regular = /([(,=:[!&|;{}\n]\s*)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/g;
  /* strings first would break on quotes inside a regular expression, so both are tried from the left */
  const both = new RegExp(`${token.source}|${regular.source}`, "g");
  return text.replace(both, (found, before) => `${before || ""} "" `);
}

for (const name of ["launchevent.js", "commands.js"]) {
  test(`${name} is of 2016 at most, without what keeps classic Outlook from loading it`, () => {
    const code = bare(script(name));
    for (const [what, sign] of [
      ["a conditional operator", /\?/], ["async or await", /\b(?:async|await)\b/], ["an import", /\b(?:import|export|require)\b/],
      ["a template string", /`/], ["spread", /\.\.\./], ["a catch without a name", /catch\s*\{/], ["a trailing comma in a call", /,\s*\)/],
      ["a page or timers", /\b(?:window|document|navigator|localStorage|sessionStorage|setTimeout|setInterval|fetch|XMLHttpRequest|Promise)\b/],
      ["a newer function", /\.(?:padStart|padEnd|trimStart|trimEnd|flat|flatMap|matchAll|replaceAll|at|finally)\(|Object\.(?:entries|values|fromEntries)/],
      ["Office's enums, which are not there early", /MailboxEnums/], ["a class or a private name", /\bclass\b|#\w/]
    ]) {
      assert.ok(!sign.test(code), `${what}: ${sign.exec(code)?.[0]}`);
    }
    if (name === "launchevent.js") {
      assert.ok(!/onReady|initialize/.test(code), "classic Outlook runs no onReady for events");
    }
    assert.ok(!/\(\?<|\\p\{/.test(script(name)), "a regular expression newer than 2016");
  });
}

test("what the check looks for would be found", () => {
  assert.match(bare('const a = /x?y/; // why?\nconst b = c ? "d?" : /* ? */ e;'), /\?/);
  assert.doesNotMatch(bare('const a = [/x?y/, "?", /[/?]/]; // ?'), /\?/);
});

test("the classic script loads in a realm that has nothing but Office", () => {
  const world = outlook();
  load(world, ["launchevent.js"]);
  assert.deepEqual(Object.keys(world.actions), ["onMessageSend"]);
});

test("the page's scripts load together", () => {
  const world = outlook();
  load(world);
  assert.deepEqual(Object.keys(world.actions).sort(), ["onMessageSend", "toggleSecure"]);
});
