/** The order of a conversation: its items by their predecessors, notes where they happened, earlier calls above. */

import { type Signal, signal } from "@preact/signals";
import { type Entry, newEntry, type Row, type Speaker } from "./rows";

export interface Order {
  /** What is shown, in order. */
  rows: Signal<readonly Signal<Row>[]>;
  find(item_id: string): Entry | undefined;
  /** The call of an id; of several, the first that waits for its output: some services use an id again. */
  findTool(tool_call_id: string): Entry | undefined;
  /** The entries of a response that are shown. */
  ofResponse(response_id: string): Entry[];
  /** The entries of the present call that may still grow. */
  growing(): Entry[];
  /** The tool calls of the present call that have no output. */
  unanswered(): Entry[];
  /** Add an entry at the end. */
  add(who: Speaker, at_ms: number, item?: { item_id?: string; hidden?: boolean }): Entry;
  /** Put an entry behind its predecessor; null is the beginning, an unknown predecessor changes nothing. */
  place(entry: Entry, after: string | null): void;
  remove(item_id: string): void;
  /** The present call's rows stay as they are; ids mean new items from now on. */
  nextCall(): void;
  clear(): void;
}

const isUnanswered = ({ tool }: Entry) => tool !== null && tool.output === null && tool.error === null;

export function createOrder(prefix: string): Order {
  const rows = signal<readonly Signal<Row>[]>([]);
  const items = new Map<string, Entry>();
  let past: readonly Signal<Row>[] = [];
  let order: Entry[] = [];
  let serial = 0;

  function publish(): void {
    const shown = order.filter((entry) => !entry.hidden).map((entry) => entry.row);
    rows.value = past.length > 0 ? [...past, ...shown] : shown;
  }

  return {
    rows,
    find: (item_id) => items.get(item_id),
    findTool(tool_call_id) {
      const calls = order.filter((entry) => entry.tool?.tool_call_id === tool_call_id);
      return calls.find(isUnanswered) ?? calls.at(-1);
    },
    ofResponse: (response_id) => order.filter((entry) => entry.response_id === response_id && !entry.hidden),
    growing: () => order.filter((entry) => !entry.done),
    unanswered: () => order.filter(isUnanswered),

    add(who, at_ms, item = {}) {
      const entry = newEntry(`${prefix}${serial++}`, who, at_ms, item);
      order.push(entry);
      if (entry.item_id !== "") {
        items.set(entry.item_id, entry);
      }
      publish();
      return entry;
    },

    place(entry, after) {
      const before = after === null ? undefined : items.get(after);
      if (before === entry || (after !== null && before === undefined)) {
        return;
      }
      order = order.filter((other) => other !== entry);
      let index = before === undefined ? 0 : order.indexOf(before) + 1;
      // Notes that follow the predecessor happened before this.
      while (before !== undefined && order[index]?.item_id === "") {
        index++;
      }
      order.splice(index, 0, entry);
      publish();
    },

    remove(item_id) {
      if (item_id === "") {
        return; // notes and calls have none
      }
      order = order.filter((entry) => entry.item_id !== item_id);
      items.delete(item_id);
      publish();
    },

    nextCall() {
      past = rows.value;
      order = [];
      items.clear();
    },

    clear() {
      past = [];
      order = [];
      items.clear();
      publish();
    },
  };
}
