import assert from "node:assert/strict";
import { test } from "node:test";

import { load, outlook, press } from "./office_stub.mjs";

function toggle(given) {
  const world = outlook(given);
  load(world);
  const answer = press(world, "toggleSecure");
  return { world, answer, subject: world.item.subject, bars: Object.values(world.seen.bars) };
}

for (const [before, after] of [
  ["Your papers", "[secure] Your papers"], ["", "[secure]"], ["RE: Your papers", "RE: [secure] Your papers"],
  ["FW: AW: x", "FW: AW: [secure] x"], ["[secure] Your papers", "Your papers"], ["Your [SECURE] papers", "Your papers"],
  ["RE: [ secure ] x [secure] y", "RE: x y"], ["[secure]", ""], ["Re:[secure]x", "Re: x"], ["(secure) x", "[secure] (secure) x"],
  ["  x", "  [secure] x"]
]) {
  test(`the button turns ${JSON.stringify(before)} into ${JSON.stringify(after)}`, () => {
    assert.equal(toggle({ subject: before }).subject, after);
  });
}

test("pressed twice, the subject is as it was", () => {
  const world = outlook({ subject: "RE: Your papers" });
  load(world);
  press(world, "toggleSecure");
  press(world, "toggleSecure");
  assert.equal(world.item.subject, "RE: Your papers");
});

test("the bar says which, and one bar stands", () => {
  const world = outlook({ subject: "x" });
  load(world);
  press(world, "toggleSecure");
  assert.deepEqual(Object.keys(world.seen.bars), ["safemail-on"]);
  press(world, "toggleSecure");
  assert.deepEqual(Object.keys(world.seen.bars), ["safemail-off"]);
});

test("the subject is read back once", () => {
  const { world } = toggle({ subject: "x" });
  assert.deepEqual(world.seen.calls.filter((call) => call.startsWith("subject")), ["subject.get", "subject.set", "subject.get"]);
});

test("a subject that did not change is told as an error", () => {
  const { bars } = toggle({ subject: "x", keepsSubject: true });
  assert.equal(bars[0].type, "errorMessage");
  assert.match(bars[0].message, /by hand/);
});

test("a subject that would grow too long is left alone", () => {
  const { subject, bars } = toggle({ subject: "x".repeat(250) });
  assert.equal(subject.length, 250);
  assert.match(bars[0].message, /too long/);
});

test("a bar is what Outlook takes: 150 characters, a short key, an icon for information only", () => {
  for (const language of ["en-US", "es-ES"]) {
    for (const given of [{ subject: "x" }, { subject: "[secure]" }, { subject: "x".repeat(254) }, { subject: "x", keepsSubject: true }]) {
      const { world } = toggle({ language, ...given });
      for (const [key, bar] of Object.entries(world.seen.bars)) {
        assert.ok(key.length <= 32);
        assert.ok(bar.message.length <= 150);
        assert.equal(Boolean(bar.icon), bar.type === "informationalMessage");
      }
    }
  }
});

for (const how of ["fail", "never"]) {
  for (const call of ["subject.get", "subject.set", "bars.add", "bars.remove"]) {
    test(`the event ends once when ${call} ${how === "fail" ? "fails" : "throws"}`, () => {
      assert.equal(toggle({ subject: "x", [how]: [call] }).answer, null);
    });
  }
}

test("without bars the button still works", () => assert.equal(toggle({ subject: "x", withoutBars: true }).subject, "[secure] x"));
