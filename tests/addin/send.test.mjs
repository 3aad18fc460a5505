import assert from "node:assert/strict";
import { test } from "node:test";

import { file, load, outlook, people, press } from "./office_stub.mjs";

const MB = 1048576;
const OUT = people("rosa@example.com");
const IN = people("ruth@ct.gov", "Anna@PO.State.CT.us");

function send(given, scripts = ["launchevent.js"]) {
  const world = outlook({ to: OUT, ...given });
  load(world, scripts);
  return { world, answer: press(world, "onMessageSend") };
}
const isAllowed = ({ answer }) => answer.allowEvent === true;
const isAsked = ({ answer }) => answer.allowEvent === false && answer.sendModeOverride === "promptUser";

test("an ordinary mail is sent, and nothing but its subject was read", () => {
  const { world, answer } = send({ subject: "Lunch on Friday" });
  assert.equal(answer.allowEvent, true);
  assert.deepEqual(world.seen.calls, ["subject.get"]);
});

for (const subject of ["[secure] x", "x [SECURE]", "RE: [ Secure ] x", "a[secure]b", "[\tsecure\u00a0] x"]) {
  test(`a tagged mail to outside is sent: ${JSON.stringify(subject)}`, () => assert.ok(isAllowed(send({ subject }))));
}

test("a tagged mail over 35 MB is stopped, with how much, and no way round", () => {
  const { answer } = send({ subject: "[secure] x", attachments: [file(30 * MB), file(8 * MB)] });
  assert.equal(answer.allowEvent, false);
  assert.equal(answer.sendModeOverride, undefined);
  assert.equal(answer.commandId, undefined);
  assert.match(answer.errorMessage, /38 MB .* 35 MB.* 3 MB too big/);
});

test("one byte over is over, and no amount is told as 0", () => {
  const { answer } = send({ subject: "[secure]", attachments: [file(35 * MB)], body: "a" });
  assert.match(answer.errorMessage, /0\.1 MB too big/);
  assert.ok(isAllowed(send({ subject: "[secure]", attachments: [file(35 * MB)], body: "" })));
});

test("the body counts in bytes, pictures pasted into it do not", () => {
  const world = outlook();
  const run = load(world);
  assert.equal(run('bodyBytes("aé€\\ud83d\\ude00")'), 1 + 2 + 3 + 4);
  assert.equal(run(`bodyBytes('<img src="data:image/png;base64,${"A".repeat(999)}">')`), 12);
});

test("the body is not read where the files alone decide", () => {
  const { world } = send({ subject: "[secure]", attachments: [file(36 * MB)] });
  assert.ok(!world.seen.calls.includes("body.get"));
});

test("files in the cloud and sizes that are no numbers do not count", () => {
  const attachments = [file(99 * MB, { attachmentType: "cloud" }), file(undefined), file(-5), file(1)];
  assert.ok(isAllowed(send({ subject: "[secure]", attachments })));
});

test("size does not matter where there is no tag", () => {
  assert.ok(isAllowed(send({ subject: "Holiday", attachments: [file(99 * MB)] })));
});

test("a tag for inside recipients only is asked about", () => {
  const said = send({ subject: "[secure] x", to: IN });
  assert.ok(isAsked(said));
  assert.match(said.answer.errorMessage, /inside the state/);
  assert.equal(said.answer.commandId, "SafemailToggle");
});

for (const [who, to] of [
  ["no address", people("")], ["nobody", []], ["a group", [{ emailAddress: "all@ct.gov", recipientType: "distributionList" }]],
  ["a name alone", people("Ruth Chen")], ["a subdomain", people("x@mail.ct.gov")], ["a lookalike", people("x@ct.gov.example")],
  ["null", [null]]
]) {
  test(`who cannot be told to be inside counts as outside: ${who}`, () => {
    assert.ok(isAllowed(send({ subject: "[secure] x", to: [...to] })));
  });
}

test("one outside in Bcc is enough", () => assert.ok(isAllowed(send({ subject: "[secure]", to: IN, bcc: OUT }))));

for (const subject of [
  "(secure) x", "{secure} x", "<secure> x", "[secured] x", "[secre] x", "[sceure] x", "[seccure] x", "[sucure]", "[ecure] x", "[securer] x", "x (SECURE)",
  "[secure x", "secure] x", "Secure: x", "RE: secure: x", "FW: AW: Secured: x", "#secure x", "[s e c u r e] x", "[encrypt] x",
  "[secure mail] x", "\u3010secure\u3011 x", "\uff3bsecure\uff3d x", "[secure) x", "Encrypted: x"
]) {
  test(`a misspelt tag is asked about: ${subject}`, () => {
    const said = send({ subject });
    assert.ok(isAsked(said));
    assert.match(said.answer.errorMessage, /not the tag \[secure\]/);
    assert.equal(said.answer.cancelLabel, "Turn Secure on");
  });
}

for (const subject of [
  "Secure the door", "(security) briefing", "[source] code", "Insecure: a talk", "The secure: part", "[EXTERNAL] x", "(see room)",
  "[future] plans", "Re: (sure)", "[secret] x", "(score)", "secured loan", ""
]) {
  test(`what only looks a little like the tag is sent: ${subject}`, () => assert.ok(isAllowed(send({ subject }))));
}

test("a misspelt tag does not matter where everyone is inside", () => {
  assert.ok(isAllowed(send({ subject: "(secure) x", to: IN })));
});

test("a right tag beside a wrong one is right", () => assert.ok(isAllowed(send({ subject: "(secure) [secure] x" }))));

for (const version of ["1.12", "1.13"]) {
  test(`without Send Anyway (${version}) the first Send warns and the second goes`, () => {
    const world = outlook({ subject: "(secure) x", to: OUT, version });
    load(world, ["launchevent.js"]);
    const first = press(world, "onMessageSend");
    assert.equal(first.allowEvent, false);
    assert.equal(first.sendModeOverride, undefined);
    assert.equal(press(world, "onMessageSend").allowEvent, true);
    world.item.to = people("other@example.com");
    assert.equal(press(world, "onMessageSend").allowEvent, false, "another mail warns anew");
  });
}

test("where Outlook cannot remember a warning, what may leak stays and what is inside goes", () => {
  const old = { version: "1.12", withoutSession: true };
  assert.equal(send({ subject: "(secure) x", ...old }).answer.allowEvent, false);
  assert.equal(send({ subject: "[secure] x", to: IN, ...old }).answer.allowEvent, true);
  assert.equal(send({ subject: "(secure) x", version: "1.12", fail: ["session.set"] }).answer.allowEvent, false);
});

test("1.14 asks without a button of ours, 1.15 with it", () => {
  assert.equal(send({ subject: "(secure)", version: "1.14" }).answer.commandId, undefined);
  assert.equal(send({ subject: "(secure)", version: "1.15" }).answer.commandId, "SafemailToggle");
});

const CALLS = ["subject.get", "to.get", "cc.get", "bcc.get", "attachments.get", "body.get", "session.get", "session.set"];
for (const how of ["fail", "never"]) {
  for (const call of CALLS) {
    for (const subject of ["[secure] x", "(secure) x"]) {
      test(`the event ends once when ${call} ${how === "fail" ? "fails" : "throws"}: ${subject}`, () => {
        send({ subject, [how]: [call], version: "1.12" });
        send({ subject, to: IN, [how]: [call], version: "1.12" });
      });
    }
  }
}

test("recipients that cannot be read never stop a tagged mail", () => {
  for (const call of ["to.get", "cc.get", "bcc.get"]) {
    assert.ok(isAllowed(send({ subject: "[secure]", to: IN, fail: [call] })));
  }
});

test("nothing is written to the item at Send", () => {
  for (const subject of ["[secure] x", "(secure) x", "x"]) {
    const { world } = send({ subject });
    assert.ok(world.seen.calls.every((call) => call.endsWith(".get")), String(world.seen.calls));
  }
});

test("a second completion of one event is held back", () => {
  const world = outlook({ subject: "x" });
  const run = load(world);
  const said = [];
  const done = run("onceCompleted")({ completed: (options) => said.push(options) });
  done({ allowEvent: false });
  done({ allowEvent: true });
  assert.deepEqual(said, [{ allowEvent: false }]);
});

test("the words fit into Outlook's dialog, in both languages", () => {
  for (const language of ["en-US", "es-ES", undefined]) {
    const subject = `(${"secure".padEnd(7)})`;
    for (const given of [
      { subject }, { subject: "[secure]", to: IN }, { subject: "[secure]", attachments: [file(1234.5 * MB)] }
    ]) {
      const { answer } = send({ language, ...given });
      assert.ok(answer.errorMessage.length <= 500);
      assert.ok(!/[{}]/.test(answer.errorMessage));
      assert.ok((answer.cancelLabel || "").length <= 20);
    }
  }
  assert.match(send({ subject: "(secure)", language: "es-MX" }).answer.errorMessage, /etiqueta/);
});

test("a very long subject is judged at once", () => {
  const began = performance.now();
  send({ subject: "[".repeat(5000) + "secure ".repeat(5000) + "RE: ".repeat(5000) });
  assert.ok(performance.now() - began < 1000);
});
