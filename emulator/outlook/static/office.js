/* The window's side of the Office.js host: runs the add-in's actions in its frame and answers what they ask of the item. */
"use strict";

class AddIn {
  /* `item` has a function for each call of office-host.js. */
  constructor(frame, item, { onFault, onReady }) {
    this.frame = frame;
    this.item = item;
    this.running = new Map();
    this.number = 0;
    this.onFault = onFault;
    this.onReady = onReady;
    window.addEventListener("message", (event) => this.hear(event));
  }

  hear(event) {
    const said = event.data;
    if (event.source !== this.frame.contentWindow || !said || !said.safemail) {
      return;
    }
    if (said.kind === "ready") {
      this.onReady(said.names);
    } else if (said.kind === "fault") {
      this.onFault(said.text);
    } else if (said.kind === "completed") {
      const end = this.running.get(said.id);
      this.running.delete(said.id);
      end?.(said.options);
    } else if (said.kind === "call") {
      this.tell({ kind: "answer", id: said.id, value: this.item[said.name]?.(said.given) });
    }
  }

  /* Run one action; the promise holds what the add-in gave to event.completed. */
  run(name) {
    this.number += 1;
    const id = this.number;
    return new Promise((resolve) => {
      this.running.set(id, resolve);
      this.tell({ kind: "run", id, name });
    });
  }

  tell(message) {
    this.frame.contentWindow.postMessage({ safemail: true, ...message }, "*");
  }
}
