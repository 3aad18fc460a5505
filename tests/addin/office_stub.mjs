/* An Office without Outlook: runs the add-in's scripts in a bare realm, and records what they ask and do. */
import { readFileSync } from "node:fs";
import vm from "node:vm";

const WEB = new URL("../../addin/web/", import.meta.url);
export const script = (name) => readFileSync(new URL(name, WEB), "utf8");

export const people = (...addresses) => addresses.map((emailAddress) => ({ emailAddress, recipientType: "other" }));
export const file = (size, more = {}) => ({ name: "a.pdf", size, isInline: false, attachmentType: "file", ...more });

/* `given`: what the item holds. `fail`: names of calls that fail; `never`: that throw; `version`: Mailbox requirement set. */
export function outlook(given = {}) {
  const item = {
    subject: "", to: [], cc: [], bcc: [], attachments: [], body: "", fail: [], never: [], version: "1.15", session: {},
    language: "en-US", keepsSubject: false, ...given
  };
  const seen = { calls: [], bars: {}, completed: [] };
  const answer = (name, callback, value) => {
    seen.calls.push(name);
    if (item.never.includes(name)) {
      throw new Error(`${name} threw`);
    }
    callback(item.fail.includes(name) ? { status: "failed", error: { name: "Error" } } : { status: "succeeded", value });
  };
  const last = (given) => given.find((one) => typeof one === "function");
  const list = (name) => ({ getAsync: (...rest) => answer(`${name}.get`, last(rest), item[name]) });
  const office = {
    subject: {
      getAsync: (...rest) => answer("subject.get", last(rest), item.subject),
      setAsync: (text, ...rest) => {
        if (!item.fail.includes("subject.set") && !item.keepsSubject) {
          item.subject = text;
        }
        answer("subject.set", last(rest));
      }
    },
    to: list("to"), cc: list("cc"), bcc: list("bcc"),
    body: { getAsync: (type, ...rest) => answer("body.get", last(rest), item.body) },
    getAttachmentsAsync: (...rest) => answer("attachments.get", last(rest), item.attachments),
    notificationMessages: {
      addAsync: (key, details, ...rest) => {
        seen.bars[key] = details;
        answer("bars.add", last(rest));
      },
      removeAsync: (key, ...rest) => {
        delete seen.bars[key];
        answer("bars.remove", last(rest));
      }
    },
    sessionData: {
      getAsync: (key, ...rest) => answer("session.get", last(rest), item.session[key]),
      setAsync: (key, value, ...rest) => {
        item.session[key] = value;
        answer("session.set", last(rest));
      }
    }
  };
  if (item.withoutSession) {
    delete office.sessionData;
  }
  if (item.withoutBars) {
    delete office.notificationMessages;
  }
  const actions = {};
  const Office = {
    onReady: () => Promise.resolve({ host: "Outlook" }),
    actions: { associate: (name, action) => { actions[name] = action; } },
    context: {
      displayLanguage: item.language,
      requirements: {
        isSetSupported: (set, version) => set === "Mailbox" && Number(version.split(".")[1]) <= Number(item.version.split(".")[1])
      },
      mailbox: { item: office }
    }
  };
  return { item, seen, actions, Office };
}

/* Load scripts as Outlook does: classic Windows the first alone, the others both. Nothing but Office is there. */
export function load(world, names = ["launchevent.js", "commands.js"]) {
  const realm = vm.createContext({ Office: world.Office });
  names.forEach((name) => vm.runInContext(script(name), realm, { filename: name }));
  return (expression) => vm.runInContext(expression, realm);
}

/* Press Send or the button; the answer is what was given to event.completed, which must have come exactly once. */
export function press(world, name) {
  world.actions[name]({ completed: (options) => world.seen.completed.push(options) });
  if (world.seen.completed.length !== 1) {
    throw new Error(`event.completed was called ${world.seen.completed.length} times`);
  }
  return world.seen.completed.pop() ?? null;
}
