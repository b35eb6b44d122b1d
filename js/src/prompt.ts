/** The session as it is set up, its variants, and turns asked again: what the Prompt tab and the transcript share. */

import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { asFailure, type Exchange } from "./exchange";
import { type Fields, isFields } from "./messages";

/** What the kernel calls the session's own configuration among variants. */
export const NOW = "as it is now";

export interface SessionSetup {
  /** Fields by their flat keywords, as they are in force or will be. */
  fields: Fields;
  /** What the service says is in force; empty before a call. */
  effective: Fields;
  requested: Fields;
  version: number;
  variant: string | null;
  choices: Record<"model" | "transcription" | "voice", string[]>;
}

export interface VariantFile {
  name: string;
  hash?: string;
  instructions?: string | null;
  fields?: Fields;
  /** What would change, line by line. */
  changes?: string[];
  code?: string;
  error?: string;
}

export interface Answer {
  id: string;
  variant: string;
  repeat: number;
  transcript: string | null;
  latency_heard_ms: number | null;
  latency_inferred_ms: number | null;
  cost_usd: number | null;
  audible: boolean;
  error: string | null;
}

/** A turn that is asked again. */
export interface Ask {
  busy: boolean;
  answers: readonly Answer[];
  problem: string;
}

/** The session's JSON as somebody edited it, and the session it was edited from: another may be in force by now. */
export interface JsonEdit {
  text: string;
  base: Fields;
}

export interface Prompt {
  setup: ReadonlySignal<SessionSetup | null>;
  variants: ReadonlySignal<readonly VariantFile[]>;
  /** Fields that were edited and not applied yet, by their flat keywords. */
  draft: Signal<Fields>;
  /** The session's JSON as somebody edited it, not applied yet; null while nobody has. */
  json: Signal<JsonEdit | null>;
  /** What the session would be called as a variant, as far as it is typed. */
  name: Signal<string>;
  /** A change is on its way: another waits for its end. */
  busy: ReadonlySignal<boolean>;
  /** What went wrong last; "" when nothing did. What was done last, or is waited for. */
  problem: ReadonlySignal<string>;
  done: ReadonlySignal<string>;
  /** Turns that are asked again, by the item that asked. */
  asks: ReadonlySignal<ReadonlyMap<string, Ask>>;
  load(): Promise<void>;
  edit(field: string, value: unknown): void;
  discard(): void;
  discardJson(): void;
  /** Send changes, where there are any. */
  apply(fields: Fields): Promise<boolean>;
  take(variant: string): Promise<boolean>;
  /** Save the session, with what was edited, as a variant of the name that was typed. */
  save(): Promise<boolean>;
  openAsk(item_id: string): void;
  closeAsk(item_id: string): void;
  ask(item_id: string, variants: readonly string[], repeats: number, on: string): Promise<void>;
}

/** After so long somebody wonders whether the click was taken: a cell that runs keeps the kernel from answering. */
const LATE_MS = 500;

export function createPrompt(request: Exchange["request"]): Prompt {
  const setup = signal<SessionSetup | null>(null);
  const variants = signal<readonly VariantFile[]>([]);
  const draft = signal<Fields>({});
  const json = signal<JsonEdit | null>(null);
  const name = signal("");
  const busy = signal(false);
  const problem = signal("");
  const done = signal("");
  const asks = signal<ReadonlyMap<string, Ask>>(new Map());

  async function load(): Promise<void> {
    try {
      const [session, listed] = await Promise.all([request("session", {}), request("variants", {})]);
      setup.value = session as unknown as SessionSetup;
      variants.value = listed.variants as VariantFile[];
      problem.value = "";
    } catch (thrown) {
      problem.value = asFailure(thrown).message;
    }
  }

  async function attempt(what: string, work: () => Promise<unknown>): Promise<boolean> {
    if (busy.peek()) {
      return false;
    }
    busy.value = true;
    problem.value = "";
    done.value = "";
    const late = setTimeout(() => {
      done.value = "Waiting for the kernel…";
    }, LATE_MS);
    try {
      await work();
      clearTimeout(late);
      await load();
      done.value = what;
      return true;
    } catch (thrown) {
      problem.value = asFailure(thrown).message;
      done.value = "";
      return false;
    } finally {
      clearTimeout(late);
      busy.value = false;
    }
  }

  /** Take out of the draft what was sent, but for what was edited anew meanwhile. */
  function forget(sent: Fields): void {
    draft.value = Object.fromEntries(
      Object.entries(draft.peek()).filter(([field, value]) => !(field in sent && same(sent[field], value))),
    );
  }

  function setAsk(item_id: string, change: Partial<Ask> | null): void {
    const next = new Map(asks.peek());
    if (change === null) {
      next.delete(item_id);
    } else {
      next.set(item_id, { busy: false, answers: [], problem: "", ...next.get(item_id), ...change });
    }
    asks.value = next;
  }

  return {
    setup,
    variants,
    draft,
    json,
    name,
    busy,
    problem,
    done,
    asks,
    load,

    edit(field, value) {
      const { [field]: _, ...others } = draft.peek();
      done.value = "";
      draft.value = same(setup.peek()?.fields[field], value) ? others : { ...others, [field]: value };
    },

    discard() {
      draft.value = {};
      problem.value = "";
    },

    discardJson() {
      json.value = null;
      problem.value = "";
    },

    async apply(fields) {
      if (Object.keys(fields).length === 0) {
        problem.value = "";
        done.value = "Nothing was changed.";
        return true;
      }
      const applied = await attempt("Applied.", () => request("update", { fields }));
      if (applied) {
        forget(fields);
      }
      return applied;
    },

    take: (variant) => attempt(`“${variant}” is in force.`, () => request("update", { variant })),

    async save() {
      const [called, edits] = [name.peek().trim(), draft.peek()];
      const saved = await attempt(`Saved as variants/${called}.md, and in force.`, () =>
        request("keep", { name: called, edits }),
      );
      if (saved) {
        forget(edits);
        name.value = name.peek().trim() === called ? "" : name.peek();
      }
      return saved;
    },

    openAsk(item_id) {
      setAsk(item_id, {});
      void load();
    },

    closeAsk: (item_id) => setAsk(item_id, null),

    async ask(item_id, names, repeats, on) {
      let change: Partial<Ask>;
      setAsk(item_id, { busy: true, problem: "" });
      try {
        const { answers } = await request("ask_again", { item_id, variants: names, repeats, on });
        change = { answers: answers as Answer[] };
      } catch (thrown) {
        change = { problem: asFailure(thrown).message };
      }
      // Who closed it meanwhile does not want it any more.
      if (asks.peek().has(item_id)) {
        setAsk(item_id, { busy: false, ...change });
      }
    },
  };
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one ?? null) === JSON.stringify(other ?? null);
}

/** What must be sent so that one session becomes another: sparse but for types; lists whole; null for what is gone. */
export function changesBetween(before: Fields, after: Fields): Fields {
  const found: Fields = {};
  for (const name of Object.keys({ ...before, ...after })) {
    const [old, value] = [before[name], after[name] ?? null];
    if (same(old, value)) {
      continue;
    }
    const merged = isFields(old) && isFields(value) && (value.type === undefined || value.type === old.type);
    found[name] = merged ? { ...typeOf(value), ...changesBetween(old, value) } : value;
  }
  return found;
}

/** What the service must be told with every change of an object that has a type. */
function typeOf({ type }: Fields): Fields {
  return type === undefined ? {} : { type };
}
